"""What the stand-in broker does when there is no room: it refuses what is new and loses nothing that it has."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from werkzeug.test import Client, TestResponse

from local.broker import Broker, triggers
from local.broker_queue import Queue
from local.delivery import Answer, Dispatcher, Trigger, poster
from local.messages import Message, message
from shared.errors import Unavailable

HEADERS = {"ce-specversion": "1.0", "ce-type": "t", "ce-source": "/test", "ce-id": "1", "content-type": "text/plain"}
EVENT = message(HEADERS, b"x" * 1000)
RULE = Trigger("everything", "http://subscriber/")


@contextmanager
def queue(path: Path, most: int = 10, spare: int = 0) -> Iterator[Queue]:
    made = Queue(path / "queue.sqlite3", most, spare)
    yield made
    made.close()


def filled(queue: Queue) -> int:
    """How many events it took until SQLite had no room."""
    pages = queue._database.execute("PRAGMA page_count").fetchone()[0]
    queue._database.execute(f"PRAGMA max_page_count = {pages + 20}")

    def put() -> None:
        for _ in range(1000):
            queue.put(EVENT, ["everything"], now=0)

    with pytest.raises(Unavailable, match="queue: SQLITE_FULL"):
        put()
    return len(queue)


def sent(queue: Queue, body: bytes = b"x") -> TestResponse:
    return Client(Broker(queue, triggers("http://calculate", "http://watcher"), poster())).post(
        "/", data=body, headers=HEADERS
    )


def test_a_full_queue_refuses_events_until_some_are_delivered(tmp_path: Path) -> None:
    with queue(tmp_path, most=2) as short:
        assert [sent(short).status_code for _ in range(3)] == [202, 202, 503]
        assert sent(short).headers["Retry-After"] == "5"
        taken = short.take("everything", now=2e9)
        assert taken is not None
        short.done(taken)
        assert sent(short).status_code == 202


def test_a_reply_finds_room_in_a_full_queue(tmp_path: Path) -> None:
    with queue(tmp_path, most=1) as short:
        short.put(EVENT, ["everything"], now=0)
        taken = short.take("everything", now=0)
        assert taken is not None
        short.done(taken, EVENT, ["one", "two"])
        assert len(short) == 2


def test_a_disk_that_is_nearly_full_refuses_events(tmp_path: Path) -> None:
    with queue(tmp_path, spare=1 << 62) as crowded:
        answer = sent(crowded)
        assert answer.status_code == 503
        assert "Retry-After" in answer.headers
        assert not len(crowded)


def test_an_event_over_1_mib_is_413(tmp_path: Path) -> None:
    with queue(tmp_path) as roomy:
        assert sent(roomy, b"x" * (1 << 20)).status_code == 202
        assert sent(roomy, b"x" * ((1 << 20) + 1)).status_code == 413


def test_what_sqlite_can_not_write_is_refused_and_what_it_has_stays(tmp_path: Path) -> None:
    with queue(tmp_path, most=1000) as full:
        count = filled(full)
        assert count > 0
        assert sent(full, b"x" * 100_000).status_code == 503
        assert len(full) == count
    with queue(tmp_path) as again:
        assert len(again) == count


def test_a_delivery_whose_end_can_not_be_written_comes_again_later(tmp_path: Path) -> None:
    now = [1000.0]
    posted: list[Message] = []

    def reply(url: str, event: Message, timeout: float) -> Answer:
        posted.append(event)
        large = message(HEADERS, b"x" * 500_000)
        return Answer(200, large.headers, large.body) if len(posted) == 1 else Answer(204, {}, b"")

    with queue(tmp_path, most=1000) as full:
        count = filled(full)
        courier = Dispatcher(full, [RULE], reply, clock=lambda: now[0])
        full._database.execute("PRAGMA query_only = on")  # not even that it failed can be written
        with pytest.raises(Unavailable, match="queue: SQLITE_READONLY"):
            courier.attempt("everything")
        full._database.execute("PRAGMA query_only = off")
        while courier.attempt("everything"):
            pass
        assert len(full) == 1
        assert len(posted) == count
        now[0] += 60
        assert courier.attempt("everything")
        assert len(full) == 0
        assert len(posted) == count + 1


class Verbose(BaseHTTPRequestHandler):
    """Replies with an event of the size that the path names."""

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
    with HTTPServer(("127.0.0.1", 0), Verbose) as subscriber:
        serving = threading.Thread(target=subscriber.handle_request)
        serving.start()
        answer = poster()(f"http://127.0.0.1:{subscriber.server_port}/{size}", EVENT, 10)
        serving.join()
    assert answer.status == status
    assert len(answer.body) <= 1 << 20
