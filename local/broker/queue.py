"""The broker's durable queue: one row per event and Trigger in SQLite, until the delivery is complete."""

import json
import math
import shutil
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.broker.messages import Message
from shared.errors import Unavailable

MAX_DELIVERIES = 100_000
MIN_FREE_DISK_BYTES = 64 << 20  # for the rest of the system, and for deletions, which SQLite writes too

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
    """One event for one Trigger.

    `attempts` counts failed attempts, `hops` the replies that led to the event. A dead letter goes to the Trigger's
    dead-letter sink.
    """

    id: int
    trigger: str
    is_dead_letter: bool
    attempts: int
    hops: int
    message: Message


class DeliveryQueue:
    """A persistent queue of deliveries. Times are seconds since 1970. Methods may be called from any thread.

    Each method is one transaction, synced to disk before it returns. It raises Unavailable, and changes nothing, if
    SQLite cannot write. The queue holds at most `max_deliveries` and leaves `min_free_bytes` of the disk free.
    """

    def __init__(
        self, path: Path, max_deliveries: int = MAX_DELIVERIES, min_free_bytes: int = MIN_FREE_DISK_BYTES
    ) -> None:
        self._lock = threading.Lock()
        self._folder, self._max_deliveries, self._min_free_bytes = path.parent, max_deliveries, min_free_bytes
        self._claimed_until: dict[int, float] = {}
        self._database = sqlite3.connect(path, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.executescript(_SCHEMA)

    def close(self) -> None:
        self._database.close()

    def enqueue(self, message: Message, triggers: Iterable[str], now: float, hops: int = 0) -> None:
        """Add a delivery for each of `triggers`, due now; Unavailable if the queue or the disk is full."""
        with self._transaction():
            if self._count() >= self._max_deliveries:
                raise Unavailable("queue", "full")
            if shutil.disk_usage(self._folder).free < self._min_free_bytes:
                raise Unavailable("queue", "disk full")
            self._insert(message, triggers, now, hops)

    def claim(self, trigger: str, now: float) -> Delivery | None:
        """Return the delivery that has been due longest, or None; it is not returned again until it is settled."""
        with self._lock:
            rows = self._database.execute(
                "SELECT id, trigger_name, dead, attempts, hops, headers, body, type FROM deliveries"
                " WHERE trigger_name = ? AND due <= ? ORDER BY due, id",
                (trigger, now),
            )
            for number, name, dead, attempts, hops, headers, body, kind in rows:
                if self._claimed_until.get(number, 0) <= now:
                    self._claimed_until[number] = math.inf
                    return Delivery(number, name, bool(dead), attempts, hops, Message(json.loads(headers), body, kind))
        return None

    def complete(
        self, delivery: Delivery, reply: Message | None = None, triggers: Iterable[str] = (), now: float = 0
    ) -> None:
        """Remove the delivery, and enqueue the subscriber's reply for `triggers` in the same transaction.

        The limits do not apply to replies: a rejected reply would be lost or produced twice.
        """
        with self._transaction(delivery):
            self._database.execute("DELETE FROM deliveries WHERE id = ?", (delivery.id,))
            if reply is not None:
                self._insert(reply, triggers, now, delivery.hops + 1)

    def retry_at(self, delivery: Delivery, due: float) -> None:
        """Count a failed attempt and make the delivery due at `due`."""
        with self._transaction(delivery):
            self._database.execute(
                "UPDATE deliveries SET attempts = attempts + 1, due = ? WHERE id = ?", (due, delivery.id)
            )

    def release_at(self, delivery: Delivery, due: float) -> None:
        """Make the delivery claimable again at `due`, in memory only."""
        with self._lock:
            self._claimed_until[delivery.id] = due

    def dead_letter(self, delivery: Delivery, message: Message, now: float) -> None:
        """Turn the delivery into one of `message` to the dead-letter sink, with its own retries."""
        with self._transaction(delivery):
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
    def _transaction(self, settles: Delivery | None = None) -> Iterator[None]:
        """Run the block in a transaction, and release the claim on `settles` once it is committed."""
        with self._lock:
            try:
                with self._database:
                    yield
            except sqlite3.Error as exc:
                raise Unavailable("queue", exc.sqlite_errorname) from exc
            if settles is not None:
                self._claimed_until.pop(settles.id, None)

    def _insert(self, message: Message, triggers: Iterable[str], due: float, hops: int) -> None:
        headers = json.dumps(dict(message.headers))
        self._database.executemany(
            "INSERT INTO deliveries (trigger_name, due, hops, type, headers, body) VALUES (?, ?, ?, ?, ?, ?)",
            [(trigger, due, hops, message.type, headers, message.body) for trigger in triggers],
        )
