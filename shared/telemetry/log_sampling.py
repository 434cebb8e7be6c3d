"""Log sampling: limits the rate of records of the same kind, and counts the suppressed ones."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from shared.telemetry.rate_limit import RateLimit

MAX_RECORDS, INTERVAL_SECONDS = 20, 10
MAX_KINDS = 500  # messages are constant templates
AUDIT_LOGGER = "shared.jobs.audit"


@dataclass
class _Kind:
    limit: RateLimit = field(default_factory=lambda: RateLimit(MAX_RECORDS, INTERVAL_SECONDS))
    suppressed: int = 0


class Sampling(logging.Filter):
    """Passes MAX_RECORDS per INTERVAL_SECONDS of the same logger, level and message template.

    The next record that passes has the number of suppressed ones. Audit and critical records always pass.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._kinds: dict[tuple[str, int, str], _Kind] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == AUDIT_LOGGER or record.levelno >= logging.CRITICAL:
            return True
        key = (record.name, record.levelno, str(record.msg))
        with self._lock:
            kind = self._kinds[key] = self._kinds.pop(key) if key in self._kinds else _Kind()
            if len(self._kinds) > MAX_KINDS:
                del self._kinds[next(iter(self._kinds))]  # the least recently used
            if not kind.limit.acquire(self._clock()):
                kind.suppressed += 1
                return False
            suppressed, kind.suppressed = kind.suppressed, 0
        if suppressed:
            record.__dict__["suppressed"] = suppressed
        return True
