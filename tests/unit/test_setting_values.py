"""Each setting: what is accepted at start is accepted by the library that uses it, the rest is one line."""

import logging
import math
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from itertools import chain
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import sentry_sdk
import urllib3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from cloudevents.http import from_http
from psycopg.conninfo import conninfo_to_dict
from urllib3.util import parse_url

from admin.api import ApiClient
from functions.calculate.fixes.source import FixSource
from shared import events
from shared.auth.authenticator import API_KEY_HEADER, authenticator
from shared.auth.client_ip import client_ip
from shared.auth.oidc_issuer import Issuer
from shared.auth.rate_limits import rate_limiter
from shared.config.settings import Settings, read
from shared.days import interval
from shared.errors import SettingsError
from shared.http.cors import Cors
from shared.http.service import Options, Service
from shared.models import Submission
from shared.shutdown import GracefulShutdown
from shared.storage.client import client
from shared.telemetry.context import trace_of
from shared.telemetry.logging_config import configuration
from shared.telemetry.rate_limit import RateLimit
from tests.builders import TRACEPARENT, record
from tests.unit.setting_values import BESIDE, SECRETS, VALUES

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
ENVIRON = KEYS | {"POSTGRES_USER": "reader", "POSTGRES_PASSWORD": "p"}
_BLANKS = "\r\n\t \N{NO-BREAK SPACE}"


def started(environ: dict[str, str]) -> Settings:
    """What a function does before it serves: calculate reads all settings, the others check their callers."""
    found = read(environ, "calculate")
    authenticator(found)
    return found


class Wire:
    """In place of a socket: what a client sends."""

    def __init__(self) -> None:
        self.sent = b""

    def sendall(self, data: bytes) -> None:
        self.sent += data

    def settimeout(self, seconds: float | None) -> None:
        pass

    def close(self) -> None:
        pass


def sent(url: str, headers: dict[str, str] | None = None) -> bytes:
    """The request that urllib3 makes of a URL and headers, as publishing and the issuer's keys do."""
    connection: Any = urllib3.PoolManager().connection_from_url(url)._new_conn()
    connection.sock = wire = Wire()
    connection.request("POST", parse_url(url).request_uri, body=b"{}", headers=headers)
    return wire.sent


def signed(found: Settings, endpoint: str | None = None) -> list[str]:
    """The URLs of a presigned download and of a signed request."""
    urls = []

    def answered(request: Any, **_: Any) -> Any:
        headers = {name: text.decode() if isinstance(text, bytes) else text for name, text in request.headers.items()}
        sent(request.url, headers)
        urls.append(request.url)
        answer: Any = AWSResponse(request.url, 200, HTTPHeaders(), None)
        answer._content = b""
        return answer

    s3 = client(found, endpoint)
    s3.meta.events.register("before-send.s3", answered)
    place = {"Bucket": found.CSV_BUCKET, "Key": "csv/a b.csv"}
    url = s3.generate_presigned_url("get_object", Params=place, ExpiresIn=found.PRESIGN_TTL_SECONDS)
    s3.put_object(Bucket=found.JOBS_BUCKET, Key="jobs/1", Body=b"{}")
    sent(url)
    return [url, *urls]


def database(found: Settings) -> dict[str, Any]:
    return conninfo_to_dict(FixSource(found)._conninfo)


def _is_in_the_database(parameter: str, name: str, found: Settings) -> None:
    assert database(found)[parameter] == str(getattr(found, name))


def _home(found: Settings) -> None:
    Submission.model_validate(
        {"date": date(2026, 1, 25), "home": found.home, "away_threshold_km": found.AWAY_THRESHOLD_KM}
    )


def signs_for_its_endpoint(found: Settings) -> None:
    endpoint = found.S3_PUBLIC_ENDPOINT_URL or found.AWS_ENDPOINT_URL_S3 or ""
    for url in signed(found, found.S3_PUBLIC_ENDPOINT_URL):
        assert urlsplit(url).netloc.lower() == urlsplit(endpoint).netloc.lower()


def _signs_with_its_keys(found: Settings) -> None:
    url, _ = signed(found)
    assert str(found.AWS_ACCESS_KEY_ID) in unquote(url)
    assert f"/{found.AWS_REGION}/s3/" in unquote(url)
    if found.AWS_SESSION_TOKEN is not None:
        assert found.AWS_SESSION_TOKEN.get_secret_value() in unquote(url)


