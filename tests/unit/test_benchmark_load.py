"""The load generator of the benchmarks, and the kinds of the S3 requests that they count."""

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks import load, s3_requests
from tests.integration.fault_proxy import FaultProxy, Request


class _Echo(BaseHTTPRequestHandler):
    """Respond with the path in two packets, and count connections."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def handle(self) -> None:
        self.server.connections += 1
        super().handle()

    def do_GET(self) -> None:
        body = self.path.encode()
        self.send_response(200 if self.path != "/missing" else 404)
        self.send_header("Content-Length", str(len(body)))
        if self.path.startswith("/close"):
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body[:1])
        self.wfile.write(body[1:])

    def log_message(self, *_: object) -> None:
        return


class _Server(ThreadingHTTPServer):
    connections = 0


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server(("127.0.0.1", 0), _Echo) as running:
        thread = threading.Thread(target=running.serve_forever, args=[0.01])
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.mark.parametrize("count", [1, 3, 4, 25])
def test_each_message_is_sent_once(server: _Server, count: int) -> None:
    paths = [f"/{number}" for number in range(count)]
    responses = load.run(server.server_port, (load.request("GET", path) for path in paths), callers=4)
    assert Counter(response.body for response in responses) == Counter(path.encode() for path in paths)


def test_a_caller_keeps_its_connection(server: _Server) -> None:
    load.run(server.server_port, [load.request("GET", "/")] * 25, callers=4)
    assert server.connections == 4


def test_a_caller_connects_again_if_the_server_closes_the_connection(server: _Server) -> None:
    responses = load.run(server.server_port, [load.request("GET", "/close")] * 25, callers=4)
    assert len(responses) == server.connections == 25


def test_a_response_has_its_status(server: _Server) -> None:
    assert load.send(server.server_port, load.request("GET", "/missing")).status == 404


def test_a_connection_that_closes_without_a_response_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            connection, _ = listener.accept()
            connection.close()

        thread = threading.Thread(target=accept)
        thread.start()
        with pytest.raises((EOFError, ConnectionResetError)):
            load.send(listener.getsockname()[1], load.request("GET", "/"))
        thread.join()


@pytest.mark.parametrize(
    ("method", "path", "query", "kind"),
    [
        ("PUT", "/jobs-bucket/t/1~2", {}, "PUT t/"),
        ("GET", "/jobs-bucket/jobs/1.json", {}, "GET jobs/"),
        ("GET", "/jobs-bucket", {"list-type": ["2"], "prefix": ["t/"]}, "LIST t/"),
        ("GET", "/jobs-bucket/", {"list-type": ["2"], "prefix": ["x%2F"]}, "LIST x%2F"),
        ("POST", "/csv-bucket/csv/1/1/day.csv", {"uploads": [""]}, "POST csv/ uploads"),
        ("PUT", "/csv-bucket/csv/1/1/day.csv", {"uploadId": ["1"], "partNumber": ["1"]}, "PUT csv/ uploadId"),
        ("POST", "/jobs-bucket", {"delete": [""]}, "POST delete"),
    ],
)
def test_s3_requests_are_counted_by_kind(method: str, path: str, query: dict[str, list[str]], kind: str) -> None:
    with FaultProxy("127.0.0.1", 1) as proxy:
        proxy.requests += [Request(method, path, query, {})] * 2
        counter = s3_requests.RequestCounter(proxy)
        assert counter.take() == {kind: 2}
        assert counter.take() == {}
