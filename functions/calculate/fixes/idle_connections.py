"""Connections that stay open between jobs, for a few seconds.

Connecting costs 12 ms of processor time, a third of it here and the rest on the server: it starts a process, and a
login by SCRAM hashes the password 4,096 times on both sides. psycopg_pool is not used, because it connects in its own
threads and reports a failure as a timeout, without the cause.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from functions.calculate.fixes.connection import Connection
from shared.errors import OtelWorkerError

MAX_IDLE_SECONDS = 10.0  # longer than between the jobs of a backlog; an idle pod does not keep a connection
MAX_AGE_SECONDS = 60.0  # a server can wait for its sessions before it shuts down, and its address can change


def _start_timer(seconds: float, work: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, work)
    timer.daemon = True
    timer.start()


class IdleConnections:
    """Open connections without a transaction. A timer closes each after `max_idle_seconds`; 0 keeps none."""

    def __init__(
        self,
        max_idle_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        start_timer: Callable[[float, Callable[[], None]], None] = _start_timer,
    ) -> None:
        self._max_idle_seconds = max_idle_seconds
        self._clock = clock
        self._start_timer = start_timer
        self._idle: list[tuple[float, Connection]] = []  # with the time of their last use, oldest first
        self._lock = threading.Lock()
        self._has_timer = False
        self._opening: threading.Thread | None = None

    def open(self, connect: Callable[[], Connection]) -> None:
        """Connect in another thread; meanwhile `take` waits. After a failure the next caller connects itself."""

        def work() -> None:
            with suppress(OtelWorkerError):
                self.put(connect())

        self._opening = threading.Thread(target=work, daemon=True)
        self._opening.start()

    def take(self) -> Connection | None:
        """Remove and return the connection that was used last, or None. Connections that have broken are closed."""
        if self._opening is not None:
            self._opening.join()
        while True:
            with self._lock:
                if not self._idle:
                    return None
                _, connection = self._idle.pop()
            if connection.is_quiet():
                return connection
            connection.close()

    def put(self, connection: Connection) -> None:
        """Keep a connection for the next job, unless it is too old."""
        if not self._max_idle_seconds or self._clock() - connection.opened > MAX_AGE_SECONDS:
            connection.close()
            return
        with self._lock:
            self._idle.append((self._clock(), connection))
            self._schedule()

    def close_expired(self) -> None:
        """Close the connections that have been idle for too long."""
        with self._lock:
            self._has_timer = False
            oldest = self._clock() - self._max_idle_seconds
            expired = [connection for used, connection in self._idle if used <= oldest]
            self._idle = [(used, connection) for used, connection in self._idle if used > oldest]
            self._schedule()
        for connection in expired:
            connection.close()

    def _schedule(self) -> None:
        if self._idle and not self._has_timer:
            self._has_timer = True
            oldest, _ = self._idle[0]
            self._start_timer(max(oldest + self._max_idle_seconds - self._clock(), 0), self.close_expired)
