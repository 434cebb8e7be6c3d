"""The fixes of a day, from PostgreSQL; docs/database.md has the reasons."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg
from psycopg import generators, pq, sql
from psycopg.abc import PQGen
from psycopg.waiting import Wait

from functions.calculate.fixes.binary_copy import Frames, device_text
from functions.calculate.fixes.blocks import Block
from functions.calculate.fixes.columns import DEVICE, Columns, describing
from functions.calculate.fixes.connection import DAY, LOOK, PROBE, Bounds, Connection, ended, translate_errors
from functions.calculate.fixes.instrumentation import statement
from shared.config.database_url import connection_string
from shared.config.settings import Settings
from shared.errors import CheckFailed, Unavailable, UnsupportedColumn

_EPOCH, _NEVER = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)

# Compiling costs the ordered query more than it gains; a statement_timeout of the role's own that is stricter stands.
# A killed pod says no farewell: by its defaults the server would hold its locks for a quarter of an hour. Two minutes
# are longer than we ever stop reading, for the storage's sake. A database in SQL_ASCII may hold bytes that are not
# UTF-8, and refuses to send them to a client in UTF-8.
_SETTINGS = """
SELECT set_config('jit', 'off', true), set_config('lock_timeout', {lock}, true),
       set_config('tcp_user_timeout', '120000', true), set_config('tcp_keepalives_idle', '10', true),
       set_config('tcp_keepalives_interval', '5', true), set_config('tcp_keepalives_count', '3', true),
       set_config('client_encoding',
                  CASE getdatabaseencoding() WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END, true),
       set_config('statement_timeout', least({statement}, nullif(setting::int, 0))::text, true)
