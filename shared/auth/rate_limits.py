"""How often each caller may ask: exact over any minute, counted by the library `limits` in memory, Redis or Valkey."""

import logging
import math
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import MovingWindowRateLimiter

from shared.config.settings import Settings
from shared.config.urls import is_host_name, is_ipv6
from shared.errors import RateLimited, SettingsError

_LOG = logging.getLogger(__name__)
_STORE_SECONDS = 0.5
_PAUSE_SECONDS = 10  # a store that failed is left alone for so long


def rate_limiter(settings: Settings) -> "RateLimiter":
    """The rate limiter that the settings configure, or SettingsError."""
    rates = {"calculate": settings.RATE_LIMIT_CALCULATE or 10, "status": settings.RATE_LIMIT_STATUS or 100}
    store = settings.RATE_LIMIT_STORE
    return RateLimiter(rates, None if store is None else store.get_secret_value())


class RateLimiter:
    """`rates` are requests a minute, by kind; without the URL of a `store` each process counts for itself."""

    def __init__(
        self, rates: Mapping[str, int], store: str | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rates: Mapping[str, RateLimitItem] = {
            kind: RateLimitItemPerMinute(rate, namespace="otel-worker") for kind, rate in rates.items()
        }
        self._here = MovingWindowRateLimiter(MemoryStorage())
        self._store = None if store is None else MovingWindowRateLimiter(_opened(store))
        self._clock = clock
        self._failed = -math.inf

    def hit(self, kind: str, caller: str) -> Mapping[str, str]:
        """Count one request and return the rate limit headers; RateLimited if the limit is exceeded."""
        if self._store is not None and self._clock() - self._failed >= _PAUSE_SECONDS:
            try:
                return self._hit(self._store, kind, caller)
            except StorageError as exc:
                self._failed = self._clock()
                _LOG.warning("limits are counted in each process", extra={"cause": type(exc.storage_error).__name__})
        return self._hit(self._here, kind, caller)

    def _hit(self, counters: MovingWindowRateLimiter, kind: str, caller: str) -> Mapping[str, str]:
        rate = self._rates[kind]
        admitted = counters.hit(rate, kind, caller)
        window = counters.get_window_stats(rate, kind, caller)
        seconds = str(max(1, math.ceil(window.reset_time - time.time())))
        headers = {
            "RateLimit-Limit": str(rate.amount),
            "RateLimit-Remaining": str(window.remaining),
            "RateLimit-Reset": seconds,
        }
        if not admitted:
            raise RateLimited({**headers, "Retry-After": seconds})
        return headers


def _opened(url: str) -> Any:
    """The store; it is asked first when somebody is counted. Valkey speaks Redis's protocol, and so does its client."""
    from redis.backoff import NoBackoff  # noqa: PLC0415 - memory needs none of it
    from redis.retry import Retry  # noqa: PLC0415

    bounds: Any = {
        "socket_connect_timeout": _STORE_SECONDS,
        "socket_timeout": _STORE_SECONDS,
        "retry": Retry(NoBackoff(), 0),
    }
    with suppress(Exception):  # libraries put the URL, and so a password, into their texts
        store: Any = storage_from_string(re.sub("^valkey", "redis", url), wrap_exceptions=True, **bounds)
        pool = store.storage.connection_pool
        made = pool.connection_class(**pool.connection_kwargs)  # connects later, but checks the options of the URL
        if made.db >= 0 and (is_ipv6(made.host) or is_host_name(made.host)):
            return store
    raise SettingsError("RATE_LIMIT_STORE: this is no URL of a Redis or Valkey server")
