"""Validation of bearer tokens. The forged tokens follow attacks that affected libraries or services."""

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.auth.jwks_cache import JwksCache
from shared.auth.jwt_bearer import BearerTokens
from shared.auth.oidc_issuer import parse_jwks
from shared.errors import Forbidden, Unauthenticated, Unavailable
from tests.signing import AUDIENCE, ISSUER, Signer, now, segment, signer

RSA, EC, STRANGER = signer("rsa"), signer("ec", "ES256"), signer("stranger")
SCOPE = "otel-worker/distance"


def tokens(*signers: Signer, **options: Any) -> BearerTokens:
    keys = parse_jwks({"keys": [signer.jwk for signer in signers or (RSA, EC)]})
    return BearerTokens(ISSUER, frozenset({AUDIENCE, "otel-demo"}), JwksCache(lambda: keys), **options)


def rejection(token: str, **options: Any) -> str:
    with pytest.raises(Unauthenticated) as caught:
        tokens(**options).authenticate(f"Bearer {token}")
    return str(caught.value)


@pytest.mark.parametrize("issuer", [RSA, EC], ids=["RS256", "ES256"])
def test_valid_token_yields_pseudonym_of_subject(issuer: Signer) -> None:
    caller = tokens().authenticate(f"Bearer {issuer.token()}")
    assert caller == tokens().authenticate(f"bearer  {issuer.token(exp=now() + 9)}")
    assert caller != tokens().authenticate(f"Bearer {issuer.token(sub='bob')}")
    assert len(caller) == 16
    assert "ada" not in caller


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": ["elsewhere", "otel-demo"]},
        {"aud": None, "client_id": AUDIENCE, "token_use": "access"},  # Cognito's access token
        {"sub": None, "client_id": "nightly"},  # client credentials
        {"sub": None, "azp": "nightly"},
    ],
)
def test_alternative_claims_for_audience_and_subject_are_accepted(claims: dict[str, Any]) -> None:
    assert tokens().authenticate(f"Bearer {RSA.token(**claims)}")


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({"exp": now() - 60}, "Token expired"),
        ({"exp": None}, "Invalid token: a claim is missing"),
        ({"nbf": now() + 3600}, "Invalid token: not valid yet"),
        ({"iat": now() + 3600}, "Invalid token: not valid yet"),
        ({"iss": "https://issuer.example/realms/other"}, "Invalid token: wrong issuer"),
        ({"iss": f"{ISSUER}/"}, "Invalid token: wrong issuer"),
        ({"iss": None}, "Invalid token: a claim is missing"),
        ({"aud": "elsewhere"}, "Invalid token: wrong audience"),
        ({"aud": "elsewhere", "client_id": AUDIENCE}, "Invalid token: wrong audience"),
        ({"aud": []}, "Invalid token: wrong audience"),
        ({"aud": None}, "Invalid token: wrong audience"),
        ({"aud": None, "client_id": [AUDIENCE]}, "Invalid token: wrong audience"),
        ({"aud": [{"otel-worker": 1}]}, "Invalid token: wrong audience"),
        ({"sub": ""}, "Invalid token: a claim is missing"),
    ],
)
def test_invalid_claims_are_rejected(claims: dict[str, Any], message: str) -> None:
    assert rejection(RSA.token(**claims)) == message


def test_leeway_applies_to_times() -> None:
    assert tokens().authenticate(f"Bearer {RSA.token(exp=now() - 20, iat=now() - 320)}")
    assert tokens().authenticate(f"Bearer {RSA.token(nbf=now() + 20)}")
    assert rejection(RSA.token(exp=now() - 20), leeway_seconds=0) == "Token expired"


def test_required_scope_must_match_exactly() -> None:
    scoped = tokens(scope=SCOPE)
    assert scoped.authenticate(f"Bearer {RSA.token(scope=f'openid {SCOPE}')}")
    assert scoped.authenticate(f"Bearer {RSA.token(scp=[SCOPE])}")
    for claims in ({}, {"scope": f"{SCOPE}2"}, {"scope": 7}, {"scope": [7]}, {"scp": "openid"}):
        with pytest.raises(Forbidden):
            scoped.authenticate(f"Bearer {RSA.token(**claims)}")


def unsigned(algorithm: str) -> str:
    return f"{segment({'alg': algorithm, 'typ': 'JWT', 'kid': 'rsa'})}.{RSA.token().split('.')[1]}."


def signed_by_public_key() -> str:
    """HS256 with the public key as the secret (algorithm confusion)."""
    signed = f"{segment({'alg': 'HS256', 'typ': 'JWT', 'kid': 'rsa'})}.{RSA.token().split('.')[1]}"
    return f"{signed}.{segment(hmac.digest(RSA.pem, signed.encode(), hashlib.sha256))}"


def signed_by_stranger(**header: Any) -> str:
    return STRANGER.token({"kid": "rsa", **header})


def tampered() -> str:
    header, _, signature = RSA.token().split(".")
    return f"{header}.{segment({'iss': ISSUER, 'aud': AUDIENCE, 'sub': 'root', 'exp': now() + 300})}.{signature}"


def other_algorithm(algorithm: str) -> str:
    return jwt.encode({"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": now() + 300}, RSA.private, algorithm)


NOT_ALLOWED = "Invalid token: algorithm not allowed"
WRONG_SIGNATURE = "Invalid token: wrong signature"
UNKNOWN_KEY = "Invalid token: unknown key"
MALFORMED = "Invalid token: malformed"


