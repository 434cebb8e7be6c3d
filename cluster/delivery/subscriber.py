"""A subscriber that answers each event as the event's data say, and remembers what came; standard library alone.

Data: {"answers": [{"status", "body", "delay", "cut"}, ...]}, one for each attempt, the last for good; at /dead-letter
"dead" in place of "answers". A body is "text", "event" or "structured": an event as reply, in binary or structured
mode. GET /received gives all that came, in order.
"""

import json
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

REPLY = "otelworker.test.reply.v1"
_WATCHED = ("traceparent", "authorization", "prefer")
_DONE = {"status": 204}


class Subscriber(ThreadingHTTPServer):
    """Listens on all addresses of `port`, or on `host`."""

    request_queue_size = 128
    daemon_threads = True

    def __init__(self, port: int, host: str = "") -> None:
        super().__init__((host, port), _Handler)
        self.received: list[dict[str, Any]] = []
        self.attempts: Counter[tuple[str, str]] = Counter()
        self.lock = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections are cut on purpose here."""


class _Handler(BaseHTTPRequestHandler):
    server: Subscriber

    def do_GET(self) -> None:
        with self.server.lock:
            content = json.dumps(self.server.received if self.path == "/received" else "healthy")
        self._say(200, content.encode(), {"Content-Type": "application/json"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): text for name, text in self.headers.items()}
        attributes, data = _event(headers, body)
        with self.server.lock:
            key = (self.path, attributes["id"])
            attempt = self.server.attempts[key]
            self.server.attempts[key] += 1
            seen = {name: headers[name] for name in _WATCHED if name in headers}
            found = {"path": self.path, "at": time.monotonic(), "attributes": attributes, "headers": seen}
            self.server.received.append(found)
        answers = data.get("dead" if self.path == "/dead-letter" else "answers") or [_DONE]
        self._answer(answers[min(attempt, len(answers) - 1)], attributes["id"])

    def _answer(self, answer: dict[str, Any], event_id: str) -> None:
        time.sleep(answer.get("delay", 0))
        if answer.get("cut"):
            self.close_connection = True
            self.connection.close()
            return
        reply = {"specversion": "1.0", "type": REPLY, "source": "/subscriber", "id": f"{event_id}-reply"}
        body, headers = b"", {}
        if answer.get("body") == "text":
            body, headers = b"OK", {"Content-Type": "text/plain"}
        elif answer.get("body") == "event":
            body, headers = b"{}", {f"ce-{name}": text for name, text in reply.items()}
            headers["Content-Type"] = "application/json"
        elif answer.get("body") == "structured":
            body, headers = json.dumps(reply | {"data": {}}).encode(), {"Content-Type": "application/cloudevents+json"}
        self._say(answer["status"], body, headers)

    def _say(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing: what came is kept, not printed."""


def _event(headers: dict[str, str], body: bytes) -> tuple[dict[str, str], dict[str, Any]]:
    """An event's attributes and data, in whatever mode it came."""
    content = json.loads(body or b"{}")
    if headers.get("content-type", "").startswith("application/cloudevents"):
        return {name: str(text) for name, text in content.items() if name != "data"}, content.get("data", {})
    return {name[3:]: text for name, text in headers.items() if name.startswith("ce-")}, content


if __name__ == "__main__":
    Subscriber(int(sys.argv[1])).serve_forever()
