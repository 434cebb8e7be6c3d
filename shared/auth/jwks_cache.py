"""The public keys of an issuer, kept for as long as they may be, and fetched when a token needs another one."""

import logging
import math
import time
from collections.abc import Callable, Sequence

import jwt

from shared.deadlines import SingleFlight
from shared.errors import Unauthenticated, Unavailable

_LOG = logging.getLogger(__name__)
ALGORITHMS = ("RS256", "ES256")
FRESH_SECONDS = 3600  # then they are fetched anew, while the old ones serve
KEPT_SECONDS = 86_400  # ... for no longer, should the issuer be away
_AGAIN_SECONDS = 10  # after a look, before an unknown key leads to another one
_AGAIN_AFTER_FAILURE_SECONDS = 3
LOOK_SECONDS = 5

Keys = Sequence[jwt.PyJWK]


class KeySet:
    """What `fetch` gives, or an Unavailable of it; nobody waits while keys that are known are fetched anew."""

    def __init__(self, fetch: Callable[[], Keys], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._known: tuple[Keys, float] = (), -math.inf
        self._looks = SingleFlight(
            self._look, LOOK_SECONDS, lambda well: _AGAIN_SECONDS if well else _AGAIN_AFTER_FAILURE_SECONDS, clock
        )

    def find(self, key_id: str | None, algorithm: str) -> jwt.PyJWK:
        """The key of that id, for that algorithm: without an id it is the only one that there is.

        Unauthenticated where the issuer has none such, Unavailable where that can't be known.
        """
        found, age = self._of(key_id, algorithm)
        if found is not None and age < FRESH_SECONDS:
            return found
        looked = self._looks.start()
        if found is not None and age < KEPT_SECONDS:
            return found
        try:
            well = looked()
        except TimeoutError:
            well = False
        found, age = self._of(key_id, algorithm)
        if found is not None and age < KEPT_SECONDS:
            return found
        if not well:
            raise Unavailable("issuer", "no keys")
        raise Unauthenticated("Invalid token: unknown key")

    def _of(self, key_id: str | None, algorithm: str) -> tuple[jwt.PyJWK | None, float]:
        keys, since = self._known
        fit = [key for key in keys if key.algorithm_name == algorithm and key_id in (None, key.key_id)]
        return fit[0] if len(fit) == 1 else None, self._clock() - since

    def _look(self) -> bool:
        try:
            self._known = self._fetch(), self._clock()
        except Unavailable as exc:
            _LOG.warning("keys of the issuer not fetched", extra={"cause": exc.cause})
            return False
        return True
