"""Requests and responses through the gateway, over real HTTP on both sides."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from local.gateway.app import SERVICES
from tests.integration.ports import free_port
from tests.integration.whole_stack import send_request, wait_until


class Echo(BaseHTTPRequestHandler):
    """Responds with the request as JSON; a number at the end of the path is the status."""

    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        received = {"target": self.path, "body": body.decode(), "headers": dict(self.headers.items())}
        content = json.dumps(received).encode()
        tail = self.path.rsplit("/", 1)[-1]
        self.send_response(int(tail) if tail.isdigit() else 200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Location", "http://elsewhere/a%2Fb?c=%20")
        self.send_header("Retry-After", "2")
        self.send_header("Set-Cookie", "one=1")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_DELETE = _answer  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    upstream, port = ThreadingHTTPServer(("127.0.0.1", 0), Echo), free_port()
    threading.Thread(target=upstream.serve_forever).start()
    addresses = {f"{service.upper()}_ADDRESS": f"127.0.0.1:{upstream.server_port}" for service in SERVICES}
    command = [sys.executable, "-m", "gunicorn", "-c", "python:local.gunicorn_config", "-b", f"127.0.0.1:{port}"]
    gateway = subprocess.Popen(
        [*command, "local.gateway.app:from_environ()"], env={**os.environ, **addresses, "INSTANCE": "test"}
    )
    try:
        wait_until(lambda: send_request("GET", f"http://127.0.0.1:{port}/healthz").status == 200)
        yield f"http://127.0.0.1:{port}"
    finally:
        gateway.terminate()
        gateway.wait(60)
        upstream.shutdown()
        upstream.server_close()


@pytest.mark.parametrize(
    "target",
    [
        "/api/distance/download/..%2F..%2fdistance.csv",
        "/api/distance/jobs/%zz/../x//y",
        "/api/distance/jobs?limit=1&limit=2&device_id=a%20b+c&&x",
        "/api/distance/jobs/%C3%A9%ff",
    ],
)
def test_path_and_query_are_forwarded_byte_for_byte(url: str, target: str) -> None:
    assert send_request("GET", url + target).json["target"] == target


@pytest.mark.parametrize("status", [200, 202, 302, 404, 409, 422, 429, 503])
def test_status_and_headers_of_the_response_are_forwarded(url: str, status: int) -> None:
    response = send_request("GET", f"{url}/api/distance/jobs/{status}")

    assert response.status == status
    assert response.headers["location"] == "http://elsewhere/a%2Fb?c=%20"
    assert response.headers["retry-after"] == "2"


def test_headers_and_body_of_the_request_are_forwarded(url: str) -> None:
    sent = {"Idempotency-Key": "k", "traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01", "Content-Type": "a/b; c=d"}

    received = send_request("POST", f"{url}/api/distance/calculate", "é".encode(), sent).json

    assert received["body"] == "é"
    arrived = {name.lower(): text for name, text in received["headers"].items()}
    assert {name.lower(): text for name, text in sent.items()}.items() <= arrived.items()


def test_a_head_response_has_a_length_and_no_body(url: str) -> None:
    response = send_request("HEAD", f"{url}/api/distance/jobs")

    assert (response.status, response.body) == (200, b"")
    assert int(response.headers["content-length"]) > 0


def test_a_chunked_body_is_forwarded(url: str) -> None:
    connection = HTTPConnection(url.removeprefix("http://"), timeout=10)
    connection.request("POST", "/broker", iter([b"one ", b"two"]), encode_chunked=True)
    assert json.loads(connection.getresponse().read())["body"] == "one two"
    connection.close()
