"""What finished jobs came to, for the rows of a page: from their records, the only truth, a few at a time.

A finished record never changes, so what was read of it is kept. The list itself needs none: where records can't be
read, because the storage fails or the right to read them is missing, rows go without.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from typing import Any

from shared.errors import CorruptRecord, NotFound, Unavailable
from shared.http.schemas import ResultListed
from shared.job_index.markers import Entry, Position, position_of
from shared.jobs import csv_keys
from shared.jobs.store import JobStore
from shared.models import Record

_LOG = logging.getLogger(__name__)
SECONDS = 10  # a caller that waits 30 s shall get its page
_AT_ONCE = 8
_MOST_KEPT = 2_048  # a few kB each

# What a row says of its job's end: a result, or an error's code and message.
JobOutcome = Mapping[str, Any]


class ResultReader:
    """The ends of one store's jobs."""

    def __init__(
        self, store: JobStore, *, at_once: int = _AT_ONCE, most_kept: int = _MOST_KEPT, seconds: float = SECONDS
    ) -> None:
        self._jobs = store
        self._most_kept = most_kept
        self._seconds = seconds
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="results")
        self._lock = threading.Lock()
        self._kept: OrderedDict[Position, JobOutcome] = OrderedDict()

    def of(self, entries: Iterable[Entry]) -> dict[Position, JobOutcome]:
        """What became of the finished ones of `entries`, as far as it can be read in time."""
        finished = [entry.position for entry in entries if entry.status.finished]
        known = self._known(finished)
        unknown = [position for position in finished if position not in known]
        return known | self._read(unknown) if unknown else known

    def _known(self, positions: list[Position]) -> dict[Position, JobOutcome]:
        with self._lock:
            known = {position: self._kept[position] for position in positions if position in self._kept}
            for position in known:
                self._kept.move_to_end(position)
        return known

    def _keep(self, position: Position, ended: JobOutcome) -> None:
        with self._lock:
            self._kept[position] = ended
            if len(self._kept) > self._most_kept:
                self._kept.popitem(last=False)

    def _read(self, positions: list[Position]) -> dict[Position, JobOutcome]:
        """The same from the records; after the first one that the storage refuses no further one is asked for."""
        found: dict[Position, JobOutcome] = {}
        failures: list[str] = []

        def one(position: Position) -> None:
            if failures:
                return
            try:
                ended = self._ended(position)
            except Unavailable as exc:
                failures.append(exc.cause)
                return
            if ended is not None:
                self._keep(position, ended)
                found[position] = ended

        def traced(context: Context, position: Position) -> None:
            context.run(one, position)

        contexts = [copy_context() for _ in positions]  # a context is in one thread at a time
        try:
            list(self._pool.map(traced, contexts, positions, timeout=self._seconds))
        except TimeoutError:
            failures.append("slow")
        if failures:
            _LOG.warning("rows without results", extra={"cause": failures[0]})
        return found.copy()  # who is late goes on writing

    def _ended(self, position: Position) -> JobOutcome | None:
        """What the record at `position` says; None where it is another one's by now, has gone, or is none."""
        try:
            job, _ = self._jobs.load(position[1])
        except (NotFound, CorruptRecord):
            return None
        if not isinstance(job, Record) or position_of(job) != position:
            return None
        if job.result is not None:
            path = csv_keys.download_path(job.result.csv_path)
            return {"result": ResultListed(**job.result.model_dump(), csv_download_path=path)}
        if job.error_code is not None:
            return {"error_code": job.error_code, "error_message": job.error_message}
        return None