def _names_its_bucket(found: Settings) -> None:
    url, put = signed(found)
    assert (f"/{found.CSV_BUCKET}/" in url, f"/{found.JOBS_BUCKET}/" in put) == (True, True)


def _age(found: Settings) -> None:
    for age in filter(None, (found.job_age, found.csv_age)):
        assert datetime(2026, 1, 25, tzinfo=UTC) - age < datetime(2026, 1, 25, tzinfo=UTC)


def extends_events(found: Settings) -> None:
    headers, body = events.binary(
        events.requested(record(), found.ce_extensions, trace_of({"traceparent": TRACEPARENT}))
    )
    sent("http://broker", headers)
    assert found.ce_extensions.items() <= from_http(headers, body).get_attributes().items()


def _sends_its_key(found: Settings) -> None:
    assert found.API_KEYS is not None
    (key,) = ApiClient(found.API_KEYS.get_secret_value())._headers.values()
    sent("http://api", {API_KEY_HEADER: key})
    door = authenticator(found)
    assert door is not None
    assert door.authenticate({API_KEY_HEADER: key})


def _lets_its_origin_in(found: Settings) -> None:
    assert found.cors_origins
    for origin in found.cors_origins:
        assert Cors(found.cors_origins).response_headers({"origin": origin})["Access-Control-Allow-Origin"] == origin
        assert parse_url(origin).host


def _asks_its_issuer(found: Settings) -> None:
    assert authenticator(found) is not None
    Issuer(found.AUTH_ISSUER or "", found.AUTH_JWKS_URL)
    sent((found.AUTH_ISSUER or "").rstrip("/") + "/.well-known/openid-configuration")
    if found.AUTH_JWKS_URL is not None:
        sent(found.AUTH_JWKS_URL)


def _counts(found: Settings) -> None:
    if found.RATE_LIMIT_STORE is None:
        rate_limiter(found).hit("calculate", "ada")
        rate_limiter(found).hit("status", "ada")
    else:
        limits = rate_limiter(found)
        pool = limits._store.storage.storage.connection_pool  # type: ignore[union-attr]
        pool.make_connection()


def _reports(found: Settings) -> None:
    assert found.SENTRY_DSN is not None
    sentry_sdk.Client(dsn=found.SENTRY_DSN.get_secret_value(), default_integrations=False).close()


USED: dict[str, Callable[[Settings], object]] = {
    **dict.fromkeys(("HOME_LATITUDE", "HOME_LONGITUDE", "AWAY_THRESHOLD_KM"), _home),
    "DAY_TIMEZONE": lambda found: interval(date(2026, 1, 25), found.DAY_TIMEZONE),
    "DAY_COLUMN": lambda found: FixSource(found)._day.as_string(),
    "DATABASE_URL": database,
    "POSTGRES_HOST": partial(_is_in_the_database, "host", "POSTGRES_HOST"),
    "POSTGRES_PORT": partial(_is_in_the_database, "port", "POSTGRES_PORT"),
    "POSTGRES_DB": partial(_is_in_the_database, "dbname", "POSTGRES_DB"),
    "POSTGRES_USER": partial(_is_in_the_database, "user", "POSTGRES_USER"),
    "POSTGRES_PASSWORD": database,
    **dict.fromkeys(("AWS_ENDPOINT_URL_S3", "S3_PUBLIC_ENDPOINT_URL"), signs_for_its_endpoint),
    **dict.fromkeys(
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "PRESIGN_TTL_SECONDS"),
        _signs_with_its_keys,
    ),
    **dict.fromkeys(("JOBS_BUCKET", "CSV_BUCKET"), _names_its_bucket),
    **dict.fromkeys(("JOB_RETENTION_DAYS", "CSV_RETENTION_DAYS"), _age),
    "GRACE_SECONDS": lambda found: GracefulShutdown(found.GRACE_SECONDS),
    "K_SINK": lambda found: sent(found.K_SINK or ""),
    "K_CE_OVERRIDES": extends_events,
    "HEALTH_DETAILS": lambda found: Service("x", {}, {}, options=Options(health_details=found.HEALTH_DETAILS)),
    "CORS_ORIGINS": _lets_its_origin_in,
    "API_KEYS": _sends_its_key,
    **dict.fromkeys(
        ("AUTH_ISSUER", "AUTH_AUDIENCE", "AUTH_SCOPE", "AUTH_JWKS_URL", "AUTH_LEEWAY_SECONDS"), _asks_its_issuer
    ),
    **dict.fromkeys(("RATE_LIMIT_CALCULATE", "RATE_LIMIT_STATUS", "RATE_LIMIT_STORE"), _counts),
    "TRUSTED_PROXIES": lambda found: client_ip("198.51.100.7", found.trusted_proxies),
    "LOG_LEVEL": lambda found: logging.Handler(configuration(found.LOG_LEVEL, "x")["root"]["level"]),
    "SENTRY_DSN": _reports,
    "SENTRY_SAMPLE_RATE": lambda found: math.isfinite(found.SENTRY_SAMPLE_RATE),
    "SENTRY_MAX_PER_MINUTE": lambda found: RateLimit(found.SENTRY_MAX_PER_MINUTE, 60).take(0),
}
ACCEPTED = [(name, text) for name, values in VALUES.items() for text in values.accepted]
REFUSED = [(name, text) for name, values in VALUES.items() for text in values.refused]


