"""A bound on how often: exact over any stretch of time, not only from one full minute to the next."""

import threading
from collections import deque


class RateLimit:
    """At most `count` in any `seconds`, over all threads."""

    def __init__(self, count: int, seconds: float) -> None:
        self._taken: deque[float] = deque(maxlen=count)
        self._seconds = seconds
        self._lock = threading.Lock()

    def take(self, now: float) -> bool:
        """Whether there may be one more at `now`; if so, it counts."""
        with self._lock:
            if len(self._taken) == self._taken.maxlen and now - self._taken[0] < self._seconds:
                return False
            self._taken.append(now)  # and the oldest goes
            return True
