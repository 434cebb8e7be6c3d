"""Limits of the broker: it rejects new events and keeps those that it has."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from werkzeug.test import Client, TestResponse

from local.broker.app import Broker, default_triggers
from local.broker.dispatcher import Dispatcher, SubscriberResponse, Trigger, http_sender
from local.broker.messages import Message, parse_message
from local.broker.queue import DeliveryQueue
from shared.errors import Unavailable

HEADERS = {"ce-specversion": "1.0", "ce-type": "t", "ce-source": "/test", "ce-id": "1", "content-type": "text/plain"}
EVENT = parse_message(HEADERS, b"x" * 1000)
TRIGGER = Trigger("everything", "http://subscriber/")


@contextmanager
def queue(path: Path, max_deliveries: int = 10, min_free_bytes: int = 0) -> Iterator[DeliveryQueue]:
    opened = DeliveryQueue(path / "queue.sqlite3", max_deliveries, min_free_bytes)
    yield opened
    opened.close()


def fill(queue: DeliveryQueue) -> int:
    """Enqueue events until SQLite is full; return their number."""
    pages = queue._database.execute("PRAGMA page_count").fetchone()[0]
    queue._database.execute(f"PRAGMA max_page_count = {pages + 20}")

    def put() -> None:
        for _ in range(1000):
            queue.enqueue(EVENT, ["everything"], now=0)

    with pytest.raises(Unavailable, match="queue: SQLITE_FULL"):
        put()
    return len(queue)


def publish(queue: DeliveryQueue, body: bytes = b"x") -> TestResponse:
    return Client(Broker(queue, default_triggers("http://calculate", "http://watcher"), http_sender())).post(
        "/", data=body, headers=HEADERS
    )


def test_a_full_queue_rejects_events_until_some_are_delivered(tmp_path: Path) -> None:
    with queue(tmp_path, max_deliveries=2) as short:
        assert [publish(short).status_code for _ in range(3)] == [202, 202, 503]
        assert publish(short).headers["Retry-After"] == "5"
        claimed = short.claim("everything", now=2e9)
        assert claimed is not None
        short.complete(claimed)
        assert publish(short).status_code == 202


def test_a_full_queue_accepts_replies(tmp_path: Path) -> None:
    with queue(tmp_path, max_deliveries=1) as short:
        short.enqueue(EVENT, ["everything"], now=0)
        claimed = short.claim("everything", now=0)
        assert claimed is not None
        short.complete(claimed, EVENT, ["one", "two"])
        assert len(short) == 2


def test_a_nearly_full_disk_rejects_events(tmp_path: Path) -> None:
    with queue(tmp_path, min_free_bytes=1 << 62) as crowded:
        response = publish(crowded)
        assert response.status_code == 503
        assert "Retry-After" in response.headers
        assert not len(crowded)


def test_an_event_over_1_mib_gets_413(tmp_path: Path) -> None:
    with queue(tmp_path) as roomy:
        assert publish(roomy, b"x" * (1 << 20)).status_code == 202
        assert publish(roomy, b"x" * ((1 << 20) + 1)).status_code == 413


def test_a_failed_write_is_rejected_and_keeps_earlier_events(tmp_path: Path) -> None:
    with queue(tmp_path, max_deliveries=1000) as full:
        count = fill(full)
        assert count > 0
        assert publish(full, b"x" * 100_000).status_code == 503
        assert len(full) == count
    with queue(tmp_path) as reopened:
        assert len(reopened) == count


def test_a_delivery_whose_completion_cannot_be_written_is_repeated_later(tmp_path: Path) -> None:
    now = [1000.0]
    posted: list[Message] = []

    def reply(url: str, event: Message, timeout: float) -> SubscriberResponse:
        posted.append(event)
        large = parse_message(HEADERS, b"x" * 500_000)
        return (
            SubscriberResponse(200, large.headers, large.body) if len(posted) == 1 else SubscriberResponse(204, {}, b"")
        )

    with queue(tmp_path, max_deliveries=1000) as full:
        count = fill(full)
        dispatcher = Dispatcher(full, [TRIGGER], reply, clock=lambda: now[0])
        full._database.execute("PRAGMA query_only = on")  # the failure cannot be recorded either
        with pytest.raises(Unavailable, match="queue: SQLITE_READONLY"):
            dispatcher.deliver_next("everything")
        full._database.execute("PRAGMA query_only = off")
        while dispatcher.deliver_next("everything"):
            pass
        assert len(full) == 1
        assert len(posted) == count
        now[0] += 60
        assert dispatcher.deliver_next("everything")
        assert len(full) == 0
        assert len(posted) == count + 1


class EventReply(BaseHTTPRequestHandler):
    """Replies with an event of the size in the path."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        for name, text in HEADERS.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(b"x" * int(self.path[1:]))

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(("size", "status"), [(1 << 20, 200), ((1 << 20) + 1, 0)])
def test_a_reply_over_1_mib_is_a_failed_delivery(size: int, status: int) -> None:
    with HTTPServer(("127.0.0.1", 0), EventReply) as subscriber:
        serving = threading.Thread(target=subscriber.handle_request)
        serving.start()
        response = http_sender()(f"http://127.0.0.1:{subscriber.server_port}/{size}", EVENT, 10)
        serving.join()
    assert response.status == status
    assert len(response.body) <= 1 << 20
