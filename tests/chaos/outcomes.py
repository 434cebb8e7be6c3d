"""A subscriber that remembers every outcome event of the run."""

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_TYPES = {"otelworker.distance.completed.v1": "completed", "otelworker.distance.failed.v1": "failed"}


@dataclass(frozen=True)
class Outcome:
    """What one event says of how a job ended."""

    status: str
    data: dict[str, Any]


@dataclass
class Outcomes:
    """By job, in the order of arrival; repeats too."""

    url: str = ""
    by_job: dict[str, list[Outcome]] = field(default_factory=dict)

    def take(self, kind: str, job_id: str, body: bytes) -> None:
        """An event; one whose data is no JSON object is kept as one that says nothing."""
        if status := _TYPES.get(kind):
            try:
                data = dict(json.loads(body))
            except (ValueError, TypeError):
                data = {}
            self.by_job.setdefault(job_id, []).append(Outcome(status, data))


@contextlib.contextmanager
def received() -> Iterator[Outcomes]:
    """A subscriber on a free port for the time of the block."""
    outcomes = Outcomes()

    class Subscriber(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            outcomes.take(self.headers.get("ce-type", ""), self.headers.get("ce-subject", ""), body)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """The broker is killed while it is connected."""

    server = Server(("127.0.0.1", 0), Subscriber)
    outcomes.url = f"http://127.0.0.1:{server.server_port}/"
    threading.Thread(target=server.serve_forever, name="outcomes").start()
    try:
        yield outcomes
    finally:
        server.shutdown()
        server.server_close()
