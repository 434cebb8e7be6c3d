"""Which tokens open the door: each attack here is one that some library or service has fallen for."""

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.auth.jwks_cache import KeySet
from shared.auth.jwt_bearer import BearerTokens
from shared.auth.oidc_issuer import usable
from shared.errors import Forbidden, Unauthenticated, Unavailable
from tests.signing import AUDIENCE, ISSUER, Signer, now, segment, signer

RSA, EC, STRANGER = signer("rsa"), signer("ec", "ES256"), signer("stranger")
SCOPE = "otel-worker/distance"


def tokens(*signers: Signer, **asked: Any) -> BearerTokens:
    keys = usable({"keys": [one.jwk for one in signers or (RSA, EC)]})
    return BearerTokens(ISSUER, frozenset({AUDIENCE, "otel-demo"}), KeySet(lambda: keys), **asked)


def refused(token: str, **asked: Any) -> str:
    with pytest.raises(Unauthenticated) as caught:
        tokens(**asked).authenticate(f"Bearer {token}")
    return str(caught.value)


@pytest.mark.parametrize("by", [RSA, EC], ids=["RS256", "ES256"])
def test_a_good_token_tells_its_caller_by_a_pseudonym(by: Signer) -> None:
    caller = tokens().authenticate(f"Bearer {by.token()}")
    assert caller == tokens().authenticate(f"bearer  {by.token(exp=now() + 9)}")
    assert caller != tokens().authenticate(f"Bearer {by.token(sub='bob')}")
    assert len(caller) == 16
    assert "ada" not in caller


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": ["elsewhere", "otel-demo"]},
        {"aud": None, "client_id": AUDIENCE, "token_use": "access"},  # Cognito's access token
        {"sub": None, "client_id": "nightly"},  # a machine's
        {"sub": None, "azp": "nightly"},
    ],
)
def test_whom_it_is_for_and_who_asks_may_be_said_in_several_ways(claims: dict[str, Any]) -> None:
    assert tokens().authenticate(f"Bearer {RSA.token(**claims)}")


@pytest.mark.parametrize(
    ("claims", "text"),
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
def test_what_a_token_says_must_be_right(claims: dict[str, Any], text: str) -> None:
    assert refused(RSA.token(**claims)) == text


def test_clocks_may_differ_by_the_leeway() -> None:
    assert tokens().authenticate(f"Bearer {RSA.token(exp=now() - 20, iat=now() - 320)}")
    assert tokens().authenticate(f"Bearer {RSA.token(nbf=now() + 20)}")
    assert refused(RSA.token(exp=now() - 20), leeway_seconds=0) == "Token expired"


def test_a_scope_that_is_asked_for_must_be_there_whole() -> None:
    asking = tokens(scope=SCOPE)
    assert asking.authenticate(f"Bearer {RSA.token(scope=f'openid {SCOPE}')}")
    assert asking.authenticate(f"Bearer {RSA.token(scp=[SCOPE])}")
    for claims in ({}, {"scope": f"{SCOPE}2"}, {"scope": 7}, {"scope": [7]}, {"scp": "openid"}):
        with pytest.raises(Forbidden):
            asking.authenticate(f"Bearer {RSA.token(**claims)}")


def unsigned(algorithm: str) -> str:
    return f"{segment({'alg': algorithm, 'typ': 'JWT', 'kid': 'rsa'})}.{RSA.token().split('.')[1]}."


def by_public_key() -> str:
    """HS256 with the public key's text as the secret, which everybody knows."""
    signed = f"{segment({'alg': 'HS256', 'typ': 'JWT', 'kid': 'rsa'})}.{RSA.token().split('.')[1]}"
    return f"{signed}.{segment(hmac.digest(RSA.pem, signed.encode(), hashlib.sha256))}"


def by_stranger(**header: Any) -> str:
    return STRANGER.token({"kid": "rsa", **header})


def changed() -> str:
    header, _, signature = RSA.token().split(".")
    return f"{header}.{segment({'iss': ISSUER, 'aud': AUDIENCE, 'sub': 'root', 'exp': now() + 300})}.{signature}"


def other_algorithm(algorithm: str) -> str:
    return jwt.encode({"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": now() + 300}, RSA.private, algorithm)


NOT_ALLOWED = "Invalid token: algorithm not allowed"
WRONG = "Invalid token: wrong signature"
UNKNOWN = "Invalid token: unknown key"
MALFORMED = "Invalid token: malformed"


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: unsigned("none"), NOT_ALLOWED),
        (lambda: unsigned("None"), NOT_ALLOWED),
        (lambda: unsigned("nOnE"), NOT_ALLOWED),
        (lambda: unsigned("RS256"), WRONG),
        (by_public_key, NOT_ALLOWED),
        (lambda: other_algorithm("RS512"), NOT_ALLOWED),
        (lambda: other_algorithm("PS256"), NOT_ALLOWED),
        (changed, WRONG),
        (by_stranger, WRONG),
        (lambda: by_stranger(jwk=STRANGER.jwk), WRONG),
        (lambda: by_stranger(jku="http://127.0.0.1:9/keys"), WRONG),
        (lambda: by_stranger(x5u="http://127.0.0.1:9/keys", x5c=["MIIB"]), WRONG),
        (lambda: by_stranger(kid="stranger"), UNKNOWN),
        (lambda: by_stranger(kid="../../../../dev/null"), UNKNOWN),
        (lambda: by_stranger(kid="' OR '1'='1"), UNKNOWN),
        (lambda: by_stranger(kid=""), UNKNOWN),
        (lambda: RSA.token({"kid": "ec"}), UNKNOWN),
        (lambda: EC.token({"kid": "rsa"}), UNKNOWN),
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
def test_what_somebody_made_up_is_refused(make: Callable[[], str], text: str) -> None:
    assert refused(make()) == text


