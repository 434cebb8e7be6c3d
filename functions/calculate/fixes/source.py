"""Read fixes from PostgreSQL (docs/reference/database.md has the reasons for each setting)."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg
from psycopg import generators, pq, sql
from psycopg.abc import PQGen
from psycopg.waiting import Wait

from functions.calculate.fixes import context
from functions.calculate.fixes.binary_copy import CopyDecoder, decode_device
from functions.calculate.fixes.blocks import Block, ContextFix, DayFixes, DayQuery
from functions.calculate.fixes.columns import DEVICE_EXPRESSION, Columns, describe_statement
from functions.calculate.fixes.connection import (
    CALCULATION,
    DEVICE_REFRESH,
    READINESS,
    Connection,
    Timeouts,
    error_sqlstate,
    translate_errors,
)
from functions.calculate.fixes.idle_connections import MAX_IDLE_SECONDS, IdleConnections
from functions.calculate.fixes.instrumentation import instrument_statement
from shared.config import database_url, libpq
from shared.config.settings import Settings
from shared.errors import CheckFailed, Unavailable, UnsupportedColumn
from shared.telemetry import spans

_EPOCH, _NEVER = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)

# jit: compilation costs the ordered query more than it saves.
# tcp_*: a killed pod never closes its connection. With default TCP settings the server keeps its locks for about 15
# minutes. Two minutes are longer than any pause in reading while the storage accepts a part.
# client_encoding: a database in SQL_ASCII can contain bytes that are not UTF-8, and does not send them as UTF-8.
# statement_timeout: a stricter setting of the role takes precedence.
_SETTINGS = """
SELECT set_config('jit', 'off', true), set_config('lock_timeout', {lock}, true),
       set_config('tcp_user_timeout', '120000', true), set_config('tcp_keepalives_idle', '10', true),
       set_config('tcp_keepalives_interval', '5', true), set_config('tcp_keepalives_count', '3', true),
       set_config('client_encoding',
                  CASE getdatabaseencoding() WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END, true),
       set_config('statement_timeout', least({statement}, nullif(setting::int, 0))::text, true)
