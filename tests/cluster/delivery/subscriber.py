"""A subscriber that answers as the event tells it, and remembers what it got; the standard library and this file alone.

The data of an event are {"answers": [{"status", "delay", "body"}, …], "letters": […], "reply": TYPE}: one answer for
each arrival of its id, the last for good; `letters` are those of the dead-letter sink. What came is at GET /received.
"""

import json
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_STRUCTURED = "application/cloudevents+json"
_DONE = {"status": 204, "delay": 0, "body": "none"}


class Subscriber(ThreadingHTTPServer):
    """Takes deliveries at every path."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address, _Delivery)
        self._lock = threading.Lock()
        self._arrivals: Counter[tuple[str, str]] = Counter()
        self.received: list[dict[str, Any]] = []

    def arrived(self, record: dict[str, Any]) -> int:
        """How often the same event had come to the same path before."""
        key = (record["path"], record["attributes"].get("id", ""))
        with self._lock:
            self.received.append(record)
            self._arrivals[key] += 1
            return self._arrivals[key] - 1

    def handle_error(self, *_: object) -> None:
        """Whoever waited no longer has been noted all the same."""


class _Delivery(BaseHTTPRequestHandler):
    server: Subscriber

    def do_GET(self) -> None:
        known = self.path in {"/healthz", "/received"}
        body = json.dumps(self.server.received if self.path == "/received" else {}).encode()
        self._answer(200 if known else 404, {"Content-Type": "application/json"}, body)

    def do_POST(self) -> None:
        at = time.monotonic()
        body = self._body().decode()
        headers = {name.lower(): text for name, text in self.headers.items()}
        structured = headers.get("content-type", "").startswith(_STRUCTURED)
        if structured:
            attributes = json.loads(body)
            data = json.dumps(attributes.pop("data", None))
        else:
            attributes = {name[3:]: text for name, text in headers.items() if name.startswith("ce-")}
            data = body
        record = {"path": self.path, "at": at, "structured": structured, "attributes": attributes}
        before = self.server.arrived(record | {"headers": headers, "data": data})
        script = json.loads(data or "{}")
        answers = script.get("letters" if self.path == "/dead-letter" else "answers", [_DONE])
        answer = answers[min(before, len(answers) - 1)]
        time.sleep(answer["delay"])
        self._say(answer, _reply(attributes.get("id", ""), script))

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        found = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def _say(self, answer: dict[str, Any], event: dict[str, str]) -> None:
        status = answer["status"]
        data = json.dumps({"of": "a reply"}).encode()
        binary = {f"ce-{name}": text for name, text in event.items()}
        match answer["body"]:
            case "none":
                self._answer(status, {}, b"")
            case "text":
                self._answer(status, {"Content-Type": "application/json"}, b'{"status": "done"}')
            case "event":
                self._answer(status, binary | {"Content-Type": "application/json"}, data)
            case "event without data":
                self._answer(status, binary, b"")
            case "structured event":
                content = json.dumps(event | {"data": {"of": "a reply"}}).encode()
                self._answer(status, {"Content-Type": _STRUCTURED}, content)
            case "half":
                self._answer(status, {"Content-Length": "1000"}, b"half of")
            case "cut":
                self.close_connection = True
            case other:
                raise ValueError(other)

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        length = {} if status in {204, 304} else {"Content-Length": str(len(body))}
        for name, text in (length | headers).items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """GET /received is the log."""


def _reply(to: str, script: dict[str, Any]) -> dict[str, str]:
    return {"specversion": "1.0", "id": f"{to}-reply", "source": "/subscriber", "type": script.get("reply", "")}


if __name__ == "__main__":
    Subscriber(("", int(sys.argv[1]))).serve_forever()
