"""The broker's durable queue: one row for each event that a Trigger has yet to deliver, in SQLite."""

import json
import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from local.messages import Message

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
    """Every method is one transaction: what it has returned from survives the process and, synced, the machine."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._taken: set[int] = set()
        self._database = sqlite3.connect(path, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.executescript(_SCHEMA)

    def close(self) -> None:
        self._database.close()

    def put(self, message: Message, triggers: Iterable[str], now: float, hops: int = 0) -> None:
        """The event waits for each of `triggers`, due at once."""
        with self._lock, self._database:
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
                if number not in self._taken:
                    self._taken.add(number)
                    return Delivery(number, name, bool(dead), attempts, hops, Message(json.loads(headers), body, kind))
        return None

    def done(
        self, delivery: Delivery, reply: Message | None = None, triggers: Iterable[str] = (), now: float = 0
    ) -> None:
        """The delivery is over; the event that its subscriber replied with is queued in the same transaction."""
        with self._lock, self._database:
            self._database.execute("DELETE FROM deliveries WHERE id = ?", (delivery.id,))
            if reply is not None:
                self._insert(reply, triggers, now, delivery.hops + 1)
            self._taken.discard(delivery.id)

    def again(self, delivery: Delivery, due: float) -> None:
        """The delivery failed and is tried once more at `due`."""
        with self._lock, self._database:
            self._database.execute(
                "UPDATE deliveries SET attempts = attempts + 1, due = ? WHERE id = ?", (due, delivery.id)
            )
            self._taken.discard(delivery.id)

    def bury(self, delivery: Delivery, message: Message, now: float) -> None:
        """The delivery is given up: `message` goes to the dead-letter sink instead, as often as its subscriber got."""
        with self._lock, self._database:
            self._database.execute(
                "UPDATE deliveries SET dead = 1, attempts = 0, due = ?, headers = ?, body = ? WHERE id = ?",
                (now, json.dumps(dict(message.headers)), message.body, delivery.id),
            )
            self._taken.discard(delivery.id)

    def __len__(self) -> int:
        with self._lock:
            return int(self._database.execute("SELECT count(*) FROM deliveries").fetchone()[0])

    def _insert(self, message: Message, triggers: Iterable[str], due: float, hops: int) -> None:
        headers = json.dumps(dict(message.headers))
        self._database.executemany(
            "INSERT INTO deliveries (trigger_name, due, hops, type, headers, body) VALUES (?, ?, ?, ?, ?, ?)",
            [(trigger, due, hops, message.type, headers, message.body) for trigger in triggers],
        )
