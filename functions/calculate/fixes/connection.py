"""A PostgreSQL connection on which every wait has a timeout (docs/reference/database.md lists timeouts and causes)."""

import math
import re
import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial

import psycopg
from psycopg import pq
from psycopg.abc import RV, PQGen
from psycopg.rows import TupleRow

from shared.deadlines import run_with_timeout
from shared.errors import OtelWorkerError, Unavailable

_POLL_SECONDS = 0.1
_CONNECT_FAILED = "08001"
_CONNECTION_FAILURE = "08006"
# libpq does not expose the SQLSTATE of a refused login: the server's message is the only source.
_REFUSALS = (
    ("failed to resolve host", "unknown-host"),
    ("password authentication failed|no password supplied", "28P01"),
    ('pg_hba.conf|role ".*" does not exist', "28000"),
    ('database ".*" does not exist|no such database', "3D000"),
    ("too many|connection slots|no more connections allowed", "53300"),  # the last one is PgBouncer's
    ("the database system is", "57P03"),
    ("permission denied for database", "42501"),
)


@dataclass(frozen=True)
class Timeouts:
    """Timeouts in seconds. A step that exceeds its timeout raises Unavailable."""

    connect_timeout: int = 5  # connecting and logging in at one address
    open_timeout: float = 10  # name resolution, and connecting at all addresses
    lock_timeout: float = 30  # set on the server
    statement_timeout: float = 300  # set on the server: longer than any day takes, shorter than a Knative request
    idle_timeout: float = 60  # without a byte from the server
    cancel_timeout: float = 3  # cancelling a running statement when closing

    @property
    def total_timeout(self) -> float:
        """Limit for the whole transaction. It also holds when the server ignores its statement_timeout."""
        return self.statement_timeout + self.idle_timeout


CALCULATION = Timeouts()
READINESS = Timeouts(connect_timeout=3, open_timeout=4, lock_timeout=2, statement_timeout=3, idle_timeout=5)
DEVICE_REFRESH = Timeouts(connect_timeout=3, open_timeout=5, lock_timeout=2, statement_timeout=20, idle_timeout=25)


class Connection(psycopg.Connection[TupleRow]):
    """A psycopg connection that enforces `timeouts` on every wait.

    It calls `check` about ten times a second while it waits. An OtelWorkerError that `check` raises ends the wait and
    closes the connection.
    """

    timeouts = CALCULATION
    check: Callable[[], None] = staticmethod(lambda: None)
    deadline = math.inf
    opened = 0.0  # time.monotonic()

    @classmethod
    def open(cls, conninfo: str, timeouts: Timeouts, check: Callable[[], None]) -> "Connection":
        """Open a connection. Raises Unavailable if it fails, or after `timeouts.open_timeout`."""
        # prepare_threshold: a prepared statement would outlive the transaction on PgBouncer's server connection.
        connect = partial(cls.connect, conninfo, connect_timeout=timeouts.connect_timeout, prepare_threshold=None)
        try:
            connection = run_with_timeout(connect, timeouts.open_timeout, on_late=cls.close)
        except (TimeoutError, psycopg.errors.ConnectionTimeout):
            raise Unavailable("database", "timeout") from None
        except psycopg.Error as exc:
            raise Unavailable("database", _refusal_cause(str(exc))) from exc
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        connection.opened = time.monotonic()
        connection.start_use(timeouts, check)
        return connection

    def start_use(self, timeouts: Timeouts, check: Callable[[], None]) -> None:
        """Apply timeouts and `check` from now on."""
        self.timeouts, self.check = timeouts, check
        self.deadline = time.monotonic() + timeouts.total_timeout

    def is_quiet(self) -> bool:
        """Whether the connection is open and the server has sent nothing: a server that closes it says so first."""
        if self.closed:
            return False
        poll = select.poll()
        poll.register(self.pgconn.socket, select.POLLIN)
        return not poll.poll(0)

    def wait(self, gen: PQGen[RV], interval: float = _POLL_SECONDS, timeout: float | None = None) -> RV:
        """Run `gen` to its end and return its result.

        Closes the connection and raises Unavailable when the server is idle for too long or the deadline has passed.
        """
        try:
            return super().wait(self._with_timeouts(gen), interval, timeout)
        except OtelWorkerError:
            self._abort()  # otherwise psycopg ends the COPY and the transaction in order, and waits for each
            raise

    def _with_timeouts(self, gen: PQGen[RV]) -> PQGen[RV]:
        last_ready = time.monotonic()
        try:
            state = next(gen)
            while True:
                ready = yield state
                now = time.monotonic()
                if ready:
                    last_ready = now
                elif now - last_ready > self.timeouts.idle_timeout:
                    raise Unavailable("database", "silent")
                if now > self.deadline:
                    raise Unavailable("database", "slow")
                self.check()
                state = gen.send(ready)
        except StopIteration as stop:
            value: RV = stop.value
            return value

    def end_use(self) -> bool:
        """Roll back an open transaction, within `cancel_timeout`. Returns whether the connection can be used again."""
        self.timeouts = replace(self.timeouts, idle_timeout=self.timeouts.cancel_timeout)
        if self.pgconn.transaction_status in (pq.TransactionStatus.INTRANS, pq.TransactionStatus.INERROR):
            with suppress(psycopg.Error, Unavailable):
                self.execute("ROLLBACK")
        return self.pgconn.transaction_status == pq.TransactionStatus.IDLE

    def close(self) -> None:
        """Roll back an open transaction, then close. Waits at most `cancel_timeout` for each step."""
        self.end_use()  # otherwise PgBouncer closes its connection to the server
        self._abort()

    def _abort(self) -> None:
        """Cancel a running statement and close. Without the cancel the server runs it until it has a row to send."""
        if self.pgconn.transaction_status == pq.TransactionStatus.ACTIVE:
            with suppress(psycopg.Error):
                self.cancel_safe(timeout=self.timeouts.cancel_timeout)
        super().close()


@contextmanager
def translate_errors() -> Iterator[None]:
    """Raise psycopg's errors as Unavailable.

    The cause is the SQLSTATE. An error without one is a lost connection, or a bug that psycopg's class names.
    """
    try:
        yield
    except psycopg.Error as exc:
        is_operational = isinstance(exc, psycopg.OperationalError)
        cause = exc.sqlstate or (_CONNECTION_FAILURE if is_operational else type(exc).__name__)
        raise Unavailable("database", cause) from exc


def error_sqlstate(results: list[pq.abc.PGresult]) -> str:
    """Return the SQLSTATE of the first failed result, or "" if the statement succeeded."""
    for result in results:
        if result.status == pq.ExecStatus.FATAL_ERROR:
            return (result.error_field(pq.DiagnosticField.SQLSTATE) or _CONNECTION_FAILURE.encode()).decode()
    return ""


def _refusal_cause(message: str) -> str:
    return next((cause for pattern, cause in _REFUSALS if re.search(pattern, message)), _CONNECT_FAILED)
