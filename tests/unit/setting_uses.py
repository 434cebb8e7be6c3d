"""Uses of settings: for each setting a function that passes its value to the library that uses it."""

import json
import logging
import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

import sentry_sdk
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cloudevents.http import from_http
from psycopg.conninfo import conninfo_to_dict
from urllib3.util import parse_url

from admin.api import ApiClient
from functions.calculate.fixes.source import FixSource
from functions.web.handler import content_security_policy, page_configuration
from shared import events
from shared.analysis_parameters import BOUNDS
from shared.auth.authenticator import API_KEY_HEADER, authenticator
from shared.auth.caller_identity import client_ip
from shared.auth.oidc_issuer import Issuer
from shared.auth.rate_limits import rate_limiter
from shared.config.settings import Settings
from shared.days import interval
from shared.http.cors import Cors
from shared.http.service import Options, Service
from shared.shutdown import GracefulShutdown
from shared.storage.client import client
from shared.submissions import parse_body
from shared.telemetry.context import trace_of
from shared.telemetry.logging_config import configuration
from shared.telemetry.rate_limit import RateLimit
from tests.builders import TRACEPARENT, record
from tests.s3_connections import ScriptedConnections, response


class FakeSocket:
    """Records what a client sends."""

    sent = b""

    def sendall(self, data: bytes) -> None:
        self.sent += data

    def settimeout(self, seconds: float | None) -> None:
        pass

    def close(self) -> None:
        pass


def send(url: str, headers: dict[str, str] | None = None) -> bytes:
    """Return the request that urllib3 sends to a URL, as the publisher and the download of keys do."""
    connection: Any = urllib3.PoolManager().connection_from_url(url)._new_conn()
    connection.sock = wire = FakeSocket()
    connection.request("POST", parse_url(url).request_uri, body=b"{}", headers=headers)
    return wire.sent


def check_sent_host(url: str, headers: dict[str, str] | None = None) -> None:
    signed = SigV4Auth(Credentials("id", "key"), "s3", "us-east-1").headers_to_sign(AWSRequest("POST", url))["host"]
    assert f"\r\nhost: {signed}\r\n".lower().encode() in send(url, headers).lower()


def signed_urls(settings: Settings) -> list[str]:
    """Return the URLs of a presigned download and of a signed request."""
    s3 = client(settings, connections=(connections := ScriptedConnections([response()])))
    url = s3.presign("GET", settings.CSV_BUCKET, "csv/a b.csv", {}, settings.PRESIGN_TTL_SECONDS)
    s3.put_object(settings.JOBS_BUCKET, "jobs/1", b"{}", "application/json")
    headers = dict(connections.requests[0].headers)
    sent = f"{urlsplit(url).scheme}://{headers['host']}{connections.requests[0].target}"
    check_sent_host(url)
    check_sent_host(sent, headers)
    return [url, sent]


def connection_parameters(settings: Settings) -> dict[str, Any]:
    return conninfo_to_dict(FixSource(settings)._conninfo)


def _check_connection_parameter(parameter: str, name: str, settings: Settings) -> None:
    assert connection_parameters(settings)[parameter] == str(getattr(settings, name))


def _check_task(settings: Settings) -> None:
    body = {"date": "2026-01-25", "away_threshold_km": settings.AWAY_THRESHOLD_KM}
    home, analysis = dict(vars(settings.home)), dict(vars(settings.analysis))
    assert parse_body({**body, "home": home, "analysis": analysis}).analysis == analysis


def check_signed_host(settings: Settings) -> None:
    endpoint = urlsplit(settings.S3_PUBLIC_ENDPOINT_URL or settings.AWS_ENDPOINT_URL_S3 or "")
    url, default_port = urlsplit(signed_urls(settings)[0]), {"http": 80, "https": 443}[endpoint.scheme]
    assert (url.hostname, url.port or default_port) == (endpoint.hostname, endpoint.port or default_port)


def _check_addressing_style(settings: Settings) -> None:
    urls = signed_urls(settings)
    is_virtual = settings.S3_ADDRESSING_STYLE == "virtual"
    assert [f"//{settings.CSV_BUCKET}." in urls[0], f"/{settings.CSV_BUCKET}/" in urls[0]] == [
        is_virtual,
        not is_virtual,
    ]


def _check_signature(settings: Settings) -> None:
    url, _ = signed_urls(settings)
    assert str(settings.AWS_ACCESS_KEY_ID) in unquote(url)
    assert f"/{settings.AWS_REGION}/s3/" in unquote(url)
    if settings.AWS_SESSION_TOKEN is not None:
        assert settings.AWS_SESSION_TOKEN.get_secret_value() in unquote(url)


def _check_bucket(settings: Settings) -> None:
    assert [url.split("/")[3] for url in signed_urls(settings)] == [settings.CSV_BUCKET, settings.JOBS_BUCKET]


def _check_age(settings: Settings) -> None:
    for age in filter(None, (settings.job_age, settings.csv_age)):
        assert datetime(2026, 1, 25, tzinfo=UTC) - age < datetime(2026, 1, 25, tzinfo=UTC)


def check_event_extensions(settings: Settings) -> None:
    headers, body = events.encode_binary(
        events.request_event(record(), settings.ce_extensions, trace_of({"traceparent": TRACEPARENT}))
    )
    send("http://broker", headers)
    assert settings.ce_extensions.items() <= from_http(headers, body).get_attributes().items()


