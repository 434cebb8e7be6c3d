"""The door before the routes, where a deployment asks for one."""

import json
import logging
import subprocess
import sys
from ipaddress import ip_network
from typing import Any

import pytest
from flask.testing import FlaskClient

from shared.auth.api_keys import ApiKeys
from shared.auth.authenticator import Authenticator, authenticator
from shared.auth.client_ip import UNKNOWN, client_ip
from shared.auth.jwks_cache import KeySet
from shared.auth.jwt_bearer import BearerTokens
from shared.auth.oidc_issuer import usable
from shared.auth.rate_limits import RateLimiter
from shared.config.settings import Settings, read
from shared.errors import SettingsError
from shared.http.service import Options
from tests.contract.world import World
from tests.signing import AUDIENCE, ISSUER, now, signer
from tests.watched import Watched

KEY, OTHER_KEY = "k" * 32, "another-key-of-more-than-32-characters"
JOBS, SUBMIT = "/api/distance/jobs", "/api/distance/calculate"
BODY = {"date": "2026-01-25", "device_id": "garmin"}
SUBMITTING, STATUS, LISTING = 0, 2, 3
TEN = {"calculate": 10, "status": 100}
CLUSTER = (ip_network("10.0.0.0/8"), ip_network("127.0.0.0/8"))


def tokens(**asked: Any) -> BearerTokens:
    keys = usable({"keys": [signer("rsa").jwk]})
    return BearerTokens(ISSUER, frozenset({AUDIENCE}), KeySet(lambda: keys), **asked)


def client(door: Authenticator, service: int = LISTING) -> FlaskClient:
    return World(Options(auth=door)).client(service)


def keyed() -> Authenticator:
    return Authenticator(None, ApiKeys(f"{KEY}, {OTHER_KEY}"), None)


def bearer(**claims: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {signer('rsa').token(**claims)}"}


@pytest.mark.parametrize("key", [KEY, OTHER_KEY])
def test_any_of_the_keys_opens(key: str) -> None:
    assert client(keyed()).get(JOBS, headers={"X-API-Key": key}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "Missing X-API-Key header"),
        ({"X-API-Key": ""}, "Invalid API key"),
        ({"X-API-Key": KEY[:-1]}, "Invalid API key"),
        ({"X-API-Key": f"{KEY},{OTHER_KEY}"}, "Invalid API key"),
        ({"X-API-Key": "ä" * 32}, "Invalid API key"),
        ({"Authorization": f"Bearer {KEY}"}, "Missing X-API-Key header"),
    ],
)
def test_without_a_key_there_is_the_envelope(headers: dict[str, str], message: str) -> None:
    answer = client(keyed()).get(JOBS, headers={**headers, "X-Trace-Id": "1" * 32})
    assert answer.status_code == 401
    assert answer.json == {
        "error": {"code": "UNAUTHORIZED", "message": message, "details": {}},
        "trace_id": "1" * 32,
    }
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        ({}, 401, "Missing authorization header"),
        (bearer(exp=now() - 99), 401, "Token expired"),
        (bearer(aud="elsewhere"), 401, "Invalid token: wrong audience"),
        (bearer(), 403, "The token lacks the scope that is asked for"),
        (bearer(scope="distance"), 200, None),
    ],
)
def test_tokens_are_answered_in_the_words_of_old(headers: dict[str, str], status: int, message: str | None) -> None:
    answer = client(Authenticator(tokens(scope="distance"), None, None)).get(JOBS, headers=headers)
    assert answer.status_code == status
    if message:
        assert json.loads(answer.data)["error"]["message"] == message


def test_where_both_are_asked_for_either_opens_and_a_wrong_one_does_not() -> None:
    both = client(Authenticator(tokens(), ApiKeys(KEY), None))
    assert both.get(JOBS, headers={"X-API-Key": KEY}).status_code == 200
    assert both.get(JOBS, headers=bearer()).status_code == 200
    assert both.get(JOBS, headers=bearer() | {"X-API-Key": "wrong"}).status_code == 401


