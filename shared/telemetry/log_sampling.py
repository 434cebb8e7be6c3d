"""What a flood leaves of the log: some lines of each kind, and how many there were."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from shared.telemetry.rate_limit import RateLimit

LINES, SECONDS = 20, 10
KINDS = 500  # what is remembered: our messages are constants, and few
AUDIT = "shared.jobs.audit"


@dataclass
class _Kind:
    limit: RateLimit = field(default_factory=lambda: RateLimit(LINES, SECONDS))
    suppressed: int = 0


class Sampling(logging.Filter):
    """Of one logger, level and message template LINES in SECONDS; the next that comes through says what didn't.

    Audit lines and critical ones always come through.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._kinds: dict[tuple[str, int, str], _Kind] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == AUDIT or record.levelno >= logging.CRITICAL:
            return True
        name = (record.name, record.levelno, str(record.msg))
        with self._lock:
            kind = self._kinds[name] = self._kinds.pop(name) if name in self._kinds else _Kind()
            if len(self._kinds) > KINDS:
                del self._kinds[next(iter(self._kinds))]  # the one not seen for longest: what is seen goes to the end
            if not kind.limit.take(self._clock()):
                kind.suppressed += 1
                return False
            suppressed, kind.suppressed = kind.suppressed, 0
        if suppressed:
            record.__dict__["suppressed"] = suppressed
        return True