def _check_api_key(settings: Settings) -> None:
    assert settings.API_KEYS is not None
    (key,) = ApiClient(settings.API_KEYS.get_secret_value())._headers.values()
    send("http://api", {API_KEY_HEADER: key})
    auth = authenticator(settings)
    assert auth is not None
    assert auth.authenticate({API_KEY_HEADER: key})


def _check_origins(settings: Settings) -> None:
    assert settings.cors_origins
    for origin in settings.cors_origins:
        assert Cors(settings.cors_origins).response_headers({"origin": origin})["Access-Control-Allow-Origin"] == origin
        assert parse_url(origin).host


def _check_issuer(settings: Settings) -> None:
    assert authenticator(settings) is not None
    Issuer(settings.AUTH_ISSUER or "", settings.AUTH_JWKS_URL)
    send((settings.AUTH_ISSUER or "").rstrip("/") + "/.well-known/openid-configuration")
    if settings.AUTH_JWKS_URL is not None:
        send(settings.AUTH_JWKS_URL)


def _check_rate_limits(settings: Settings) -> None:
    limits = rate_limiter(settings)
    if settings.RATE_LIMIT_STORE is None:
        limits.hit("calculate", "ada")
        limits.hit("status", "ada")
    else:
        limits._store.storage.storage.connection_pool.make_connection()  # type: ignore[union-attr]


def _check_sentry(settings: Settings) -> None:
    assert settings.SENTRY_DSN is not None
    sentry_sdk.Client(dsn=settings.SENTRY_DSN.get_secret_value(), default_integrations=False).close()


def _check_page(settings: Settings) -> None:
    """Check that each origin is a source that Content-Security-Policy can have, and that the configuration is JSON."""
    for directive in content_security_policy(settings).split("; "):
        for source in directive.split()[1:]:
            assert source in ("'self'", "'none'", "data:") or re.fullmatch(r"https?://[a-z0-9_.:\[\]-]+", source)
    json.dumps(page_configuration(settings))


USES: dict[str, Callable[[Settings], object]] = {
    **dict.fromkeys(("HOME_LATITUDE", "HOME_LONGITUDE", "AWAY_THRESHOLD_KM", *map(str.upper, BOUNDS)), _check_task),
    "DAY_TIMEZONE": lambda settings: interval(date(2026, 1, 25), settings.DAY_TIMEZONE),
    "DAY_COLUMN": lambda settings: FixSource(settings)._day.as_string(),
    **dict.fromkeys(("SUBMIT_URL", "STATUS_URL", "LIST_URL", "MAP_TILES_URL", "MAP_ATTRIBUTION"), _check_page),
    "DATABASE_URL": connection_parameters,
    "POSTGRES_HOST": partial(_check_connection_parameter, "host", "POSTGRES_HOST"),
    "POSTGRES_PORT": partial(_check_connection_parameter, "port", "POSTGRES_PORT"),
    "POSTGRES_DB": partial(_check_connection_parameter, "dbname", "POSTGRES_DB"),
    "POSTGRES_USER": partial(_check_connection_parameter, "user", "POSTGRES_USER"),
    "POSTGRES_PASSWORD": connection_parameters,
    **dict.fromkeys(("AWS_ENDPOINT_URL_S3", "S3_PUBLIC_ENDPOINT_URL"), check_signed_host),
    "S3_ADDRESSING_STYLE": _check_addressing_style,
    **dict.fromkeys(
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "PRESIGN_TTL_SECONDS"),
        _check_signature,
    ),
    **dict.fromkeys(("JOBS_BUCKET", "CSV_BUCKET"), _check_bucket),
    **dict.fromkeys(("JOB_RETENTION_DAYS", "CSV_RETENTION_DAYS"), _check_age),
    "GRACE_SECONDS": lambda settings: GracefulShutdown(settings.GRACE_SECONDS),
    "K_SINK": lambda settings: send(settings.K_SINK or ""),
    "K_CE_OVERRIDES": check_event_extensions,
    "HEALTH_DETAILS": lambda settings: Service("x", {}, {}, options=Options(health_details=settings.HEALTH_DETAILS)),
    "CORS_ORIGINS": _check_origins,
    "API_KEYS": _check_api_key,
    **dict.fromkeys(
        ("AUTH_ISSUER", "AUTH_AUDIENCE", "AUTH_SCOPE", "AUTH_JWKS_URL", "AUTH_LEEWAY_SECONDS"), _check_issuer
    ),
    **dict.fromkeys(("RATE_LIMIT_CALCULATE", "RATE_LIMIT_STATUS", "RATE_LIMIT_STORE"), _check_rate_limits),
    "TRUSTED_PROXIES": lambda settings: client_ip("198.51.100.7", settings.trusted_proxies),
    "LOG_LEVEL": lambda settings: logging.Handler(configuration(settings.LOG_LEVEL, "x")["root"]["level"]),
    "SENTRY_DSN": _check_sentry,
    "SENTRY_SAMPLE_RATE": lambda settings: math.isfinite(settings.SENTRY_SAMPLE_RATE),
    "SENTRY_MAX_PER_MINUTE": lambda settings: RateLimit(settings.SENTRY_MAX_PER_MINUTE, 60).acquire(0),
}