def test_no_method_and_no_spelling_is_a_way_around() -> None:
    reading, listing = client(keyed(), STATUS), client(keyed())
    file = "/api/distance/download/distance_20260125.csv"
    job = f"{JOBS}/019bfa00-0000-7000-8000-000000000001"
    for method, path in (("HEAD", file), ("GET", file), ("HEAD", job), ("DELETE", job), ("GET", job)):
        assert reading.open(path, method=method).status_code == 401, (method, path)
    for path in (JOBS, f"{JOBS}?limit=0", "/api/distance/stats", "/api%2Fdistance/jobs", "/api/distance/%6Aobs"):
        assert listing.head(path).status_code in (401, 404), path
        assert listing.get(path).status_code in (401, 404), path
    for path in (f"/{JOBS}", f"{JOBS}/", JOBS.upper()):
        assert listing.get(path).status_code == 404, path


def test_who_is_not_let_in_is_not_read() -> None:
    submitting = client(keyed(), SUBMITTING)
    assert submitting.post(SUBMIT, data=b"x" * (1 << 20)).status_code == 401
    assert submitting.post(SUBMIT, data=b"x" * (1 << 20), headers={"X-API-Key": KEY}).status_code == 413


def test_what_every_service_has_is_for_all() -> None:
    listing = client(keyed())
    for path in ("/healthz", "/readyz", "/health/startup", "/openapi.json", "/docs"):
        assert listing.get(path).status_code == 200, path
    assert listing.get("/nothing").status_code == 404
    assert listing.post(JOBS).status_code == 405


def test_a_caller_is_told_what_is_left_beside_every_answer() -> None:
    submitting = client(Authenticator(None, ApiKeys(KEY), RateLimiter({"calculate": 2, "status": 9})), SUBMITTING)
    key = {"X-API-Key": KEY}
    assert submitting.post(SUBMIT, json=BODY, headers=key).headers["RateLimit-Remaining"] == "1"
    wrong = submitting.post(SUBMIT, json={}, headers=key)
    assert (wrong.status_code, wrong.headers["RateLimit-Remaining"]) == (400, "0")
    answer = submitting.post(SUBMIT, json=BODY, headers=key)
    assert answer.status_code == 429
    assert json.loads(answer.data)["error"] == {
        "code": "RATE_LIMITED",
        "message": "Rate limit exceeded",
        "details": {},
    }
    assert int(answer.headers["Retry-After"]) > 0


def test_who_fails_to_say_who_it_is_uses_up_nobodys_limit() -> None:
    listing = client(Authenticator(None, ApiKeys(KEY), RateLimiter(dict.fromkeys(TEN, 1))))
    for _ in range(5):
        assert listing.get(JOBS).status_code == 401
    assert listing.get(JOBS, headers={"X-API-Key": KEY}).status_code == 200


def test_without_tokens_or_keys_callers_are_told_apart_by_their_address() -> None:
    listing = client(Authenticator(None, None, RateLimiter(dict.fromkeys(TEN, 1)), CLUSTER))

    def asked(forwarded: str) -> int:
        return listing.get(JOBS, headers={"X-Forwarded-For": forwarded}).status_code

    assert asked("203.0.113.7, 10.42.0.5") == 200
    assert asked("203.0.113.8, 10.42.0.5, 127.0.0.1") == 200
    assert asked("198.51.100.1, 203.0.113.7, 10.42.0.5") == 429  # made up by the caller of before


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7, 10.0.0.1", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("10.0.0.9, 10.0.0.1", UNKNOWN),
        ("203.0.113.7, unknown", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_the_address_is_the_last_that_is_no_proxys(forwarded: str, address: str) -> None:
    assert client_ip(forwarded, CLUSTER) == address


def test_where_no_proxy_is_trusted_all_are_one() -> None:
    assert client_ip("203.0.113.7", ()) == UNKNOWN


def test_a_pseudonym_and_nothing_else_of_the_caller_is_in_spans_and_logs(caplog: pytest.LogCaptureFixture) -> None:
    token = bearer(sub="ada@example.org", email="ada@example.org")
    door = Authenticator(tokens(), None, RateLimiter({"calculate": 1, "status": 1}))
    with Watched() as watched, caplog.at_level(logging.DEBUG):
        for status in (202, 429):  # who comes too often is to be seen, too
            assert client(door, SUBMITTING).post(SUBMIT, json=BODY, headers=token).status_code == status
        client(door, SUBMITTING).post(SUBMIT, json=BODY, headers={"Authorization": "Bearer ada@example.org"})
        told = str([span.to_json() for span in watched.spans])
        asked_by = [dict(span.attributes or {}).get("enduser.pseudo.id") for span in watched.spans]
    caller = door.authenticate({name.lower(): text for name, text in token.items()})
    assert [who for who in asked_by if who] == [caller, caller]
    assert [one.__dict__["caller"] for one in caplog.records if one.getMessage() == "job created"] == [caller]
    told += str([one.__dict__ for one in caplog.records])
    assert "ada@" not in told
    assert token["Authorization"][7:] not in told


KEYS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}


