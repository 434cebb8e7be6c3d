"""Authentication and rate limiting of callers, as the settings configure them."""

import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING

from shared.auth.caller_identity import client_ip, pseudonym
from shared.config import lists
from shared.config.settings import Settings
from shared.errors import SettingsError, Unauthenticated

if TYPE_CHECKING:
    from shared.auth.jwt_bearer import BearerTokens
    from shared.auth.rate_limits import RateLimiter

API_KEY_HEADER = "x-api-key"


class ApiKeys:
    """Authenticates requests by one of several API keys (`keys`, comma-separated), which allows rotation."""

    def __init__(self, keys: str) -> None:
        self._keys = [key.encode() for key in lists.api_keys(keys)]

    def authenticate(self, key: str) -> str:
        """Return the pseudonym of the key's holder. Raises Unauthenticated. The comparison takes constant time."""
        matches = [hmac.compare_digest(key.encode(), valid) for valid in self._keys]  # no early exit
        if not any(matches):
            raise Unauthenticated("Invalid API key")
        return pseudonym("key", key)


class Authenticator:
    """Authenticates requests by bearer token or API key, and enforces a rate limit for each caller."""

    def __init__(
        self,
        tokens: "BearerTokens | None",
        api_keys: ApiKeys | None,
        rate_limiter: "RateLimiter | None",
        trusted_proxies: lists.IpNetworks = (),
    ) -> None:
        self._tokens = tokens
        self._api_keys = api_keys
        self._rate_limiter = rate_limiter
        self._trusted_proxies = trusted_proxies

    def authenticate(self, headers: Mapping[str, str]) -> str:
        """Return the caller's pseudonym, "" if authentication is disabled. Names of `headers` are in lower case.

        Raises Unauthenticated, Forbidden, or Unavailable if the issuer's keys cannot be fetched.
        """
        if self._api_keys is not None and API_KEY_HEADER in headers:
            return self._api_keys.authenticate(headers[API_KEY_HEADER])
        if self._tokens is not None and "authorization" in headers:
            return self._tokens.authenticate(headers["authorization"])
        if self._tokens is None and self._api_keys is None:
            return ""
        raise Unauthenticated("Missing authorization header" if self._tokens else "Missing X-API-Key header")

    def enforce_rate_limit(self, caller: str, method: str, headers: Mapping[str, str]) -> Mapping[str, str]:
        """Count a request and return the rate limit headers. Raises RateLimited if the caller exceeds its limit."""
        if self._rate_limiter is None:
            return {}
        forwarded_for = headers.get("x-forwarded-for", "")
        caller = caller or pseudonym("address", client_ip(forwarded_for, self._trusted_proxies))
        return self._rate_limiter.hit("calculate" if method == "POST" else "status", caller)


def authenticator(settings: Settings) -> Authenticator | None:
    """Create the authenticator of the settings; None if they enable neither authentication nor rate limits.

    Raises SettingsError if the optional libraries are missing.
    """
    tokens = rate_limiter = None
    try:
        if settings.AUTH_ISSUER is not None:
            from shared.auth.jwt_bearer import bearer_tokens  # noqa: PLC0415 - an optional dependency

            tokens = bearer_tokens(settings)
        if settings.rate_limits_enabled:
            from shared.auth.rate_limits import rate_limiter as build  # noqa: PLC0415 - an optional dependency

            rate_limiter = build(settings)
    except ImportError:
        raise SettingsError("AUTH_ISSUER, RATE_LIMIT_…: expected the extra `access` to be installed") from None
    api_keys = None if settings.API_KEYS is None else ApiKeys(settings.API_KEYS.get_secret_value())
    if tokens or api_keys or rate_limiter:
        return Authenticator(tokens, api_keys, rate_limiter, settings.trusted_proxies)
    return None
