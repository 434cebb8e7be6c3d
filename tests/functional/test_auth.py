"""Authentication and rate limiting of routes."""

import json
import logging
import subprocess
import sys
from ipaddress import ip_network
from typing import Any

import pytest
from flask.testing import FlaskClient

from shared.auth.authenticator import ApiKeys, Authenticator, authenticator
from shared.auth.caller_identity import UNKNOWN, client_ip
from shared.auth.jwks_cache import JwksCache
from shared.auth.jwt_bearer import BearerTokens
from shared.auth.oidc_issuer import parse_jwks
from shared.auth.rate_limits import RateLimiter
from shared.config.settings import Settings, read
from shared.errors import SettingsError
from shared.http.service import Options
from tests.contract.world import World
from tests.signing import AUDIENCE, ISSUER, signer
from tests.telemetry_capture import TelemetryCapture

KEY, OTHER_KEY = "k" * 32, "another-key-of-more-than-32-characters"
JOBS, SUBMIT = "/api/distance/jobs", "/api/distance/calculate"
BODY = {"date": "2026-01-25", "device_id": "garmin"}
SUBMITTING, STATUS, LISTING = 0, 2, 3
RATES = {"calculate": 10, "status": 100}
PROXIES = (ip_network("10.0.0.0/8"), ip_network("127.0.0.0/8"))


def tokens(**options: Any) -> BearerTokens:
    keys = parse_jwks({"keys": [signer("rsa").jwk]})
    return BearerTokens(ISSUER, frozenset({AUDIENCE}), JwksCache(lambda: keys), **options)


def client(auth: Authenticator, service: int = LISTING) -> FlaskClient:
    return World(Options(auth=auth)).client(service)


def api_key_auth() -> Authenticator:
    return Authenticator(None, ApiKeys(f"{KEY}, {OTHER_KEY}"), None)


def bearer(**claims: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {signer('rsa').token(**claims)}"}


@pytest.mark.parametrize("key", [KEY, OTHER_KEY])
def test_each_api_key_is_accepted(key: str) -> None:
    assert client(api_key_auth()).get(JOBS, headers={"X-API-Key": key}).status_code == 200


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
def test_missing_or_invalid_api_key_is_401(headers: dict[str, str], message: str) -> None:
    response = client(api_key_auth()).get(JOBS, headers={**headers, "X-Trace-Id": "1" * 32})
    assert response.status_code == 401
    assert response.json == {
        "error": {"code": "UNAUTHORIZED", "message": message, "details": {}},
        "trace_id": "1" * 32,
    }
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("claims", "status", "message"),
    [
        (None, 401, "Missing authorization header"),
        ({"exp": 1}, 401, "Token expired"),
        ({"aud": "elsewhere"}, 401, "Invalid token: wrong audience"),
        ({}, 403, "The token lacks the required scope"),
        ({"scope": "distance"}, 200, None),
    ],
)
def test_token_errors_have_status_and_message(claims: dict[str, Any] | None, status: int, message: str | None) -> None:
    headers = {} if claims is None else bearer(**claims)
    response = client(Authenticator(tokens(scope="distance"), None, None)).get(JOBS, headers=headers)
    assert response.status_code == status
    if message:
        assert json.loads(response.data)["error"]["message"] == message


def test_token_or_api_key_is_accepted_but_no_invalid_one() -> None:
    both = client(Authenticator(tokens(), ApiKeys(KEY), None))
    assert both.get(JOBS, headers={"X-API-Key": KEY}).status_code == 200
    assert both.get(JOBS, headers=bearer()).status_code == 200
    assert both.get(JOBS, headers=bearer() | {"X-API-Key": "wrong"}).status_code == 401


def test_no_method_or_path_variant_bypasses_authentication() -> None:
    reading, listing = client(api_key_auth(), STATUS), client(api_key_auth())
    file = "/api/distance/download/distance_20260125.csv"
    job = f"{JOBS}/019bfa00-0000-7000-8000-000000000001"
    for method, path in (("HEAD", file), ("GET", file), ("HEAD", job), ("DELETE", job), ("GET", job)):
        assert reading.open(path, method=method).status_code == 401, (method, path)
    variants = ("/api%2Fdistance/jobs", "/api/distance/%6Aobs")
    for path in (JOBS, f"{JOBS}?limit=0", "/api/distance/stats", "/api/distance/days", *variants):
        assert listing.head(path).status_code in (401, 404), path
        assert listing.get(path).status_code in (401, 404), path
    for path in (f"/{JOBS}", f"{JOBS}/", JOBS.upper()):
        assert listing.get(path).status_code == 404, path


def test_body_of_unauthenticated_request_is_not_read() -> None:
    submitting = client(api_key_auth(), SUBMITTING)
    assert submitting.post(SUBMIT, data=b"x" * (1 << 20)).status_code == 401
    assert submitting.post(SUBMIT, data=b"x" * (1 << 20), headers={"X-API-Key": KEY}).status_code == 413


def test_health_and_document_routes_are_public() -> None:
    listing = client(api_key_auth())
    for path in ("/healthz", "/readyz", "/health/startup", "/openapi.json", "/docs"):
        assert listing.get(path).status_code == 200, path
    assert listing.get("/nothing").status_code == 404
    assert listing.post(JOBS).status_code == 405


def test_each_response_has_rate_limit_headers() -> None:
    submitting = client(Authenticator(None, ApiKeys(KEY), RateLimiter({"calculate": 2, "status": 9})), SUBMITTING)
    key = {"X-API-Key": KEY}
    assert submitting.post(SUBMIT, json=BODY, headers=key).headers["RateLimit-Remaining"] == "1"
    invalid = submitting.post(SUBMIT, json={}, headers=key)
    assert (invalid.status_code, invalid.headers["RateLimit-Remaining"]) == (400, "0")
    response = submitting.post(SUBMIT, json=BODY, headers=key)
    assert response.status_code == 429
    assert json.loads(response.data)["error"] == {
        "code": "RATE_LIMITED",
        "message": "Rate limit exceeded",
        "details": {},
    }
    assert int(response.headers["Retry-After"]) > 0


