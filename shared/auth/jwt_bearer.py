"""Bearer tokens: JWTs of an OpenID Connect issuer, validated by RFC 7519, RFC 9068 and RFC 8725."""

from collections.abc import Mapping
from typing import Any

import jwt

from shared.auth.caller_identity import pseudonym
from shared.auth.jwks_cache import ALGORITHMS, JwksCache
from shared.auth.oidc_issuer import Issuer
from shared.config.lists import comma_separated
from shared.config.settings import Settings
from shared.errors import Forbidden, Unauthenticated

_TYPES = (None, "jwt", "at+jwt", "application/at+jwt")  # the same keys sign logout tokens
_MESSAGES: tuple[tuple[type[Exception], str], ...] = (  # the most specific class first
    (jwt.ExpiredSignatureError, "Token expired"),
    (jwt.ImmatureSignatureError, "Invalid token: not valid yet"),
    (jwt.InvalidSignatureError, "Invalid token: wrong signature"),
    (jwt.InvalidIssuerError, "Invalid token: wrong issuer"),
    (jwt.MissingRequiredClaimError, "Invalid token: a claim is missing"),
)


def bearer_tokens(settings: Settings) -> "BearerTokens":
    """Create the authentication by bearer tokens that the settings configure."""
    issuer, audience = settings.AUTH_ISSUER or "", settings.AUTH_AUDIENCE or ""
    return BearerTokens(
        issuer,
        frozenset(comma_separated(audience)),
        JwksCache(Issuer(issuer, settings.AUTH_JWKS_URL).fetch_keys),
        scope=settings.AUTH_SCOPE,
        leeway_seconds=settings.AUTH_LEEWAY_SECONDS,
    )


class BearerTokens:
    """Authenticates requests with tokens of `issuer` for one of `audiences`, with `scope` if it is required."""

    def __init__(
        self,
        issuer: str,
        audiences: frozenset[str],
        keys: JwksCache,
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
        """Return the caller's pseudonym.

        Raises Unauthenticated, Forbidden, or Unavailable if the issuer's keys cannot be fetched.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated("Invalid token: expected a bearer token")
        claims = self._claims(token.strip())
        if not self._audiences & _audiences(claims):
            raise Unauthenticated("Invalid token: wrong audience")
        if self._scope is not None and self._scope not in _scopes(claims):
            raise Forbidden("The token lacks the required scope")
        # Tokens of the client credentials grant may have no subject.
        subject = claims.get("sub") or claims.get("client_id") or claims.get("azp")
        if not subject:
            raise Unauthenticated("Invalid token: a claim is missing")
        return pseudonym("token", self._issuer, str(subject))

    def _claims(self, token: str) -> dict[str, Any]:
        """Return the claims of a token with valid signature, times and issuer."""
        key = self._keys.find(*_header(token))
        # The key, not the token, determines the algorithm. authenticate() checks the audience.
        options: Any = {"require": ["exp", "iss"], "verify_aud": False, "enforce_minimum_key_length": True}
        try:
            claims: dict[str, Any] = jwt.decode(
                token, key, [key.algorithm_name], options, issuer=self._issuer, leeway=self._leeway_seconds
            )
        except jwt.PyJWTError as exc:  # its text may contain parts of the token
            messages = (message for exception_type, message in _MESSAGES if isinstance(exc, exception_type))
            raise Unauthenticated(next(messages, "Invalid token: malformed")) from None
        return claims


def _header(token: str) -> tuple[str | None, str]:
    """Return key ID and algorithm, the only header parameters that are used."""
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise Unauthenticated("Invalid token: malformed") from None
    algorithm, token_type = header.get("alg"), header.get("typ")
    if algorithm not in ALGORITHMS:
        raise Unauthenticated("Invalid token: algorithm not allowed")
    if (token_type.lower() if isinstance(token_type, str) else token_type) not in _TYPES:
        raise Unauthenticated("Invalid token: wrong type")
    return header.get("kid"), algorithm


def _audiences(claims: Mapping[str, Any]) -> set[str]:
    """Return the audiences of a token. Access tokens of Amazon Cognito have `client_id` instead of `aud`."""
    if "aud" not in claims:
        return _strings([claims.get("client_id")])
    return _strings(claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]])


def _scopes(claims: Mapping[str, Any]) -> set[str]:
    """Return the scopes of a token: a string `scope` (RFC 8693), or a list `scp` of some issuers."""
    scopes = claims.get("scope", claims.get("scp"))
    if isinstance(scopes, str):
        scopes = scopes.split()
    return _strings(scopes) if isinstance(scopes, list) else set()


def _strings(values: list[Any]) -> set[str]:
    return {value for value in values if isinstance(value, str)}
