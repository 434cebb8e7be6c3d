"""Duration of the client's calls for each kind of failure, measured with a fake clock."""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from otel_worker_client import Client, ConfigurationError, OtelWorkerError, ServiceUnavailableError, ValidationError
from otel_worker_client.distance_client import DistanceClient
from requests import exceptions
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import MaxRetryError, NameResolutionError, NewConnectionError, ProtocolError, SSLError

from tests.scripted import FakeClock, ScriptedAdapter, ScriptedResponse, script_responses
from tests.unit.test_client import CSV, DONE, ID

TIMEOUT = 30
POOL = HTTPConnectionPool("worker")
CONNECTION = HTTPConnection("worker")


def wrapped(kind: type[requests.RequestException], reason: Exception) -> requests.RequestException:
    """Return an exception of requests that wraps one of urllib3, as requests raises it."""
    return kind(MaxRetryError(POOL, "/", reason))


REFUSED = wrapped(requests.ConnectionError, NewConnectionError(CONNECTION, "[Errno 111] Connection refused"))
UNREACHABLE: dict[str, ScriptedResponse] = {
    "refused": REFUSED,
    "unknown name": wrapped(requests.ConnectionError, NameResolutionError("worker", CONNECTION, OSError("-2"))),  # type: ignore[arg-type] # only its class matters
    "connect timeout": requests.ConnectTimeout("worker"),
    "proxy refused": wrapped(exceptions.ProxyError, NewConnectionError(CONNECTION, "refused")),
    "TLS handshake": wrapped(exceptions.SSLError, SSLError(ssl.SSLError("unexpected EOF"))),
    "reset": requests.ConnectionError(ProtocolError("Connection aborted.", ConnectionResetError())),
    "body cut off": exceptions.ChunkedEncodingError("IncompleteRead"),
    "bad gateway": (502, b"upstream", {}),
}
SLOW: dict[str, ScriptedResponse] = {
    "conflict": (409, b"", {}),
    "rate limit": (429, b"", {}),
    "unavailable": (503, b"", {"Retry-After": "5"}),
    "gateway timeout": (504, b"", {}),
    "slow": requests.ReadTimeout("worker"),
}
PERMANENT: dict[str, Exception] = {
    **{
        kind.__name__: kind("http://user:secret@worker")
        for kind in (
            exceptions.InvalidSchema,
            exceptions.InvalidURL,
            exceptions.InvalidHeader,
            exceptions.MissingSchema,
            exceptions.InvalidProxyURL,
            exceptions.TooManyRedirects,
            exceptions.ContentDecodingError,
            exceptions.UnrewindableBodyError,
            ValueError,
            OSError,
        )
    },
    "certificate": wrapped(exceptions.SSLError, SSLError(ssl.SSLCertVerificationError("self-signed"))),
    "encoding": UnicodeEncodeError("latin-1", "secret", 0, 1, "ordinal not in range"),
}
CALLS: dict[str, Callable[[Client], Any]] = {
    "submit": lambda client: client.submit("2026-01-21"),
    "job": lambda client: client.job(ID),
    "page": lambda client: client.page(),
    "jobs": lambda client: list(client.jobs()),
    "days": lambda client: client.days("garmin", "2026-01-01", "2026-01-31"),
    "devices": lambda client: client.devices(),
    "stats": lambda client: client.stats(),
    "delete": lambda client: client.delete(ID),
    "csv": lambda client: client.csv("distance_20260121.csv"),
    "download": lambda client: client.download(ID),
}


def scripted_client(
    *responses: ScriptedResponse, timeout: float = TIMEOUT
) -> tuple[Client, FakeClock, ScriptedAdapter]:
    client = Client("http://worker", timeout)
    clock = client._transport.clock = FakeClock()
    return client, clock, script_responses(client._transport, *responses)


def elapsed(clock: FakeClock) -> float:
    return clock.time - FakeClock().time


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("response", UNREACHABLE.values(), ids=UNREACHABLE)
def test_unreachable_service_fails_within_two_seconds(
    response: ScriptedResponse, call: Callable[[Client], Any]
) -> None:
    client, clock, server = scripted_client(response)
    with pytest.raises(ServiceUnavailableError):
        call(client)
    assert elapsed(clock) <= 2
    assert len(server.requests) > 1 or isinstance(response, requests.ConnectTimeout)


