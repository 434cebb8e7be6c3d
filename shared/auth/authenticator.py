"""The door before the routes: who asks is told apart, and nobody asks too often."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from shared.auth.api_keys import ApiKeys
from shared.auth.client_ip import Networks, address_of
from shared.auth.pseudonym import pseudonym
from shared.errors import SettingsError, Unauthenticated
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.auth.jwt_bearer import Tokens
    from shared.auth.rate_limits import CallerLimits

API_KEY = "x-api-key"


class Authenticator:
    """Asks for a token or a key where there are `tokens` or `keys`, and counts where there are `limits`."""

    def __init__(
        self,
        tokens: "Tokens | None",
        keys: ApiKeys | None,
        limits: "CallerLimits | None",
        proxies: Networks = (),
    ) -> None:
        self._tokens = tokens
        self._keys = keys
        self._limits = limits
        self._proxies = proxies

    def caller(self, headers: Mapping[str, str]) -> str:
        """Who asks, by a pseudonym, "" where nobody has to say; names of `headers` are in lower case.

        Unauthenticated, Forbidden, or Unavailable while the issuer's keys are unknown.
        """
        if self._keys is not None and API_KEY in headers:
            return self._keys.caller(headers[API_KEY])
        if self._tokens is not None and "authorization" in headers:
            return self._tokens.caller(headers["authorization"])
        if self._tokens is None and self._keys is None:
            return ""
        raise Unauthenticated("Missing authorization header" if self._tokens else "Missing X-API-Key header")

    def counted(self, caller: str, method: str, headers: Mapping[str, str]) -> Mapping[str, str]:
        """The headers that go beside the answer to one more request of the caller; or RateLimited."""
        if self._limits is None:
            return {}
        whose = caller or pseudonym("address", address_of(headers.get("x-forwarded-for", ""), self._proxies))
        return self._limits.take("calculate" if method == "POST" else "status", whose)


def guard(settings: Settings) -> Authenticator | None:
    """What `settings` ask for, None for nothing; SettingsError where its libraries are missing."""
    tokens = limits = None
    try:
        if settings.AUTH_ISSUER is not None:
            from shared.auth.jwt_bearer import tokens_of  # noqa: PLC0415 - its libraries are an extra

            tokens = tokens_of(settings)
        if settings.limits_callers:
            from shared.auth.rate_limits import limits_of  # noqa: PLC0415 - the same

            limits = limits_of(settings)
    except ImportError:
        raise SettingsError("AUTH_ISSUER, RATE_LIMIT_…: they need the extra `access`, which is not installed") from None
    keys = None if settings.API_KEYS is None else ApiKeys(settings.API_KEYS.get_secret_value())
    return Authenticator(tokens, keys, limits, settings.proxies) if tokens or keys or limits else None
