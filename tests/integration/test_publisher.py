"""Publishing to a sink: bounded, retried where that is safe, told as the broker's absence."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from shared.errors import Unavailable
from shared.events import Publisher, requested, strict_json
from shared.telemetry import trace_of
from tests.builders import JOB_ID, TRACEPARENT, record

TRACE = trace_of({"traceparent": TRACEPARENT, "tracestate": "vendor=1"})


class Sink(ThreadingHTTPServer):
    """A broker's ingress that answers with the statuses it is given, then 202."""

    daemon_threads = True

    def __init__(self, *statuses: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses = list(statuses)
        self.received: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Handler(BaseHTTPRequestHandler):
    """Keeps what it gets."""

    server: Sink

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(({name.lower(): text for name, text in self.headers.items()}, body))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 202)
        self.send_header("Content-Length", "0")
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


def test_an_event_is_sent_in_binary_mode_with_its_trace(sink: Sink) -> None:
    Publisher(sink.url).publish(requested(record(), {"team": "home"}, TRACE))
    ((headers, body),) = sink.received
    assert headers["ce-id"] == headers["ce-subject"] == JOB_ID
    assert headers["ce-specversion"] == "1.0"
    assert headers["ce-team"] == "home"
    assert headers["content-type"] == "application/json"
    assert headers["traceparent"] == headers["ce-traceparent"] == TRACE.traceparent
    assert headers["tracestate"] == headers["ce-tracestate"] == "vendor=1"
    assert strict_json(body) == {"job_id": JOB_ID, "date": "2026-01-25", "device_id": "iphone_stuart"}


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_broker_that_is_busy_is_asked_again(sink: Sink, status: int) -> None:
    sink.statuses = [status, status]
    Publisher(sink.url).publish(requested(record(), {}, TRACE))
    assert len(sink.received) == 3


@pytest.mark.parametrize("statuses", [[503] * 9, [400], [500], [302]])
def test_a_broker_that_refuses_is_away(sink: Sink, statuses: list[int]) -> None:
    sink.statuses = statuses
    with pytest.raises(Unavailable, match=r"^broker: "):
        Publisher(sink.url).publish(requested(record(), {}, TRACE))
    assert len(sink.received) <= 3


def test_a_broker_that_is_not_there_is_away() -> None:
    with pytest.raises(Unavailable, match=r"^broker: MaxRetryError$"):
        Publisher("http://127.0.0.1:1/").publish(requested(record(), {}, TRACE))
