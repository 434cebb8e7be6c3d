"""The broker as a process that is killed and restarted."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.integration.ports import free_port
from tests.integration.whole_stack import send_request, wait_until

EVENTS = [str(number) for number in range(5)]
TRACEPARENT = f"00-{'ab' * 16}-{'cd' * 8}-01"


@contextmanager
def broker(port: int, queue: Path, subscribers: str) -> Iterator["subprocess.Popen[bytes]"]:
    settings = {"QUEUE": str(queue), "CALCULATE_URL": f"{subscribers}/calculate", "SUBSCRIBER": f"{subscribers}/watch"}
    command = [sys.executable, "-m", "gunicorn", "-c", "python:local.gunicorn_config", "-b", f"127.0.0.1:{port}"]
    process = subprocess.Popen(
        [*command, "local.broker.app:from_environ()"], env={**os.environ, **settings}, process_group=0
    )
    try:
        wait_until(lambda: send_request("GET", f"http://127.0.0.1:{port}/readyz").status == 200)
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def subscribers(port: int, received: list[tuple[str, dict[str, str]]]) -> Iterator[None]:
    class Subscriber(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, {name.lower(): text for name, text in self.headers.items()}))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Ignore that the broker is killed while it is connected."""

    server = Server(("127.0.0.1", port), Subscriber)
    threading.Thread(target=server.serve_forever).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def test_accepted_events_are_delivered_after_the_broker_is_killed(tmp_path: Path) -> None:
    port, subscriber_port, queue = free_port(), free_port(), tmp_path / "queue.sqlite3"
    received: list[tuple[str, dict[str, str]]] = []

    with broker(port, queue, f"http://127.0.0.1:{subscriber_port}"):
        for number in EVENTS:
            headers = {
                "ce-specversion": "1.0",
                "ce-type": "otelworker.distance.requested.v1",
                "ce-source": "/test",
                "ce-id": number,
                "traceparent": TRACEPARENT,
                "Authorization": "secret",
            }
            assert send_request("POST", f"http://127.0.0.1:{port}/", {"date": "2026-01-21"}, headers).status == 202
    with subscribers(subscriber_port, received), broker(port, queue, f"http://127.0.0.1:{subscriber_port}"):
        wait_until(lambda: len(received) >= 2 * len(EVENTS))

    for path in ("/calculate/", "/watch"):
        assert sorted(headers["ce-id"] for path_of, headers in received if path_of == path) == EVENTS
    assert all(headers["traceparent"] == TRACEPARENT for _, headers in received)
    assert not any("authorization" in headers for _, headers in received)