@pytest.mark.parametrize(
    ("forge", "message"),
    [
        (lambda: unsigned("none"), NOT_ALLOWED),
        (lambda: unsigned("None"), NOT_ALLOWED),
        (lambda: unsigned("nOnE"), NOT_ALLOWED),
        (lambda: unsigned("RS256"), WRONG_SIGNATURE),
        (signed_by_public_key, NOT_ALLOWED),
        (lambda: other_algorithm("RS512"), NOT_ALLOWED),
        (lambda: other_algorithm("PS256"), NOT_ALLOWED),
        (tampered, WRONG_SIGNATURE),
        (signed_by_stranger, WRONG_SIGNATURE),
        (lambda: signed_by_stranger(jwk=STRANGER.jwk), WRONG_SIGNATURE),
        (lambda: signed_by_stranger(jku="http://127.0.0.1:9/keys"), WRONG_SIGNATURE),
        (lambda: signed_by_stranger(x5u="http://127.0.0.1:9/keys", x5c=["MIIB"]), WRONG_SIGNATURE),
        (lambda: signed_by_stranger(kid="stranger"), UNKNOWN_KEY),
        (lambda: signed_by_stranger(kid="../../../../dev/null"), UNKNOWN_KEY),
        (lambda: signed_by_stranger(kid="' OR '1'='1"), UNKNOWN_KEY),
        (lambda: signed_by_stranger(kid=""), UNKNOWN_KEY),
        (lambda: RSA.token({"kid": "ec"}), UNKNOWN_KEY),
        (lambda: EC.token({"kid": "rsa"}), UNKNOWN_KEY),
        (lambda: RSA.token({"kid": None}).replace(".", "..", 1), MALFORMED),
        (lambda: RSA.token({"typ": "logout+jwt"}), "Invalid token: wrong type"),
        (lambda: RSA.token({"crit": ["exp"], "exp": 1}), MALFORMED),
        (lambda: f"{segment({'alg': ['RS256']})}.e30.e30", NOT_ALLOWED),
        (lambda: f"{segment(b'[' * 5000)}.e30.e30", MALFORMED),
        (lambda: f"{segment(b'1' * 5000)}.e30.e30", MALFORMED),
        (lambda: f"{segment({'alg': 'RS256', 'kid': 7})}.e30.e30", MALFORMED),
        (lambda: f"{RSA.token()}, Bearer {RSA.token()}", MALFORMED),
        (lambda: f"{RSA.token()}\0", MALFORMED),
        (lambda: "", MALFORMED),
        (lambda: "ä.ö.ü", MALFORMED),
    ],
)
def test_forged_token_is_rejected(forge: Callable[[], str], message: str) -> None:
    assert rejection(forge()) == message


@pytest.mark.parametrize("text", ["Basic YWRhOnB3", "", "Bearer", "Token abc", "bearer:abc"])
def test_other_schemes_are_rejected(text: str) -> None:
    with pytest.raises(Unauthenticated, match=r"^Invalid token: "):
        tokens().authenticate(text)


def test_ecdsa_signature_of_zeros_is_rejected() -> None:
    header, claims, _ = EC.token().split(".")
    assert rejection(f"{header}.{claims}.{segment(bytes(64))}") == WRONG_SIGNATURE


@given(st.text() | st.lists(st.binary(), min_size=2, max_size=4).map(lambda parts: ".".join(map(segment, parts))))
def test_arbitrary_token_is_rejected_with_fixed_message(text: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        tokens().authenticate(f"Bearer {text}")
    assert str(caught.value) in {NOT_ALLOWED, WRONG_SIGNATURE, UNKNOWN_KEY, MALFORMED, "Invalid token: wrong type"}


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_arbitrary_header_is_rejected_with_fixed_message(value: Any) -> None:
    for name in ("alg", "kid", "typ", "crit", "b64", "jwk"):
        header = {"alg": "RS256", "kid": "rsa", name: value}
        token = f"{segment(json.dumps(header).encode())}.{segment({'exp': 1})}.{segment(b'signature')}"
        with pytest.raises(Unauthenticated):
            tokens().authenticate(f"Bearer {token}")


def test_token_without_key_id_selects_the_only_key() -> None:
    assert tokens(RSA, EC).authenticate(f"Bearer {RSA.token({'kid': None})}")
    with pytest.raises(Unauthenticated, match=UNKNOWN_KEY):
        tokens(RSA, STRANGER).authenticate(f"Bearer {RSA.token({'kid': None})}")


@pytest.mark.parametrize(
    "jwk",
    [
        {**RSA.jwk, "use": "enc"},
        {**RSA.jwk, "alg": "RS512"},
        {"kty": "oct", "k": segment(b"secret" * 8), "kid": "rsa", "alg": "HS256"},
        {"kty": "oct", "k": segment(b"secret" * 8), "kid": "rsa", "alg": "RS256"},
        {"kid": "rsa"},
        {"kty": "RSA", "kid": "rsa", "n": "?", "e": 7},
        {"kty": "EC", "crv": "P-999", "kid": "rsa"},
        "rsa",
    ],
)
def test_unsuitable_key_is_ignored(jwk: Any) -> None:
    assert parse_jwks({"keys": [jwk]}) == []


def test_short_key_is_ignored() -> None:
    assert parse_jwks({"keys": [Signer("short", bits=1024).jwk]}) == []


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": {"rsa": RSA.jwk}}])
def test_invalid_key_set_means_issuer_is_unavailable(document: dict[str, Any]) -> None:
    with pytest.raises(Unavailable, match="issuer"):
        parse_jwks(document)