def test_unauthenticated_requests_do_not_count() -> None:
    listing = client(Authenticator(None, ApiKeys(KEY), RateLimiter(dict.fromkeys(RATES, 1))))
    for _ in range(5):
        assert listing.get(JOBS).status_code == 401
    assert listing.get(JOBS, headers={"X-API-Key": KEY}).status_code == 200


def test_anonymous_callers_are_limited_by_client_address() -> None:
    listing = client(Authenticator(None, None, RateLimiter(dict.fromkeys(RATES, 1)), PROXIES))

    def status_of(forwarded: str) -> int:
        return listing.get(JOBS, headers={"X-Forwarded-For": forwarded}).status_code

    assert status_of("203.0.113.7, 10.42.0.5") == 200
    assert status_of("203.0.113.8, 10.42.0.5, 127.0.0.1") == 200
    assert status_of("198.51.100.1, 203.0.113.7, 10.42.0.5") == 429  # forged by the first caller


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
def test_client_address_is_the_last_untrusted_one(forwarded: str, address: str) -> None:
    assert client_ip(forwarded, PROXIES) == address


def test_all_clients_share_a_limit_without_trusted_proxies() -> None:
    assert client_ip("203.0.113.7", ()) == UNKNOWN


def test_spans_and_logs_contain_only_the_callers_pseudonym(caplog: pytest.LogCaptureFixture) -> None:
    token = bearer(sub="ada@example.org", email="ada@example.org")
    auth = Authenticator(tokens(), None, RateLimiter({"calculate": 1, "status": 1}))
    with TelemetryCapture() as telemetry, caplog.at_level(logging.DEBUG):
        for status in (202, 429):  # rejected requests are recorded, too
            assert client(auth, SUBMITTING).post(SUBMIT, json=BODY, headers=token).status_code == status
        client(auth, SUBMITTING).post(SUBMIT, json=BODY, headers={"Authorization": "Bearer ada@example.org"})
        recorded = str([span.to_json() for span in telemetry.spans])
        callers = [dict(span.attributes or {}).get("enduser.pseudo.id") for span in telemetry.spans]
    caller = auth.authenticate({name.lower(): text for name, text in token.items()})
    assert [pseudonym for pseudonym in callers if pseudonym] == [caller, caller]
    assert [record.__dict__["caller"] for record in caplog.records if record.getMessage() == "job created"] == [caller]
    recorded += str([record.__dict__ for record in caplog.records])
    assert "ada@" not in recorded
    assert token["Authorization"][7:] not in recorded


KEYS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}


def test_authentication_is_disabled_by_default_and_imports_nothing() -> None:
    assert authenticator(read(KEYS, "list")) is None
    program = "import sys, shared.http.service; print({'jwt', 'limits', 'redis', 'cryptography'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "set()\n"


def test_settings_enable_authentication_and_rate_limits() -> None:
    token = bearer()["Authorization"]
    auth = authenticator(read({**KEYS, "API_KEYS": KEY, "RATE_LIMIT_STATUS": "7"}, "list"))
    assert auth is not None
    assert auth.authenticate({"x-api-key": KEY})
    assert [auth.enforce_rate_limit("ada", method, {})["RateLimit-Limit"] for method in ("GET", "POST")] == ["7", "10"]
    issued = authenticator(read({**KEYS, "AUTH_ISSUER": ISSUER, "AUTH_AUDIENCE": f"other, {AUDIENCE}"}, "list"))
    assert issued is not None
    keys = parse_jwks({"keys": [signer("rsa").jwk]})
    issued._tokens._keys._fetch = lambda: keys  # type: ignore[union-attr] # a fake issuer
    assert issued.authenticate({"authorization": token})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("API_KEYS", "short", "keys of 32 or more ASCII characters"),
        ("API_KEYS", f"{KEY},short", "keys of 32 or more ASCII characters"),
        ("API_KEYS", ",", "keys of 32 or more ASCII characters"),
        ("AUTH_ISSUER", "issuer.example", "expected an http or https URL"),
        ("AUTH_SCOPE", "two words", "visible ASCII characters without spaces"),
        ("AUTH_LEEWAY_SECONDS", "3600", "less than or equal to 300"),
        ("RATE_LIMIT_CALCULATE", "0", "greater than or equal to 1"),
        ("RATE_LIMIT_STORE", "memcached://host", "expected a redis:// or valkey:// URL"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "expected comma-separated CIDR networks"),
    ],
)
def test_invalid_setting_is_a_settings_error_with_its_name(name: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: .*{message}") as caught:
        read({**KEYS, "AUTH_AUDIENCE": AUDIENCE, name: value}, "list")
    assert KEY not in str(caught.value)


def test_issuer_requires_audience() -> None:
    with pytest.raises(SettingsError, match="AUTH_AUDIENCE: this setting is missing"):
        read({**KEYS, "AUTH_ISSUER": ISSUER}, "list")


@pytest.mark.parametrize(
    ("library", "values"),
    [("jwt", {"AUTH_ISSUER": ISSUER, "AUTH_AUDIENCE": AUDIENCE}), ("limits", {"RATE_LIMIT_STATUS": "7"})],
)
def test_missing_extra_is_a_settings_error(
    library: str, values: dict[str, str], monkeypatch: pytest.MonkeyPatch
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
        authenticator(Settings.parse(values))