@pytest.mark.parametrize("response", SLOW.values(), ids=SLOW)
def test_slow_service_is_retried_until_the_timeout(response: ScriptedResponse) -> None:
    client, clock, server = scripted_client(response)
    with pytest.raises(ServiceUnavailableError):
        client.job(ID)
    assert 20 < elapsed(clock) <= TIMEOUT
    assert len(server.requests) > 1 or isinstance(response, requests.ReadTimeout)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("failure", PERMANENT.values(), ids=PERMANENT)
def test_permanent_errors_are_not_retried(failure: Exception, call: Callable[[Client], Any]) -> None:
    client, clock, server = scripted_client(failure)
    with pytest.raises(ConfigurationError) as caught:
        call(client)
    assert (clock.sleeps, len(server.requests)) == ([], 1)
    assert type(failure).__name__ in str(caught.value)


def test_numbers_that_are_not_json_are_rejected() -> None:
    client, clock, server = scripted_client(REFUSED)
    with pytest.raises(ValidationError, match="numbers must be finite"):
        client.submit("2026-01-21", away_threshold_km=float("nan"))
    assert (clock.sleeps, server.requests) == ([], [])


def test_the_connection_limit_starts_at_the_first_failed_connection() -> None:
    """After a response of a busy service, a restart may take the rest of the timeout."""
    busy: ScriptedResponse = (503, b"", {"Retry-After": "6"})
    client, clock, server = scripted_client(busy, REFUSED, busy, REFUSED, busy, (200, DONE, {}))
    assert client.job(ID).status == "completed"
    assert 18 < elapsed(clock) < TIMEOUT
    assert len(server.requests) == 6


def test_a_short_timeout_limits_every_failure() -> None:
    for response in (*UNREACHABLE.values(), *SLOW.values()):
        client, clock, _ = scripted_client(response, timeout=0.5)
        with pytest.raises(ServiceUnavailableError):
            client.job(ID)
        assert elapsed(clock) <= 0.5


@pytest.mark.parametrize("response", [*UNREACHABLE.values(), *PERMANENT.values()], ids=[*UNREACHABLE, *PERMANENT])
def test_unreachable_storage_fails_within_two_seconds(response: ScriptedResponse, tmp_path: Path) -> None:
    client, clock, server = scripted_client((200, DONE, {}), response)
    with pytest.raises(OtelWorkerError) as caught:
        client.download(ID, tmp_path)
    assert elapsed(clock) <= 2 or response == UNREACHABLE["bad gateway"]
    if response in PERMANENT.values():
        assert isinstance(caught.value, ConfigurationError)
        assert len(server.requests) == 2
    assert list(tmp_path.iterdir()) == []


def test_interrupted_stream_raises_service_unavailable() -> None:
    body = b"x" * 10
    client, _, _ = scripted_client(
        (302, b"", {"Location": "http://storage/csv?X-Amz-Signature=1"}), (200, body, {"Content-Length": "20"})
    )
    with pytest.raises(ServiceUnavailableError, match="closed the connection early"):
        b"".join(client.csv("distance_20260121.csv"))
    client, _, _ = scripted_client((302, b"", {"Location": "http://storage/csv"}), (200, CSV, {}))
    assert b"".join(client.csv("distance_20260121.csv")) == CSV


def test_health_check_ends_at_the_first_failure() -> None:
    for response in (*UNREACHABLE.values(), *SLOW.values(), *PERMANENT.values()):
        client, clock, server = scripted_client(response)
        assert not client.healthy()
        assert (clock.sleeps, len(server.requests)) == ([], 1)
        assert elapsed(clock) <= 5


@pytest.mark.parametrize("text", ["soon", "nan", "inf", "0", "-1", "1e300"])
def test_invalid_timeout_is_rejected(text: str) -> None:
    with pytest.raises(ConfigurationError, match="DISTANCE_SERVICE_TIMEOUT"):
        DistanceClient.from_environ({"DISTANCE_SERVICE_ENDPOINT": "worker", "DISTANCE_SERVICE_TIMEOUT": text})


def test_distance_client_fails_within_two_seconds() -> None:
    with DistanceClient("127.0.0.1:1", TIMEOUT) as drop_in:
        clock = drop_in._client._transport.clock = FakeClock()
        with pytest.raises(ServiceUnavailableError, match="unreachable"):
            drop_in.get_job_status(ID)
        assert 0 < elapsed(clock) <= 2