def test_all_of_it_is_off_unless_it_is_asked_for_and_costs_nothing_then() -> None:
    assert authenticator(read(KEYS, "list")) is None
    asked = "import sys, shared.http.service; print({'jwt', 'limits', 'redis', 'cryptography'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", asked], text=True) == "set()\n"


def test_what_is_asked_for_is_there() -> None:
    token = bearer()["Authorization"]
    door = authenticator(read({**KEYS, "API_KEYS": KEY, "RATE_LIMIT_STATUS": "7"}, "list"))
    assert door is not None
    assert door.authenticate({"x-api-key": KEY})
    assert [door.enforce_rate_limit("ada", method, {})["RateLimit-Limit"] for method in ("GET", "POST")] == ["7", "10"]
    issued = authenticator(read({**KEYS, "AUTH_ISSUER": ISSUER, "AUTH_AUDIENCE": f"other, {AUDIENCE}"}, "list"))
    assert issued is not None
    known = usable({"keys": [signer("rsa").jwk]})
    issued._tokens._keys._fetch = lambda: known  # type: ignore[union-attr] # in place of an issuer
    assert issued.authenticate({"authorization": token})


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("API_KEYS", "short", "keys of 32 or more ASCII characters"),
        ("API_KEYS", f"{KEY},short", "keys of 32 or more ASCII characters"),
        ("API_KEYS", ",", "keys of 32 or more ASCII characters"),
        ("AUTH_ISSUER", "issuer.example", "an http or https URL is expected"),
        ("AUTH_SCOPE", "two words", "visible ASCII characters without spaces"),
        ("AUTH_LEEWAY_SECONDS", "3600", "less than or equal to 300"),
        ("RATE_LIMIT_CALCULATE", "0", "greater than or equal to 1"),
        ("RATE_LIMIT_STORE", "memcached://host", "a redis:// or valkey:// URL is expected"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "expected comma-separated CIDR networks"),
    ],
)
def test_a_setting_that_is_wrong_stops_the_start_by_its_name(name: str, text: str, why: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: .*{why}") as caught:
        read({**KEYS, "AUTH_AUDIENCE": AUDIENCE, name: text}, "list")
    assert KEY not in str(caught.value)


def test_an_issuer_without_an_audience_would_let_in_tokens_of_others() -> None:
    with pytest.raises(SettingsError, match="AUTH_AUDIENCE: this setting is missing"):
        read({**KEYS, "AUTH_ISSUER": ISSUER}, "list")


@pytest.mark.parametrize(
    ("library", "asked"),
    [("jwt", {"AUTH_ISSUER": ISSUER, "AUTH_AUDIENCE": AUDIENCE}), ("limits", {"RATE_LIMIT_STATUS": "7"})],
)
def test_an_extra_that_is_missing_stops_the_start(
    library: str, asked: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [
        name
        for name in sys.modules
        if name.startswith(
            ("shared.auth.jwt_bearer", "shared.auth.jwks", "shared.auth.oidc", "shared.auth.rate_limits", "limits")
        )
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(SettingsError, match="the extra `access`"):
        authenticator(Settings.model_validate(asked))
