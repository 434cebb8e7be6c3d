"""A connection to PostgreSQL whose every wait has an end; docs/database.md has the bounds and the causes."""

import math
import re
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

_LOOK_SECONDS = 0.1
_NOT_OPENED = "08001"
_BROKEN = "08006"
# libpq keeps the SQLSTATE of a refused login to itself: the server's own words are all there is.
_REFUSALS = (
    ("failed to resolve host", "unknown-host"),
    ("password authentication failed|no password supplied", "28P01"),
    ('pg_hba.conf|role ".*" does not exist', "28000"),
    ('database ".*" does not exist|no such database', "3D000"),
    ("too many|connection slots|no more connections allowed", "53300"),  # the last is PgBouncer's
    ("the database system is", "57P03"),
    ("permission denied for database", "42501"),
)


@dataclass(frozen=True)
class Bounds:
    """How many seconds each step may take; what takes longer is Unavailable."""

    address: int = 5  # to connect and log in at one address
    opening: float = 10  # the same at all addresses, the look-up of the name included
    lock: float = 30  # the server's lock_timeout
    statement: float = 300  # its statement_timeout: longer than any day takes, shorter than Knative's longest request
    silence: float = 60  # without a byte from the server
    farewell: float = 3  # to have a statement cancelled that nobody waits for any more

    @property
    def whole(self) -> float:
        """Longer than the server lets a statement run, for a server that doesn't."""
        return self.statement + self.silence


DAY = Bounds()
PROBE = Bounds(address=3, opening=4, lock=2, statement=3, silence=5)
LOOK = Bounds(address=3, opening=5, lock=2, statement=20, silence=25)


class Connection(psycopg.Connection[TupleRow]):
    """psycopg's, whose every wait is within `bounds`; `check` is called meanwhile and may raise an error of ours."""

    bounds = DAY
    check: Callable[[], None] = staticmethod(lambda: None)
    deadline = math.inf

    @classmethod
    def opened(cls, conninfo: str, bounds: Bounds, check: Callable[[], None]) -> "Connection":
        """A connection, or Unavailable within `bounds.opening`."""
        # prepare_threshold: a prepared statement would outlive the transaction, and PgBouncer's server with it.
        connect = partial(cls.connect, conninfo, connect_timeout=bounds.address, prepare_threshold=None)
        try:
            connection = run_with_timeout(connect, bounds.opening, late=cls.close)
        except (TimeoutError, psycopg.errors.ConnectionTimeout):
            raise Unavailable("database", "timeout") from None
        except psycopg.Error as exc:
            raise Unavailable("database", _refusal(str(exc))) from exc
        connection.bounds, connection.check = bounds, check
        connection.deadline = time.monotonic() + bounds.whole
        return connection

    def wait(self, gen: PQGen[RV], interval: float = _LOOK_SECONDS, timeout: float | None = None) -> RV:
        """What `gen` returns; Unavailable when the server is silent or too slow, and then the connection is closed."""
        try:
            return super().wait(self._watched(gen), interval, timeout)
        except OtelWorkerError:
            self._drop()  # or psycopg would try to end copy and transaction in order, with a wait for each
            raise

    def _watched(self, gen: PQGen[RV]) -> PQGen[RV]:
        heard = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                now = time.monotonic()
                if ready:
                    heard = now
                elif now - heard > self.bounds.silence:
                    raise Unavailable("database", "silent")
                if now > self.deadline:
                    raise Unavailable("database", "slow")
                self.check()
                wanted = gen.send(ready)
        except StopIteration as done:
            value: RV = done.value
            return value

    def close(self) -> None:
        """Close it, in order where that is quick: neither server nor PgBouncer is left with what we began."""
        self.bounds = replace(self.bounds, silence=self.bounds.farewell)
        if self.pgconn.transaction_status in (pq.TransactionStatus.INTRANS, pq.TransactionStatus.INERROR):
            with suppress(psycopg.Error, Unavailable):
                self.execute("ROLLBACK")  # else PgBouncer closes its connection to the server
        self._drop()

    def _drop(self) -> None:
        """Close it whatever is going on; a statement would run on until it has a row to send, so it is cancelled."""
        if self.pgconn.transaction_status == pq.TransactionStatus.ACTIVE:
            with suppress(psycopg.Error):
                self.cancel_safe(timeout=self.bounds.farewell)
        super().close()


@contextmanager
def translate_errors() -> Iterator[None]:
    """What psycopg raises as Unavailable; the cause is the SQLSTATE, or a class of psycopg's that names a bug."""
    try:
        yield
    except psycopg.Error as exc:
        lost = isinstance(exc, psycopg.OperationalError)
        raise Unavailable("database", exc.sqlstate or (_BROKEN if lost else type(exc).__name__)) from exc


def ended(results: list[pq.abc.PGresult]) -> str:
    """The SQLSTATE that a statement ended with, "" for success."""
    for result in results:
        if result.status == pq.ExecStatus.FATAL_ERROR:
            return (result.error_field(pq.DiagnosticField.SQLSTATE) or _BROKEN.encode()).decode()
    return ""


def _refusal(text: str) -> str:
    return next((code for words, code in _REFUSALS if re.search(words, text)), _NOT_OPENED)
