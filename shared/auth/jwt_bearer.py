"""Bearer tokens: JWTs of one OpenID Connect issuer, as RFC 7519 and RFC 9068 say and as RFC 8725 advises."""

from collections.abc import Mapping
from typing import Any

import jwt

from shared.auth.jwks_cache import ALGORITHMS, KeySet
from shared.auth.oidc_issuer import Issuer
from shared.auth.pseudonym import pseudonym
from shared.config.lists import comma_separated
from shared.config.settings import Settings
from shared.errors import Forbidden, Unauthenticated

_TYPES = (None, "jwt", "at+jwt", "application/at+jwt")  # a logout token is signed by the same keys
_REFUSALS: tuple[tuple[type[Exception], str], ...] = (  # the most specific first
    (jwt.ExpiredSignatureError, "Token expired"),
    (jwt.ImmatureSignatureError, "Invalid token: not valid yet"),
    (jwt.InvalidSignatureError, "Invalid token: wrong signature"),
    (jwt.InvalidIssuerError, "Invalid token: wrong issuer"),
    (jwt.MissingRequiredClaimError, "Invalid token: a claim is missing"),
)


def bearer_tokens(settings: Settings) -> "BearerTokens":
    """The bearer tokens that the settings accept."""
    issuer, audience = settings.AUTH_ISSUER or "", settings.AUTH_AUDIENCE or ""
    return BearerTokens(
        issuer,
        frozenset(comma_separated(audience)),
        KeySet(Issuer(issuer, settings.AUTH_JWKS_URL).signing_keys),
        scope=settings.AUTH_SCOPE,
        leeway_seconds=settings.AUTH_LEEWAY_SECONDS,
    )


class BearerTokens:
    """Authenticates requests with tokens of `issuer` for one of `audiences`, with `scope` if it is required."""

    def __init__(
        self,
        issuer: str,
        audiences: frozenset[str],
        keys: KeySet,
        *,
        scope: str | None = None,
        leeway_seconds: int = 30,
    ) -> None:
        self._issuer = issuer
        self._audiences = audiences
        self._keys = keys
        self._scope = scope
        self._leeway_seconds = leeway_seconds

    def authenticate(self, authorization: str) -> str:
        """The caller's pseudonym; Unauthenticated, Forbidden, or Unavailable while the issuer's keys are unknown."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated("Invalid token: a bearer token is expected")
        claims = self._claims(token.strip())
        if not self._audiences & _audiences(claims):
            raise Unauthenticated("Invalid token: wrong audience")
        if self._scope is not None and self._scope not in _scopes(claims):
            raise Forbidden("The token lacks the scope that is asked for")
        # Tokens of machines may have no subject of their own.
        subject = claims.get("sub") or claims.get("client_id") or claims.get("azp")
        if not subject:
            raise Unauthenticated("Invalid token: a claim is missing")
        return pseudonym("token", self._issuer, str(subject))

    def _claims(self, token: str) -> dict[str, Any]:
        """What is in a token whose signature, times and issuer are right."""
        key = self._keys.find(*_header(token))
        # The algorithm is the key's, not the token's; authenticate() checks the audience.
        options: Any = {"require": ["exp", "iss"], "verify_aud": False, "enforce_minimum_key_length": True}
        try:
            claims: dict[str, Any] = jwt.decode(
                token, key, [key.algorithm_name], options, issuer=self._issuer, leeway=self._leeway_seconds
            )
        except jwt.PyJWTError as exc:  # its text may hold what the token holds
            found = (told for kind, told in _REFUSALS if isinstance(exc, kind))
            raise Unauthenticated(next(found, "Invalid token: malformed")) from None
        return claims


def _header(token: str) -> tuple[str | None, str]:
    """Which key a token says it is signed by, and how: all that is believed of its header."""
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise Unauthenticated("Invalid token: malformed") from None
    algorithm, kind = header.get("alg"), header.get("typ")
    if algorithm not in ALGORITHMS:
        raise Unauthenticated("Invalid token: algorithm not allowed")
    if (kind.lower() if isinstance(kind, str) else kind) not in _TYPES:
        raise Unauthenticated("Invalid token: wrong type")
    return header.get("kid"), algorithm


def _audiences(claims: Mapping[str, Any]) -> set[str]:
    """Whom the token is for: Cognito's access tokens have `client_id` in place of `aud`."""
    if "aud" not in claims:
        return _words([claims.get("client_id")])
    return _words(claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]])


def _scopes(claims: Mapping[str, Any]) -> set[str]:
    """`scope` is one text (RFC 8693); some issuers have a list `scp` in its place."""
    given = claims.get("scope", claims.get("scp"))
    return _words(given.split() if isinstance(given, str) else given if isinstance(given, list) else [])


def _words(values: list[Any]) -> set[str]:
    return {value for value in values if isinstance(value, str)}
