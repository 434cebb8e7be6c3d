"""Publishing to a sink: timeouts, retries and errors."""

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from shared.errors import Unavailable
from shared.events import MAX_CONCURRENT_PUBLISHES, Publisher, request_event, strict_json
from shared.telemetry.context import trace_of
from tests.builders import JOB_ID, TRACEPARENT, record
from tests.integration.broken_brokers import cut, garbage, raw, silent, trickling

TRACE = trace_of({"traceparent": TRACEPARENT, "tracestate": "vendor=1"})
EVENT = request_event(record(), {"team": "home"}, TRACE)


class Sink(ThreadingHTTPServer):
    """A broker's ingress that responds with `statuses`, then with 202."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses: list[int] = []
        self.headers: dict[str, str] = {}
        self.received: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Handler(BaseHTTPRequestHandler):
    """Records requests."""

    protocol_version = "HTTP/1.1"
    server: Sink

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(({name.lower(): text for name, text in self.headers.items()}, body))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 202)
        for name, text in {"Content-Length": "0", **self.server.headers}.items():
            self.send_header(name, text)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def sink() -> Iterator[Sink]:
    server = Sink()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_event_is_sent_in_binary_mode_with_its_trace(sink: Sink) -> None:
    Publisher(sink.url).publish(EVENT)
    ((headers, body),) = sink.received
    assert headers["ce-id"] == headers["ce-subject"] == JOB_ID
    assert headers["ce-specversion"] == "1.0"
    assert headers["ce-team"] == "home"
    assert headers["content-type"] == "application/json"
    assert headers["traceparent"] == headers["ce-traceparent"] == TRACE.traceparent
    assert headers["tracestate"] == headers["ce-tracestate"] == "vendor=1"
    assert strict_json(body) == {"job_id": JOB_ID, "date": "2026-01-25", "device_id": "iphone_stuart"}


@pytest.mark.parametrize("status", [429, 502, 503, 504])
@pytest.mark.parametrize("headers", [{}, {"Retry-After": "0"}, {"Retry-After": "1"}], ids=str)
def test_retryable_status_is_retried(sink: Sink, status: int, headers: dict[str, str]) -> None:
    sink.statuses, sink.headers = [status], headers
    Publisher(sink.url).publish(EVENT)
    assert len(sink.received) == 2


@pytest.mark.parametrize("retry_after", ["3600", "Wed, 25 Nov 2026 12:00:00 GMT", "soon"])
def test_long_retry_after_is_not_retried(sink: Sink, retry_after: str) -> None:
    sink.statuses, sink.headers = [503] * 9, {"Retry-After": retry_after}
    with pytest.raises(Unavailable, match=r"^broker: status 503$"):
        Publisher(sink.url).publish(EVENT)
    assert len(sink.received) == 1


@pytest.mark.parametrize(
    ("statuses", "attempts"), [([503] * 9, 3), ([400], 1), ([404], 1), ([500], 1), ([302], 1), ([307], 1)]
)
def test_failed_status_is_unavailable(sink: Sink, statuses: list[int], attempts: int) -> None:
    sink.statuses, sink.headers = statuses.copy(), {"Location": sink.url}
    with pytest.raises(Unavailable, match=f"^broker: status {statuses[0]}$"):
        Publisher(sink.url).publish(EVENT)
    assert len(sink.received) == attempts


def test_refused_connection_is_unavailable() -> None:
    with pytest.raises(Unavailable, match=r"^broker: NewConnectionError$"):
        Publisher("http://127.0.0.1:1/").publish(EVENT)


def test_unknown_host_is_unavailable() -> None:
    with pytest.raises(Unavailable, match=r"^broker: NameResolutionError$"):
        Publisher("http://broker.invalid/").publish(EVENT)


@pytest.mark.parametrize(
    ("respond", "cause", "attempts"),
    [(silent, "timeout", 1), (cut, "ProtocolError", 3), (garbage, "ProtocolError", 3)],
)
def test_missing_response_is_unavailable(respond: Callable[[socket.socket], None], cause: str, attempts: int) -> None:
    with raw(respond) as broker:
        with pytest.raises(Unavailable, match=f"^broker: {cause}$"):
            Publisher(broker.url).publish(EVENT)
        assert broker.requests == attempts


def test_lost_response_is_retried() -> None:
    responses = iter([b"", b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"])
    with raw(lambda connection: connection.sendall(next(responses))) as broker:
        Publisher(broker.url).publish(EVENT)
        assert broker.requests == 2


def test_slow_response_times_out() -> None:
    with raw(trickling) as broker, pytest.raises(Unavailable, match=r"^broker: timeout$"):
        Publisher(broker.url).publish(EVENT)


def test_response_body_is_not_read() -> None:
    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000000000000\r\n\r\n")
        while True:
            connection.sendall(b"x" * (1 << 16))

    with raw(endless) as broker:
        Publisher(broker.url).publish(EVENT)


def test_concurrent_publications_are_limited() -> None:
    with raw(silent) as broker, ThreadPoolExecutor(MAX_CONCURRENT_PUBLISHES + 8) as pool:
        publisher = Publisher(broker.url)

        def cause(_: int) -> str:
            with pytest.raises(Unavailable) as caught:
                publisher.publish(EVENT)
            return caught.value.cause

        causes = list(pool.map(cause, range(MAX_CONCURRENT_PUBLISHES + 8)))
    assert causes.count("busy") == 8
    assert broker.requests == causes.count("timeout") == MAX_CONCURRENT_PUBLISHES
