"""Cache of an issuer's signing keys.

jwt.PyJWKClient holds a lock while it fetches, so each request waits for a slow issuer. It has no total deadline and no
size limit, and it rejects all tokens once its cache expires while the issuer is unavailable.
"""

import logging
import math
import time
from collections.abc import Callable, Sequence

import jwt

from shared.deadlines import SingleFlight
from shared.errors import Unauthenticated, Unavailable

_LOG = logging.getLogger(__name__)
ALGORITHMS = ("RS256", "ES256")
REFRESH_AFTER_SECONDS = 3600  # in the background: cached keys remain valid meanwhile
MAX_AGE_SECONDS = 86_400  # while the issuer is unavailable
FETCH_TIMEOUT_SECONDS = 5
_MIN_INTERVAL_SECONDS = 10  # between fetches for unknown key IDs
_MIN_INTERVAL_AFTER_FAILURE_SECONDS = 3

Keys = Sequence[jwt.PyJWK]


class JwksCache:
    """Caches the keys that `fetch` returns, and refreshes them in the background. `fetch` raises Unavailable."""

    def __init__(self, fetch: Callable[[], Keys], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._cached: tuple[Keys, float] = (), -math.inf
        self._refreshes = SingleFlight(
            self._refresh,
            FETCH_TIMEOUT_SECONDS,
            lambda succeeded: _MIN_INTERVAL_SECONDS if succeeded else _MIN_INTERVAL_AFTER_FAILURE_SECONDS,
            clock,
        )

    def find(self, key_id: str | None, algorithm: str) -> jwt.PyJWK:
        """Return the key with this ID and algorithm. Without an ID, return the only key for the algorithm.

        Raises Unauthenticated if the issuer has no such key, Unavailable if the keys cannot be fetched.
        """
        key, age = self._lookup(key_id, algorithm)
        if key is not None and age < REFRESH_AFTER_SECONDS:
            return key
        wait = self._refreshes.start()
        if key is not None and age < MAX_AGE_SECONDS:
            return key
        try:
            succeeded = wait()
        except TimeoutError:
            succeeded = False
        key, age = self._lookup(key_id, algorithm)
        if key is not None and age < MAX_AGE_SECONDS:
            return key
        if not succeeded:
            raise Unavailable("issuer", "no keys")
        raise Unauthenticated("Invalid token: unknown key")

    def _lookup(self, key_id: str | None, algorithm: str) -> tuple[jwt.PyJWK | None, float]:
        keys, fetched_at = self._cached
        matches = [key for key in keys if key.algorithm_name == algorithm and key_id in (None, key.key_id)]
        return matches[0] if len(matches) == 1 else None, self._clock() - fetched_at

    def _refresh(self) -> bool:
        try:
            self._cached = self._fetch(), self._clock()
        except Unavailable as exc:
            _LOG.warning("failed to fetch the issuer's keys", extra={"cause": exc.cause})
            return False
        return True
