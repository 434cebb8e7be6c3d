"""Rate limits per caller: a sliding window of one minute, stored in memory, Redis or Valkey."""

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
_STORE_TIMEOUT_SECONDS = 0.5
_RETRY_STORE_SECONDS = 10  # after a failure


def rate_limiter(settings: Settings) -> "RateLimiter":
    """Create the rate limiter of the settings. Raises SettingsError if RATE_LIMIT_STORE is invalid."""
    rates = {"calculate": settings.RATE_LIMIT_CALCULATE or 10, "status": settings.RATE_LIMIT_STATUS or 100}
    store = settings.RATE_LIMIT_STORE
    return RateLimiter(rates, None if store is None else store.get_secret_value())


class RateLimiter:
    """Limits the requests of each caller.

    `rates` are requests per minute by kind of request. Without the URL of a `store`, or while it is unavailable, each
    process counts on its own.
    """

    def __init__(
        self, rates: Mapping[str, int], store: str | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rates: Mapping[str, RateLimitItem] = {
            kind: RateLimitItemPerMinute(rate, namespace="otel-worker") for kind, rate in rates.items()
        }
        self._local = MovingWindowRateLimiter(MemoryStorage())
        self._store = None if store is None else MovingWindowRateLimiter(_storage(store))
        self._clock = clock
        self._failed_at = -math.inf

    def hit(self, kind: str, caller: str) -> Mapping[str, str]:
        """Count a request and return the rate limit headers. Raises RateLimited if the limit is exceeded."""
        if self._store is not None and self._clock() - self._failed_at >= _RETRY_STORE_SECONDS:
            try:
                return self._hit(self._store, kind, caller)
            except StorageError as exc:
                self._failed_at = self._clock()
                cause = type(exc.storage_error).__name__
                _LOG.warning("rate limit store is unavailable, counting in this process", extra={"cause": cause})
        return self._hit(self._local, kind, caller)

    def _hit(self, limiter: MovingWindowRateLimiter, kind: str, caller: str) -> Mapping[str, str]:
        rate = self._rates[kind]
        admitted = limiter.hit(rate, kind, caller)
        window = limiter.get_window_stats(rate, kind, caller)
        seconds = str(max(1, math.ceil(window.reset_time - time.time())))
        headers = {
            "RateLimit-Limit": str(rate.amount),
            "RateLimit-Remaining": str(window.remaining),
            "RateLimit-Reset": seconds,
        }
        if not admitted:
            raise RateLimited({**headers, "Retry-After": seconds})
        return headers


def _storage(url: str) -> Any:
    """Create the storage of a Redis or Valkey URL. It connects at the first request."""
    from redis.backoff import NoBackoff  # noqa: PLC0415 - only for a store
    from redis.retry import Retry  # noqa: PLC0415 - only for a store

    options: Any = {
        "socket_connect_timeout": _STORE_TIMEOUT_SECONDS,
        "socket_timeout": _STORE_TIMEOUT_SECONDS,
        "retry": Retry(NoBackoff(), 0),
    }
    with suppress(Exception):  # messages of the libraries contain the URL with its password
        store: Any = storage_from_string(re.sub("^valkey", "redis", url), wrap_exceptions=True, **options)
        pool = store.storage.connection_pool
        connection = pool.connection_class(**pool.connection_kwargs)  # validates the options, does not connect
        if connection.db >= 0 and (is_ipv6(connection.host) or is_host_name(connection.host)):
            return store
    raise SettingsError("RATE_LIMIT_STORE: expected the URL of a Redis or Valkey server")
