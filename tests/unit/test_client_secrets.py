"""Exceptions contain no secrets: tokens, keys, passwords in URLs and proxies, signatures."""

import logging
import ssl
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import otel_worker_client
import pytest
import requests
from otel_worker_client import Client, ConfigurationError, OtelWorkerError
from otel_worker_client.distance_client import DistanceClient
from requests import exceptions
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import MaxRetryError, ProtocolError, SSLError

from tests.scripted import FakeClock, ScriptedResponse, script_responses
from tests.unit.test_client import CSV, DONE, ID, RESULT
from tests.unit.test_client_retries import CALLS, PERMANENT, SLOW, UNREACHABLE

SECRET = "hunter2"
PACKAGE = str(Path(otel_worker_client.__file__).parent)
SIGNED = f"http://storage/csv?X-Amz-Signature={SECRET}"
SIGNED_JOB = {**DONE, "result": {**RESULT, "csv_download_url": SIGNED}}
# Values with characters that are invalid in a header, before or after the secret.
BAD_VALUES = [
    f"{SECRET}\nx",
    f"x\r\n{SECRET}",
    f"{SECRET}\x00",
    f"{SECRET}\x7f",
    f"{SECRET}é",
    f"{SECRET}\u20ac",
    f"\ud800{SECRET}",
]


def with_secret(kind: type[Exception]) -> Exception:
    """Return an exception whose text, and request if it has one, contain the secret."""
    exc = kind(f"http://user:{SECRET}@worker: Bearer {SECRET}")
    if isinstance(exc, requests.RequestException):
        exc.request = requests.Request("GET", SIGNED, headers={"Authorization": f"Bearer {SECRET}"}).prepare()
    return exc


FAILURES: dict[str, Exception] = {
    **{
        kind.__name__: with_secret(kind)
        for kind in (
            *(requests.ConnectionError, requests.ConnectTimeout, requests.ReadTimeout, requests.HTTPError),
            *(exceptions.ProxyError, exceptions.InvalidProxyURL, exceptions.InvalidURL, exceptions.InvalidSchema),
            *(exceptions.InvalidHeader, exceptions.MissingSchema, exceptions.SSLError, exceptions.InvalidJSONError),
            *(exceptions.ChunkedEncodingError, exceptions.ContentDecodingError, ValueError, OSError),
        )
    },
    "UnicodeEncodeError": UnicodeEncodeError("latin-1", f"Bearer {SECRET}€", 0, 1, "ordinal not in range(256)"),
    "reset": requests.ConnectionError(ProtocolError(SECRET, ConnectionResetError(SECRET))),
    "certificate": exceptions.SSLError(
        MaxRetryError(HTTPConnectionPool("worker"), SIGNED, SSLError(ssl.SSLCertVerificationError(SECRET)))
    ),
}


def chain(exc: BaseException) -> Iterator[BaseException]:
    """Yield the exception with its causes and contexts, including suppressed ones."""
    pending: list[BaseException | None] = [exc]
    while pending:
        if (item := pending.pop()) is not None:
            yield item
            pending += [item.__cause__, item.__context__]


def full_report(exc: BaseException) -> str:
    """Return what a log or an error tracker may contain: texts, attributes, and locals of the client's frames."""
    report = ["".join(traceback.format_exception(exc))]
    for item in chain(exc):
        report.append(f"{item!r} {item.args} {vars(item)}")
        frames = traceback.TracebackException.from_exception(item, capture_locals=True).stack
        report += [f"{frame.name}: {frame.locals}" for frame in frames if frame.filename.startswith(PACKAGE)]
    return "\n".join(report)


