"""Read the outcomes of finished jobs from their records, for the rows of pages and days.

A finished record never changes, so its outcome is cached, once for both kinds of rows.
"""

import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from typing import Any, NamedTuple

from shared.errors import CorruptRecord, NotFound, Unavailable
from shared.job_index.markers import Entry, Position, position_of
from shared.jobs import csv_keys
from shared.jobs.store import JobStore
from shared.models import Record

_LOG = logging.getLogger(__name__)
TIMEOUT_SECONDS = 10  # callers wait 30 s for a page
_MAX_CONCURRENCY = 8
_CACHE_SIZE = 2_048  # outcomes of about 2 kB each


class JobOutcome(NamedTuple):
    """What rows show of the outcome of a job.

    `fields` are those of a row of a page: `result`, or `error_code` and `error_message`. `analysis` is the analysis of
    one device without trips and gaps, or None if the job has none of it. It is JSON, which takes a fifth of the memory.
    """

    fields: Mapping[str, Any]
    analysis: str | None = None


class _Key(NamedTuple):
    """What an outcome is cached by. The device is "" for an outcome without analysis."""

    position: Position
    device_id: str


class ResultReader:
    """Read the outcomes of one store's jobs."""

    def __init__(
        self,
        store: JobStore,
        *,
        max_concurrency: int = _MAX_CONCURRENCY,
        cache_size: int = _CACHE_SIZE,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._jobs = store
        self._cache_size = cache_size
        self._timeout_seconds = timeout_seconds
        self._pool = ThreadPoolExecutor(max_concurrency, thread_name_prefix="results")
        self._lock = threading.Lock()
        self._cache: OrderedDict[_Key, JobOutcome] = OrderedDict()

    def read(self, entries: Iterable[Entry], device_id: str) -> dict[Position, JobOutcome]:
        """Return the outcomes of finished jobs with the analysis of a device, none of it for "".

        The jobs are of this device or of all devices. Those whose record is missing, corrupt or of another job are left
        out. Raises Unavailable if the storage fails or the timeout expires. The records that were read are cached then.
        """
        outcomes, failure = self._read([_Key(entry.position, device_id) for entry in entries])
        if failure is not None:
            raise Unavailable("storage", failure)
        return outcomes

    def read_available(self, entries: Iterable[Entry]) -> dict[Position, JobOutcome]:
        """Return the outcomes of the finished jobs among `entries` that can be read within the timeout."""
        finished = [entry for entry in entries if entry.status.is_finished]
        outcomes, failure = self._read([_Key(entry.position, entry.device_id) for entry in finished])
        if failure is not None:
            _LOG.warning("failed to read job results", extra={"cause": failure})
        return outcomes

    def _read(self, keys: list[_Key]) -> tuple[dict[Position, JobOutcome], str | None]:
        """Return the outcomes that can be read, and the cause of the first failure."""
        cached = self._read_cache(keys)
        missing = [key for key in keys if key not in cached]
        outcomes, failure = self._read_records(missing) if missing else ({}, None)
        return {key.position: outcome for key, outcome in (cached | outcomes).items()}, failure

    def _read_cache(self, keys: list[_Key]) -> dict[_Key, JobOutcome]:
        with self._lock:
            cached = {key: self._cache[key] for key in keys if key in self._cache}
            for key in cached:
                self._cache.move_to_end(key)
        return cached

    def _store_in_cache(self, key: _Key, outcome: JobOutcome) -> None:
        with self._lock:
            self._cache[key] = outcome
            if len(self._cache) > self._cache_size:
                self._cache.popitem(last=False)

    def _read_records(self, keys: list[_Key]) -> tuple[dict[_Key, JobOutcome], str | None]:
        """Read records concurrently, and return the cause of the first failure with the outcomes.

        After a storage error, reads that have not started are skipped.
        """
        outcomes: dict[_Key, JobOutcome] = {}
        failures: list[str] = []

        def read(key: _Key) -> None:
            if failures:
                return
            try:
                outcome = self._read_record(key)
            except Unavailable as exc:
                failures.append(exc.cause)
                return
            if outcome is not None:
                self._store_in_cache(key, outcome)
                outcomes[key] = outcome

        def read_in_context(context: Context, key: _Key) -> None:
            context.run(read, key)

        contexts = [copy_context() for _ in keys]  # each thread needs its own copy
        try:
            list(self._pool.map(read_in_context, contexts, keys, timeout=self._timeout_seconds))
        except TimeoutError:
            failures.append("slow")
        # Threads that have timed out still write to both.
        return outcomes.copy(), failures[0] if failures else None

    def _read_record(self, key: _Key) -> JobOutcome | None:
        """Return the outcome of a job, or None if its record is missing, corrupt or of another job."""
        try:
            job, _ = self._jobs.load(key.position[1])
        except (NotFound, CorruptRecord):
            return None
        if not isinstance(job, Record) or position_of(job) != key.position:
            return None
        if job.result is not None:
            path = csv_keys.download_path(job.result.csv_path)
            fields = {"result": {**job.result.summary(), "csv_download_path": path}}
            return JobOutcome(fields, _device_analysis(key.device_id, job.result.analysis))
        if job.error_code is not None:
            return JobOutcome({"error_code": job.error_code, "error_message": job.error_message})
        return None


def _device_analysis(device_id: str, analysis: Mapping[str, Any] | None) -> str | None:
    """Return the analysis of one device without trips and gaps, or None if there is none."""
    if device_id == "" or analysis is None:  # in the analysis, "" is a device without id
        return None
    for device in analysis["devices"]:
        if device.get("device_id") == device_id:
            return json.dumps({name: value for name, value in device.items() if name not in ("trips", "gaps")})
    return None