FROM pg_settings WHERE name = 'statement_timeout'
"""
_COPY = "COPY (SELECT {columns} FROM public.locations WHERE {range} ORDER BY {day}, id) TO STDOUT (FORMAT binary)"
# As bytes: psycopg would raise where a text is not UTF-8.
_LATEST = """
SELECT textsend({device}), (extract(epoch FROM max({day})) * 1000000)::int8
FROM public.locations WHERE {range} GROUP BY 1 ORDER BY 2 DESC LIMIT {most}
"""


class FixSource:
    """The table `public.locations`, reached directly or through PgBouncer in transaction mode."""

    def __init__(self, settings: Settings, bounds: Bounds = DAY, check: Callable[[], None] = lambda: None) -> None:
        self._conninfo = _conninfo(settings)
        self._day_column = settings.DAY_COLUMN
        self._day = sql.Identifier(settings.DAY_COLUMN)
        self._bounds = bounds
        self._check = check

    @contextmanager
    def of_day(
        self, start: datetime, end: datetime, device_id: str, alive: Callable[[], None] = lambda: None
    ) -> Iterator[Iterator[Block]]:
        """The fixes of [start, end) in the order of the day column, then id, in blocks; device "" is every device.

        One connection and one snapshot. Unavailable at whatever step the database fails, UnsupportedColumn where a
        column has a type that cannot be read. `alive` is called at each block and about ten times a second while we
        wait; it may raise, and then nothing is left open.
        """

        def check() -> None:
            self._check()
            alive()

        with translate_errors(), self._connected(self._bounds, check) as connection:
            yield self._blocks(connection, self._range(start, end, device_id), device_id)

    def latest(self, since: datetime, most: int) -> dict[str, datetime]:
        """The time of each device's latest fix, by the day column, of `most` devices with fixes from `since` on.

        Unavailable, or UnsupportedColumn.
        """
        with translate_errors(), self._connected(LOOK, self._check) as connection:
            self._describe(connection)
            where = self._range(since, _NEVER, "")
            query = sql.SQL(_LATEST).format(device=sql.SQL(DEVICE), day=self._day, range=where, most=sql.Literal(most))
            text = _LATEST.format(device=DEVICE, **self._placeholders(""), most="?")
            with statement("SELECT", text, "public.locations") as told:
                found = connection.execute(query).fetchall()
                told.rows = len(found)
        return {device_text(device): _EPOCH + timedelta(microseconds=time_us) for device, time_us in found}

    def ping(self) -> None:
        """Check that the table answers to our user, with columns that can be read: else Unavailable, or Failing."""
        with translate_errors(), self._connected(PROBE, self._check) as connection:
            try:
                self._describe(connection)
            except UnsupportedColumn as exc:
                raise CheckFailed(exc.message) from exc

    def _describe(self, connection: Connection) -> Columns:
        with statement("DESCRIBE", describing(self._day_column), "public.locations"):
            return Columns.describe(connection, self._day_column)

    @contextmanager
    def _connected(self, bounds: Bounds, check: Callable[[], None]) -> Iterator[Connection]:
        with statement("CONNECT"):
            connection = Connection.opened(self._conninfo, bounds, check)
        try:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            milliseconds = {"lock": str(round(bounds.lock * 1000)), "statement": round(bounds.statement * 1000)}
            with statement("SET", _SETTINGS.format(**dict.fromkeys(milliseconds, "?"))):
                connection.execute(sql.SQL(_SETTINGS).format(**milliseconds))
            yield connection
        finally:
            connection.close()

    def _range(self, start: datetime, end: datetime, device_id: str) -> sql.Composed:
        """A range on the bare column, so that an index on it serves.

        The literals have no type of their own: as timestamptz the offset counts, as timestamp it is dropped, and a
        column without zone is taken as UTC.
        """
        where = sql.SQL("{day} >= {start} AND {day} < {end}").format(
            day=self._day, start=sql.Literal(_text(start)), end=sql.Literal(_text(end))
        )
        if device_id:
            where += sql.SQL(" AND device_id::text = {}").format(sql.Literal(device_id))
        return where

    def _placeholders(self, device_id: str) -> dict[str, str]:
        """The day column and the range of a statement for a span, without values."""
        day = self._day.as_string()
        return {"day": day, "range": f"{day} >= ? AND {day} < ?" + (" AND device_id::text = ?" if device_id else "")}

    def _blocks(self, connection: Connection, where: sql.Composed, device_id: str) -> Iterator[Block]:
        with translate_errors():
            columns = self._describe(connection).select()
            query = sql.SQL(_COPY).format(columns=sql.SQL(columns), day=self._day, range=where)
            text = _COPY.format(columns=columns, **self._placeholders(device_id))
            with statement("COPY", text, "public.locations") as copied, closing(_copied(connection, query)) as blocks:
                copied.rows = 0
                for block in blocks:
                    copied.rows += len(block)
                    yield block


def _copied(connection: Connection, query: sql.Composed) -> Generator[Block]:
    """Run the COPY and yield its rows in blocks."""
    frames = Frames()
    with connection.cursor() as cursor, cursor.copy(query):
        pgconn = connection.pgconn
        receive = partial(pgconn.get_copy_data, 1)  # psycopg's own loop takes twice the time, all of it per row
        while (state := frames.fill(receive)) >= 0:
            if state:
                connection.check()
                yield frames.block()
            else:
                connection.wait(_arrival(pgconn))
        _check_end(connection)
        if len(frames):
            yield frames.block()


def _conninfo(settings: Settings) -> str:
    bounded = {
        "keepalives_idle": "10",
        "keepalives_interval": "5",
        "keepalives_count": "3",
        "tcp_user_timeout": "30000",
        "client_encoding": "UTF8",
        "application_name": "otel-worker",
    }
    return psycopg.conninfo.make_conninfo(connection_string(settings), **bounded)


def _arrival(pgconn: pq.abc.PGconn) -> PQGen[None]:
    """Until the server has sent something more."""
    while not (yield Wait.R):
        pass
    pgconn.consume_input()


def _check_end(connection: Connection) -> None:
    """Read how the COPY ended: an error may come after any number of rows."""
    if sqlstate := ended(connection.wait(generators.fetch_many(connection.pgconn))):
        raise Unavailable("database", sqlstate)


def _text(instant: datetime) -> str:
    return instant.isoformat(sep=" ")