def failure_report(client: Client, call: Callable[[Client], Any], *responses: ScriptedResponse) -> str:
    client._transport.clock = FakeClock()
    script_responses(client._transport, *responses)
    with pytest.raises(OtelWorkerError) as caught:
        call(client)
    return full_report(caught.value)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_failed_requests_show_no_credentials(
    failure: Exception, call: Callable[[Client], Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = Client("http://worker", token=SECRET, api_key=SECRET)
    assert SECRET not in failure_report(client, call, failure)
    assert SECRET not in caplog.text
    assert SECRET not in repr(client) + repr(client._transport) + repr(client._transport._credentials)


@pytest.mark.parametrize("response", [*UNREACHABLE.values(), *SLOW.values(), *PERMANENT.values(), (500, b"", {})])
def test_responses_show_no_credentials(response: ScriptedResponse) -> None:
    assert SECRET not in failure_report(
        Client("http://worker", token=lambda: SECRET, api_key=SECRET), CALLS["job"], response
    )


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("value", BAD_VALUES)
def test_invalid_header_values_are_rejected_and_not_shown(value: str, call: Callable[[Client], Any]) -> None:
    for client in (
        Client("http://worker", token=value),
        Client("http://worker", token=lambda: value),
        Client("http://worker", api_key=value),
    ):
        report = failure_report(client, call, (200, DONE, {}))
        assert "ConfigurationError: " in report
        assert "visible ASCII characters are expected" in report
        assert SECRET not in report
        assert not client.healthy()


@pytest.mark.parametrize("value", ["", " ", b"hunter2", 7])
def test_values_that_are_no_credentials_are_rejected(value: Any) -> None:
    failure_report(Client("http://worker", token=lambda: value), CALLS["job"], (200, DONE, {}))
    failure_report(Client("http://worker", api_key=value), CALLS["job"], (200, DONE, {}))


def test_white_space_around_a_credential_is_stripped() -> None:
    for environ in (
        {"OTEL_WORKER_TOKEN": "abc\n", "OTEL_WORKER_URL": " http://worker/\n"},
        {"OTEL_WORKER_TOKEN": " abc"},
    ):
        client = Client.from_environ(environ)
        server = script_responses(client._transport, (200, DONE, {}))
        client.job(ID)
        assert server.requests[0].headers["Authorization"] == "Bearer abc"


def test_exception_of_a_token_function_passes_through() -> None:
    def token() -> str:
        raise LookupError("no session")

    client = Client("http://worker", token=token)
    script_responses(client._transport, (200, DONE, {}))
    with pytest.raises(LookupError, match="no session"):
        client.job(ID)


@pytest.mark.parametrize(
    "url",
    [
        f"http://user:{SECRET}@worker",
        f"http://{SECRET}@worker",
        f"worker/{SECRET}",
        f"user:{SECRET}@worker",
        f"ftp://user:{SECRET}@worker",
        f"http://user:{SECRET}@[worker",
        f"http://user:{SECRET}@worker:port",
        f"http://worker?key={SECRET}",
        f"http://user:{SECRET}@",
        f"{SECRET}://worker",
        f"http://{SECRET * 12}.example",
    ],
)
def test_invalid_urls_are_rejected_and_not_shown(url: str) -> None:
    constructors: tuple[Callable[[], Client], ...] = (
        lambda: Client(url),
        lambda: Client("http://worker", status_url=url),
        lambda: Client("http://worker", list_url=url),
        lambda: Client.from_environ({"OTEL_WORKER_URL": url}),
    )
    for construct in constructors:
        with pytest.raises(ConfigurationError, match=r"expected|not supported") as caught:
            construct()
        assert SECRET not in "".join(traceback.format_exception(caught.value))
        assert [SECRET in repr(item) for item in chain(caught.value)] == [False]


def test_invalid_endpoint_of_the_drop_in_is_not_shown() -> None:
    with pytest.raises(ConfigurationError, match="not supported") as caught:
        DistanceClient(f"user:{SECRET}@worker:8080")
    assert [SECRET in repr(item) for item in chain(caught.value)] == [False]


@pytest.mark.parametrize(
    "proxy",
    [
        f"http://u:{SECRET}@127.0.0.1:1",
        f"ftp://u:{SECRET}@proxy",
        f"http://u:{SECRET}@[",
        f"socks5://u:{SECRET}@127.0.0.1:1",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_proxies_are_not_shown(proxy: str, scheme: str) -> None:
    client = Client(f"{scheme}://worker.invalid")
    client._transport.clock = FakeClock()
    client._transport._session.proxies = {"http": proxy, "https": proxy}
    with pytest.raises(OtelWorkerError) as caught:
        client.job(ID)
    assert SECRET not in full_report(caught.value)


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_failed_downloads_show_no_signature(failure: Exception, tmp_path: Path) -> None:
    responses: dict[str, list[ScriptedResponse]] = {
        "download": [(200, SIGNED_JOB, {}), failure],
        "csv": [(302, b"", {"Location": SIGNED}), failure],
    }
    for name, scripted in responses.items():
        client = Client("http://worker")
        client._transport.clock = FakeClock()
        script_responses(client._transport, *scripted)
        with pytest.raises(OtelWorkerError) as caught:
            client.download(ID, tmp_path) if name == "download" else client.csv("distance_20260121.csv")
        assert SECRET not in full_report(caught.value)


def test_models_do_not_show_the_signature() -> None:
    client = Client("http://worker")
    script_responses(client._transport, (200, SIGNED_JOB, {}))
    job = client.job(ID)
    assert SECRET not in repr(job)
    assert job.result
    assert job.result.csv_download_url == SIGNED


@pytest.mark.parametrize("status", [200, 403, 404, 500])
def test_responses_of_storage_show_no_signature(status: int, tmp_path: Path) -> None:
    client = Client("http://worker")
    client._transport.clock = FakeClock()
    script_responses(client._transport, (200, SIGNED_JOB, {}), (status, CSV[:-1], {}))
    with pytest.raises(OtelWorkerError) as caught:
        client.download(ID, tmp_path)
    assert SECRET not in full_report(caught.value)


def test_file_system_errors_are_not_wrapped(tmp_path: Path) -> None:
    client = Client("http://worker")
    script_responses(client._transport, (200, SIGNED_JOB, {}), (200, CSV, {}))
    with pytest.raises(FileNotFoundError) as caught:
        client.download(ID, tmp_path / "none" / "day.csv")
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert list(tmp_path.iterdir()) == []