@pytest.mark.parametrize("text", ["Basic YWRhOnB3", "", "Bearer", "Token abc", "bearer:abc"])
def test_another_scheme_is_no_token(text: str) -> None:
    with pytest.raises(Unauthenticated, match=r"^Invalid token: "):
        tokens().authenticate(text)


def test_an_ecdsa_signature_of_zeros_is_none() -> None:
    header, claims, _ = EC.token().split(".")
    assert refused(f"{header}.{claims}.{segment(bytes(64))}") == WRONG


@given(st.text() | st.lists(st.binary(), min_size=2, max_size=4).map(lambda parts: ".".join(map(segment, parts))))
def test_whatever_comes_is_refused_in_fixed_words(text: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        tokens().authenticate(f"Bearer {text}")
    assert str(caught.value) in {NOT_ALLOWED, WRONG, UNKNOWN, MALFORMED, "Invalid token: wrong type"}


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_whatever_the_header_holds_is_refused_in_fixed_words(value: Any) -> None:
    for name in ("alg", "kid", "typ", "crit", "b64", "jwk"):
        header = {"alg": "RS256", "kid": "rsa", name: value}
        token = f"{segment(json.dumps(header).encode())}.{segment({'exp': 1})}.{segment(b'signature')}"
        with pytest.raises(Unauthenticated):
            tokens().authenticate(f"Bearer {token}")


def test_without_an_id_the_only_key_is_meant() -> None:
    assert tokens(RSA, EC).authenticate(f"Bearer {RSA.token({'kid': None})}")
    with pytest.raises(Unauthenticated, match=UNKNOWN):
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
def test_a_key_that_is_not_for_this_is_no_key(jwk: Any) -> None:
    assert usable({"keys": [jwk]}) == []


def test_a_short_key_is_no_key() -> None:
    assert usable({"keys": [Signer("short", bits=1024).jwk]}) == []


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": {"rsa": RSA.jwk}}])
def test_what_is_no_key_set_is_an_issuer_that_is_away(document: dict[str, Any]) -> None:
    with pytest.raises(Unavailable, match="issuer"):
        usable(document)