def test_every_setting_has_values_and_a_use() -> None:
    assert set(VALUES) == set(USED) == set(Settings.model_fields)
    assert all(chain.from_iterable(VALUES.values()) for values in VALUES.values())


@pytest.mark.parametrize(("name", "text"), ACCEPTED)
def test_an_accepted_value_is_accepted_by_the_library_that_uses_it(name: str, text: str) -> None:
    environ = ENVIRON | BESIDE.get(name, {}) | {name: text}
    if name.startswith("AWS_") and name != "AWS_ENDPOINT_URL_S3":
        USED[name](started(environ))  # AWS's own endpoint
    found = started({"AWS_ENDPOINT_URL_S3": "http://minio:9000", **environ})
    USED[name](found)


@pytest.mark.parametrize(("name", "text"), ACCEPTED)
def test_white_space_around_a_value_is_no_part_of_it(name: str, text: str) -> None:
    environ = ENVIRON | BESIDE.get(name, {})
    assert started(environ | {name: f"{_BLANKS}{text}{_BLANKS}"}) == started(environ | {name: text})


@pytest.mark.parametrize("name", VALUES)
def test_nothing_but_white_space_is_absent(name: str) -> None:
    environ = ENVIRON | BESIDE.get(name, {})
    assert outcome(environ | {name: _BLANKS}) == outcome(environ | {name: ""})


def outcome(environ: dict[str, str]) -> Settings | str:
    try:
        return started(environ)
    except SettingsError as exc:
        return str(exc)


@pytest.mark.parametrize(("name", "text"), REFUSED)
def test_a_refused_value_is_one_line_that_names_the_setting_and_keeps_the_value(name: str, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        started(ENVIRON | BESIDE.get(name, {}) | {name: text})
    line = str(caught.value)
    assert line.startswith(f"{name}: ")
    assert line.isprintable()
    if name in SECRETS:
        assert "hunter2" not in line
        assert text not in line.removeprefix(name) or text in ("redis://", ",")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("DATABASE_URL", "postgresql://u:p@ss@db/x", "percent-encode special characters in the password"),
        ("DATABASE_URL", "postgresql://u:p/w@db/x", "percent-encode special characters in the password"),
        ("DATABASE_URL", "postgresql://u:p@db/x?sslmode=odd", "parameter sslmode"),
        ("POSTGRES_HOST", "db:5432", "POSTGRES_PORT"),
        ("POSTGRES_HOST", "postgresql://db", "DATABASE_URL"),
        ("POSTGRES_HOST", "one,two", "DATABASE_URL"),
        ("POSTGRES_HOST", "[::1]", "without brackets"),
        ("K_SINK", "http://u:p@broker", "without user name and password"),
        ("K_SINK", "http://münchen", "xn--"),
    ],
)
def test_a_refusal_says_what_to_do(name: str, text: str, hint: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: .*{hint}"):
        started(ENVIRON | {name: text})


def test_secrets_are_never_shown() -> None:
    assert {"DATABASE_URL", "POSTGRES_PASSWORD", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} <= SECRETS
    assert {"API_KEYS", "RATE_LIMIT_STORE", "SENTRY_DSN"} <= SECRETS


def test_one_key_alone_is_not_left_to_boto3() -> None:
    environ = {"AWS_PROFILE": "home", "AWS_ACCESS_KEY_ID": "key"}
    with pytest.raises(SettingsError, match=r"^AWS_SECRET_ACCESS_KEY: this setting is missing$"):
        read(environ, "list")
