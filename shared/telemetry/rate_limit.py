"""A sliding window rate limit."""

import threading
from collections import deque


class RateLimit:
    """Allows `count` events in any interval of `seconds`, across threads."""

    def __init__(self, count: int, seconds: float) -> None:
        self._times: deque[float] = deque(maxlen=count)
        self._seconds = seconds
        self._lock = threading.Lock()

    def acquire(self, now: float) -> bool:
        """Count an event at `now` (monotonic seconds) and return whether it is allowed."""
        with self._lock:
            if len(self._times) == self._times.maxlen and now - self._times[0] < self._seconds:
                return False
            self._times.append(now)  # drops the oldest
            return True