FROM pg_settings WHERE name = 'statement_timeout'
"""
_SHUTDOWN = "57P"  # SQLSTATEs of a server that shuts down, or closes idle sessions
_COPY = "COPY (SELECT {columns} FROM public.locations WHERE {range} ORDER BY {day}, id) TO STDOUT (FORMAT binary)"
# textsend: psycopg raises an error for text that is not UTF-8.
_LATEST = """
SELECT textsend({device}), (extract(epoch FROM max({day})) * 1000000)::int8
FROM public.locations WHERE {range} GROUP BY 1 ORDER BY 2 DESC LIMIT {limit}
"""


class FixSource:
    """The table `public.locations`, accessed directly or through PgBouncer in transaction mode.

    It calls `check` while it waits. An OtelWorkerError that `check` raises ends the wait.
    """

    def __init__(
        self,
        settings: Settings,
        timeouts: Timeouts = CALCULATION,
        check: Callable[[], None] = lambda: None,
        max_idle_seconds: float = MAX_IDLE_SECONDS,
    ) -> None:
        self._conninfo = _conninfo(settings)
        self._day_column = settings.DAY_COLUMN
        self._day = sql.Identifier(settings.DAY_COLUMN)
        self._timeouts = timeouts
        self._check = check
        self._idle_connections = IdleConnections(max_idle_seconds)

    def connect(self) -> None:
        """Connect in the background, so that the first transaction of a new process waits less."""

        def connect() -> Connection:
            with spans.suppress_tracing():  # it belongs to no request
                return self._open_connection(self._timeouts, self._check)

        self._idle_connections.open(connect)

    @contextmanager
    def read_day(self, query: DayQuery, heartbeat: Callable[[], None] = lambda: None) -> Iterator[DayFixes]:
        """Read the context of a day and open an iterator over its fixes, ordered by the day column, then by id.

        The context and all blocks come from one snapshot on one connection. `heartbeat` is called at each block, and
        about ten times a second during waits. If it raises, the connection is closed.
        Raises Unavailable if the database fails at any step, and UnsupportedColumn if a column has an unsupported type.
        """

        def check() -> None:
            self._check()
            heartbeat()

        with translate_errors(), self._connect(self._timeouts, check) as connection:
            columns = self._describe(connection)
            before = _read_context(connection, context.before(columns, query))
            after = _read_context(connection, context.after(columns, query))
            yield DayFixes(self._day_column, before, after, self._read_blocks(connection, columns, query))

    def latest_fix_times(self, since: datetime, limit: int) -> dict[str, datetime]:
        """Return the time of the latest fix, by the day column, of up to `limit` devices with fixes since `since`.

        Raises Unavailable or UnsupportedColumn.
        """
        with translate_errors(), self._connect(DEVICE_REFRESH, self._check) as connection:
            self._describe(connection)
            query = sql.SQL(_LATEST).format(
                device=sql.SQL(DEVICE_EXPRESSION),
                day=self._day,
                range=self.range_condition(since, _NEVER, ""),
                limit=sql.Literal(limit),
            )
            text = _LATEST.format(device=DEVICE_EXPRESSION, **self._placeholders(""), limit="?")
            with instrument_statement("SELECT", text, "public.locations") as stats:
                rows = connection.execute(query).fetchall()
                stats.rows = len(rows)
        return {decode_device(device): _EPOCH + timedelta(microseconds=time_us) for device, time_us in rows}

    def ping(self) -> None:
        """Check that the table is readable and its columns are supported. Raises Unavailable or CheckFailed."""
        with translate_errors(), self._connect(READINESS, self._check) as connection:
            try:
                self._describe(connection)
            except UnsupportedColumn as exc:
                raise CheckFailed(exc.message) from exc

    def _describe(self, connection: Connection) -> Columns:
        with instrument_statement("DESCRIBE", describe_statement(self._day_column), "public.locations"):
            return Columns.describe(connection, self._day_column)

    @contextmanager
    def _connect(self, timeouts: Timeouts, check: Callable[[], None]) -> Iterator[Connection]:
        """Start a read-only transaction at the isolation level REPEATABLE READ, on an idle or a new connection."""
        connection = self._reuse_connection(timeouts, check)
        if connection is None:
            connection = self._open_connection(timeouts, check)
            _start_transaction(connection)
        try:
            yield connection
        finally:
            if connection.end_use():
                self._idle_connections.put(connection)
            else:
                connection.close()

    def _open_connection(self, timeouts: Timeouts, check: Callable[[], None]) -> Connection:
        with instrument_statement("CONNECT"):
            return Connection.open(self._conninfo, timeouts, check)

    def _reuse_connection(self, timeouts: Timeouts, check: Callable[[], None]) -> Connection | None:
        """Start a transaction on an idle connection. Returns None if there is none, or if it was lost meanwhile."""
        connection = self._idle_connections.take()
        if connection is None:
            return None
        connection.start_use(timeouts, check)
        try:
            _start_transaction(connection)
        except psycopg.OperationalError as exc:
            if exc.sqlstate and not exc.sqlstate.startswith(_SHUTDOWN):
                raise
            return None
        return connection

    def range_condition(self, start: datetime, end: datetime, device_id: str) -> sql.Composed:
        """Return a condition on the bare column, so that an index on it applies.

        The literals are untyped. PostgreSQL reads their offset for a column of type timestamptz, and ignores it for
        type timestamp, which is interpreted as UTC.
        """
        bounds = (sql.Literal(instant.isoformat(sep=" ")) for instant in (start, end))
        condition = sql.SQL("{day} >= {} AND {day} < {}").format(*bounds, day=self._day)
        if device_id:
            condition += sql.SQL(" AND device_id::text = {}").format(sql.Literal(device_id))
        return condition

    def _placeholders(self, device_id: str) -> dict[str, str]:
        """Return the day column and the range condition with placeholders, for a span."""
        day = self._day.as_string()
        return {"day": day, "range": f"{day} >= ? AND {day} < ?" + (" AND device_id::text = ?" if device_id else "")}

    def copy_query(self, columns: Columns, condition: sql.Composed) -> sql.Composed:
        """Return the COPY statement that reads the fixes of a day."""
        return sql.SQL(_COPY).format(columns=sql.SQL(columns.select_list()), day=self._day, range=condition)

    def _read_blocks(self, connection: Connection, columns: Columns, query: DayQuery) -> Iterator[Block]:
        with translate_errors():
            copy = self.copy_query(columns, self.range_condition(query.start, query.end, query.device_id))
            text = _COPY.format(columns=columns.select_list(), **self._placeholders(query.device_id))
            decoder = CopyDecoder(has_own_time=columns.has_own_time)
            with (
                instrument_statement("COPY", text, "public.locations") as stats,
                closing(_copy_blocks(connection, copy, decoder)) as blocks,
            ):
                stats.rows = 0
                for block in blocks:
                    stats.rows += len(block)
                    yield block


def _start_transaction(connection: Connection) -> None:
    """Start a transaction with the settings of the project. Closes the connection if it fails."""
    timeouts = connection.timeouts
    milliseconds = {
        "lock": str(round(timeouts.lock_timeout * 1000)),
        "statement": round(timeouts.statement_timeout * 1000),
    }
    try:
        with instrument_statement("SET", _SETTINGS.format(**dict.fromkeys(milliseconds, "?"))):
            connection.execute(sql.SQL(_SETTINGS).format(**milliseconds))
    except BaseException:
        connection.close()
        raise


def _read_context(connection: Connection, statement: context.Statement | None) -> dict[str, ContextFix]:
    """Return the context fix of each device on one side of the day; none without a statement."""
    if statement is None:
        return {}
    with instrument_statement("SELECT", statement.text, "public.locations") as stats:
        # binary: text can have fewer digits than a double
        rows = connection.execute(statement.query, binary=True).fetchall()
        stats.rows = len(rows)
    return {decode_device(device): ContextFix(*values) for device, *values in rows}


def _copy_blocks(connection: Connection, query: sql.Composed, decoder: CopyDecoder) -> Generator[Block]:
    """Run the COPY and yield its rows in blocks."""
    with connection.cursor() as cursor, cursor.copy(query):
        pgconn = connection.pgconn
        receive = partial(pgconn.get_copy_data, 1)  # twice as fast as psycopg's loop, which works row by row
        while (state := decoder.receive_rows(receive)) >= 0:
            if state:
                connection.check()
                yield decoder.take_block()
            else:
                connection.wait(_wait_for_data(pgconn))
        if sqlstate := error_sqlstate(connection.wait(generators.fetch_many(pgconn))):
            raise Unavailable("database", sqlstate)  # an error can follow any number of rows
        if len(decoder):
            yield decoder.take_block()


def _conninfo(settings: Settings) -> str:
    libpq.remove_other_variables()
    options = {
        "keepalives_idle": "10",
        "keepalives_interval": "5",
        "keepalives_count": "3",
        "tcp_user_timeout": "30000",
        "client_encoding": "UTF8",
        "application_name": "otel-worker",
    }
    if settings.DATABASE_URL is not None:
        text = settings.DATABASE_URL.get_secret_value()
        database_url.check(text)  # psycopg's error would contain the text
        return psycopg.conninfo.make_conninfo(text, **options)
    password = settings.POSTGRES_PASSWORD
    return psycopg.conninfo.make_conninfo(
        host=settings.POSTGRES_HOST,
        port=settings.POSTGRES_PORT,
        dbname=settings.POSTGRES_DB,
        user=settings.POSTGRES_USER,
        password=password.get_secret_value() if password else None,
        **options,
    )


def _wait_for_data(pgconn: pq.abc.PGconn) -> PQGen[None]:
    while not (yield Wait.R):
        pass
    pgconn.consume_input()
