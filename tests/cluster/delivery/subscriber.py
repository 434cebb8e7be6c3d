"""A subscriber that responds as the event's data specify and records all deliveries. Uses only the standard library.

The data are {"reactions": [{"status", "delay", "body"}, …], "sink_reactions": […], "reply": TYPE}.
There is one reaction for each arrival of the event's id, and the last one repeats. `sink_reactions` are those of the
dead-letter sink. GET /received returns the recorded deliveries.
"""

import json
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_STRUCTURED = "application/cloudevents+json"
_SUCCESS = {"status": 204, "delay": 0, "body": "none"}


class Subscriber(ThreadingHTTPServer):
    """Accepts deliveries at every path."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address, _Handler)
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self.received: list[dict[str, Any]] = []

    def record(self, record: dict[str, Any]) -> int:
        """Record a delivery. Return the number of earlier deliveries of the event to the same path."""
        key = (record["path"], record["attributes"].get("id", ""))
        with self._lock:
            self.received.append(record)
            self._counts[key] += 1
            return self._counts[key] - 1

    def handle_error(self, *_: object) -> None:
        """Ignore clients that have closed the connection. Their delivery is recorded."""


class _Handler(BaseHTTPRequestHandler):
    server: Subscriber

    def do_GET(self) -> None:
        known = self.path in {"/healthz", "/received"}
        body = json.dumps(self.server.received if self.path == "/received" else {}).encode()
        self._respond(200 if known else 404, {"Content-Type": "application/json"}, body)

    def do_POST(self) -> None:
        received_at = time.monotonic()
        body = self._read_body().decode()
        headers = {name.lower(): text for name, text in self.headers.items()}
        structured = headers.get("content-type", "").startswith(_STRUCTURED)
        if structured:
            attributes = json.loads(body)
            data = json.dumps(attributes.pop("data", None))
        else:
            attributes = {name[3:]: text for name, text in headers.items() if name.startswith("ce-")}
            data = body
        record = {"path": self.path, "at": received_at, "structured": structured, "attributes": attributes}
        earlier = self.server.record(record | {"headers": headers, "data": data})
        script = json.loads(data or "{}")
        reactions = script.get("sink_reactions" if self.path == "/dead-letter" else "reactions", [_SUCCESS])
        reaction = reactions[min(earlier, len(reactions) - 1)]
        time.sleep(reaction["delay"])
        self._react(reaction, _reply_attributes(attributes.get("id", ""), script))

    def _read_body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _react(self, reaction: dict[str, Any], event: dict[str, str]) -> None:
        status = reaction["status"]
        data = json.dumps({"of": "a reply"}).encode()
        binary = {f"ce-{name}": text for name, text in event.items()}
        match reaction["body"]:
            case "none":
                self._respond(status, {}, b"")
            case "text":
                self._respond(status, {"Content-Type": "application/json"}, b'{"status": "done"}')
            case "event":
                self._respond(status, binary | {"Content-Type": "application/json"}, data)
            case "event without data":
                self._respond(status, binary, b"")
            case "structured event":
                content = json.dumps(event | {"data": {"of": "a reply"}}).encode()
                self._respond(status, {"Content-Type": _STRUCTURED}, content)
            case "half":
                self._respond(status, {"Content-Length": "1000"}, b"half of")
            case "cut":
                self.close_connection = True
            case other:
                raise ValueError(other)

    def _respond(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        length = {} if status in {204, 304} else {"Content-Length": str(len(body))}
        for name, text in (length | headers).items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing. GET /received returns the deliveries."""


def _reply_attributes(event_id: str, script: dict[str, Any]) -> dict[str, str]:
    return {"specversion": "1.0", "id": f"{event_id}-reply", "source": "/subscriber", "type": script.get("reply", "")}


if __name__ == "__main__":
    Subscriber(("", int(sys.argv[1]))).serve_forever()
