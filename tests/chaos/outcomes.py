"""A subscriber that collects the outcome events of a run."""

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_STATUSES = {"otelworker.distance.completed.v1": "completed", "otelworker.distance.failed.v1": "failed"}


@dataclass(frozen=True)
class OutcomeEvent:
    """Status and data of one outcome event."""

    status: str
    data: dict[str, Any]


@dataclass
class OutcomeEvents:
    """Outcome events by job in the order of arrival, including duplicates. `url` is the subscriber's address."""

    url: str = ""
    by_job: dict[str, list[OutcomeEvent]] = field(default_factory=dict)

    def add(self, event_type: str, job_id: str, body: bytes) -> None:
        """Add an event if it is an outcome. Data that are not a JSON object become {}."""
        if status := _STATUSES.get(event_type):
            try:
                data = dict(json.loads(body))
            except (ValueError, TypeError):
                data = {}
            self.by_job.setdefault(job_id, []).append(OutcomeEvent(status, data))


@contextlib.contextmanager
def subscriber() -> Iterator[OutcomeEvents]:
    """Run a subscriber on a free port."""
    events = OutcomeEvents()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            events.add(self.headers.get("ce-type", ""), self.headers.get("ce-subject", ""), body)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Ignore connections that break because the broker is killed."""

    server = Server(("127.0.0.1", 0), Handler)
    events.url = f"http://127.0.0.1:{server.server_port}/"
    threading.Thread(target=server.serve_forever, name="outcomes").start()
    try:
        yield events
    finally:
        server.shutdown()
        server.server_close()
