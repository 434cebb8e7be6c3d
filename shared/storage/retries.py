"""Which failures of a request are retried, after which delay, and for how long during an outage."""

import random
import threading
from collections.abc import Callable, Mapping

from shared.storage.errors import S3Error

MAX_ATTEMPTS = 3
_TRANSIENT_STATUSES = frozenset({429, 500, 502, 503, 504})
_THROTTLING_CODES = frozenset({"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "429"})
_TRANSIENT_CODES = frozenset({"RequestTimeout", "InternalError"}) | _THROTTLING_CODES
_BACKOFF_SECONDS, _THROTTLED_BACKOFF_SECONDS = 0.05, 1.0  # before the second attempt, twice as long before the third
_MAX_RETRY_AFTER_SECONDS = 5.0
_QUOTA, _RETRY_COST, _THROTTLED_RETRY_COST = 500, 14, 5


def is_transient(error: S3Error) -> bool:
    """Whether the same request may succeed later."""
    return error.status == 0 or error.status in _TRANSIENT_STATUSES or error.code in _TRANSIENT_CODES


def backoff_seconds(
    error: S3Error, attempt: int, headers: Mapping[str, str], uniform: Callable[[float, float], float] = random.uniform
) -> float:
    """Return a random delay after the failed attempt `attempt` (from 1), which spreads the retries of many clients.

    The server can ask for a longer one by x-amz-retry-after, in milliseconds.
    """
    scale = _THROTTLED_BACKOFF_SECONDS if error.code in _THROTTLING_CODES else _BACKOFF_SECONDS
    delay = uniform(0, scale * 2 ** (attempt - 1))
    requested = headers.get("x-amz-retry-after", "")
    if not (requested.isascii() and requested.isdecimal()):
        return delay
    return max(delay, min(int(requested) / 1000, delay + _MAX_RETRY_AFTER_SECONDS))


class RetryQuota:
    """Limits the retries of all requests together, so that an outage does not multiply the load.

    A retry takes from the quota. A request that succeeds returns what its retries took, or 1.
    """

    def __init__(self) -> None:
        self._available = _QUOTA
        self._lock = threading.Lock()

    def acquire(self, error: S3Error) -> int:
        """Return the cost of a retry after `error`, or 0 if the quota is used up."""
        cost = _THROTTLED_RETRY_COST if error.code in _THROTTLING_CODES else _RETRY_COST
        with self._lock:
            if cost > self._available:
                return 0
            self._available -= cost
        return cost

    def release(self, cost: int) -> None:
        """Return the cost of the retries of a request that succeeded; 0 if it needed none."""
        if self._available < _QUOTA:
            with self._lock:
                self._available = min(_QUOTA, self._available + max(cost, 1))
