"""Failures of single objects and steps, which do not stop the rest of a sweep."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.errors import CorruptRecord, Unavailable
from shared.storage.bucket import ObjectMissing
from shared.telemetry.error_reporting import capture_error

_LOG = logging.getLogger(__name__)
_MAX_FAILURES = 100  # then a step ends, because it would only repeat the failure


class Failures:
    """The failures of one sweep. `ping` raises Unavailable if the storage is unavailable, and not just an object."""

    def __init__(self, ping: Callable[[], None], max_failures: int = _MAX_FAILURES) -> None:
        self._ping = ping
        self._max_failures = max_failures
        self._count = 0
        self._reported: set[str] = set()  # job ids
        self.first: Exception | None = None  # except corrupt records, for which the next sweep can do no more

    @contextmanager
    def isolate(self, consequence: str, job_id: str = "") -> Iterator[None]:
        """Report an exception of the block instead of raising it, once per job.

        Raises it if the storage is unavailable. A block of one job also raises it after too many failures, which ends
        the block of the step.
        """
        try:
            yield
        except ObjectMissing:  # raised by the segments of the index only
            _LOG.info("index segment deleted by a concurrent sweep", extra={"consequence": consequence})
        except CorruptRecord as exc:
            self._report(exc, job_id, cause="corrupt record", consequence=consequence)
        except Exception as exc:
            self._report(exc, job_id, consequence=consequence)
            self.first = self.first or exc
            self._count += 1
            if job_id and self._count > self._max_failures:
                raise
            if isinstance(exc, Unavailable) and not self._is_storage_available():
                raise

    def _report(self, exc: Exception, job_id: str, **tags: str) -> None:
        if not job_id:
            capture_error(exc, **tags)
        elif job_id not in self._reported:
            self._reported.add(job_id)
            capture_error(exc, job_id=job_id, **tags)

    def _is_storage_available(self) -> bool:
        try:
            self._ping()
        except Unavailable:
            return False
        return True
