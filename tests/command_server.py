"""A server for tests of the command: the service and its storage, with one job."""

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.unit.test_client import DONE, ID, RESULT

SECRET = "hunter2"
DAY = (
    b"timestamp,device_id,latitude,longitude,distance_from_home_km,is_away,accuracy,battery,velocity,"
    b"cumulative_away_time_minutes\n2026-01-25T08:00:00Z,garmin,1,2,0.5,false,,,,0\n"
    b"2026-01-25T09:00:00Z,garmin,1,2,1.5,true,,,,0\n"
)
COMMANDS: dict[str, tuple[str, ...]] = {
    "submit": ("submit", "2026-01-25"),
    "submit and wait": ("submit", "2026-01-25", "--wait"),
    "watch": ("watch", ID),
    "status": ("status", ID),
    "list": ("list",),
    "list all": ("list", "--all"),
    "days": ("days", "--from", "2026-01-24", "--to", "2026-01-25"),
    "devices": ("devices",),
    "download": ("download", ID),
    "download by date": ("download", "2026-01-25"),
    "export": ("export", ID, "--format", "geojson"),
    "show": ("show", ID),
    "plot": ("plot", ID, "day.svg"),
    "range": ("range", "2026-01-24", "2026-01-25"),
}


class Server(http.server.ThreadingHTTPServer):
    """The service and its storage: one job, completed unless the test changes its status."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.status, self.device, self.page = "completed", "garmin", b""
        self.requests = 0
        self.analysis: dict[str, Any] | None = None

    def job(self) -> dict[str, Any]:
        download = {"csv_download_url": f"{self.url}/csv?X-Amz-Signature={SECRET}", "csv_size_bytes": len(DAY)}
        download["csv_sha256"] = hashlib.sha256(DAY).hexdigest()
        result = {**RESULT, **download, "analysis": self.analysis}
        job = {**DONE, "status": self.status, "device_id": self.device, "result": result}
        return job if self.status == "completed" else {**job, "result": None}


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        job = self.server.job()
        self.server.requests += 1
        devices = [{"device_id": self.server.device, "last_fix_at": "2026-01-26T12:00:00Z"}]
        body: dict[str, Any] = {**job, "jobs": [job], "total_count": 1, "limit": 50, "offset": 0}
        day: dict[str, Any] = {"date": "2026-01-25", "job_id": ID, "completed_at": "2026-01-26T12:00:02.345Z"}
        day |= {"result": RESULT, "analysis": None}
        days = {"days": [day], "from": "2026-01-24", "to": "2026-01-25"}
        self.respond(self.server.page or json.dumps({**body, **days, "devices": devices, "as_of": None}).encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.respond(self.server.page or json.dumps(self.server.job()).encode())

    def respond(self, body: bytes) -> None:
        content = DAY if self.path.startswith("/csv") and not self.server.page else body
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def run_server() -> Iterator[Server]:
    """Run the server in a thread for the duration of the block."""
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()
