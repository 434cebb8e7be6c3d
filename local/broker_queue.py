"""The broker's durable queue: one row for each event that a Trigger has yet to deliver, in SQLite."""

import json
import math
import shutil
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.messages import Message
from shared.errors import Unavailable

MOST_WAITING = 100_000
SPARE_DISK_BYTES = 64 << 20  # for the rest of the system, and for our own deletions: they are written too

_SCHEMA = """
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY,
    trigger_name TEXT NOT NULL,
    dead INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL,
    hops INTEGER NOT NULL,
    type TEXT NOT NULL,
    headers TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (trigger_name, due);
"""


@dataclass(frozen=True)
class Delivery:
    """One event for one Trigger; `dead` is one for its dead-letter sink, `hops` how many replies made it."""

    id: int
    trigger: str
    dead: bool
    attempts: int
    hops: int
    message: Message


class Queue:
    """Every method is one transaction: what it has returned from survives the process and, synced, the machine.

    Unavailable where SQLite can't write; then nothing has changed. `most` deliveries wait, `spare` bytes of the disk
    stay free.
    """

    def __init__(self, path: Path, most: int = MOST_WAITING, spare: int = SPARE_DISK_BYTES) -> None:
        self._lock = threading.Lock()
        self._folder, self._most, self._spare = path.parent, most, spare
        self._taken: dict[int, float] = {}  # until when nobody else gets it
        self._database = sqlite3.connect(path, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.executescript(_SCHEMA)

    def close(self) -> None:
        self._database.close()

    def put(self, message: Message, triggers: Iterable[str], now: float, hops: int = 0) -> None:
        """The event waits for each of `triggers`, due at once; Unavailable when there is no room."""
        with self._changing():
            if self._count() >= self._most:
                raise Unavailable("queue", "full")
            if shutil.disk_usage(self._folder).free < self._spare:
                raise Unavailable("queue", "disk full")
            self._insert(message, triggers, now, hops)

    def take(self, trigger: str, now: float) -> Delivery | None:
        """The delivery of `trigger` that is due longest; nobody else gets it until it is settled."""
        with self._lock:
            rows = self._database.execute(
                "SELECT id, trigger_name, dead, attempts, hops, headers, body, type FROM deliveries"
                " WHERE trigger_name = ? AND due <= ? ORDER BY due, id",
                (trigger, now),
            )
            for number, name, dead, attempts, hops, headers, body, kind in rows:
                if self._taken.get(number, 0) <= now:
                    self._taken[number] = math.inf
                    return Delivery(number, name, bool(dead), attempts, hops, Message(json.loads(headers), body, kind))
        return None

    def done(
        self, delivery: Delivery, reply: Message | None = None, triggers: Iterable[str] = (), now: float = 0
    ) -> None:
        """The delivery is over; the event that its subscriber replied with is queued in the same transaction."""
        with self._changing(delivery):
            self._database.execute("DELETE FROM deliveries WHERE id = ?", (delivery.id,))
            if reply is not None:  # however full it is: refused, it would be lost or made again
                self._insert(reply, triggers, now, delivery.hops + 1)

    def again(self, delivery: Delivery, due: float) -> None:
        """The delivery failed and is tried once more at `due`."""
        with self._changing(delivery):
            self._database.execute(
                "UPDATE deliveries SET attempts = attempts + 1, due = ? WHERE id = ?", (due, delivery.id)
            )

    def hold(self, delivery: Delivery, due: float) -> None:
        """The same, in memory only."""
        with self._lock:
            self._taken[delivery.id] = due

    def bury(self, delivery: Delivery, message: Message, now: float) -> None:
        """The delivery is given up: `message` goes to the dead-letter sink instead, as often as its subscriber got."""
        with self._changing(delivery):
            self._database.execute(
                "UPDATE deliveries SET dead = 1, attempts = 0, due = ?, headers = ?, body = ? WHERE id = ?",
                (now, json.dumps(dict(message.headers)), message.body, delivery.id),
            )

    def __len__(self) -> int:
        with self._lock:
            return self._count()

    def _count(self) -> int:
        return int(self._database.execute("SELECT count(*) FROM deliveries").fetchone()[0])

    @contextmanager
    def _changing(self, settled: Delivery | None = None) -> Iterator[None]:
        """One transaction, after which `settled` is free again."""
        with self._lock:
            try:
                with self._database:
                    yield
            except sqlite3.Error as exc:
                raise Unavailable("queue", exc.sqlite_errorname) from exc
            if settled is not None:
                self._taken.pop(settled.id, None)

    def _insert(self, message: Message, triggers: Iterable[str], due: float, hops: int) -> None:
        headers = json.dumps(dict(message.headers))
        self._database.executemany(
            "INSERT INTO deliveries (trigger_name, due, hops, type, headers, body) VALUES (?, ?, ?, ?, ?, ?)",
            [(trigger, due, hops, message.type, headers, message.body) for trigger in triggers],
        )
