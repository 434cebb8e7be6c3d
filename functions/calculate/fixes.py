"""The fixes of a day, from PostgreSQL; docs/database.md has the reasons."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import cast

import numpy as np
import psycopg
from psycopg import generators, pq, sql
from psycopg.abc import PQGen
from psycopg.waiting import Wait

from functions.calculate.blocks import NULL, ROWS, Block, Integers
from functions.calculate.connection import DAY, LOOK, PROBE, Bounds, Connection, ended, told_as_unavailable
from functions.calculate.copy_frames import NO_INTEGER, Frames, UnexpectedFrame
from functions.calculate.statements import statement
from shared.errors import SettingsError, Unavailable
from shared.settings import Settings

_EPOCH, _NEVER = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
_OUT_OF_RANGE = "22003"  # a double that no int4 can hold

# Compiling costs the ordered query more than it gains; a statement_timeout of the role's own that is stricter stands.
# A killed pod says no farewell: by its defaults the server would hold its locks for a quarter of an hour. Two minutes
# are longer than we ever stop reading, for the storage's sake.
_SETTINGS = """
SELECT set_config('jit', 'off', true), set_config('lock_timeout', {lock}, true),
       set_config('tcp_user_timeout', '120000', true), set_config('tcp_keepalives_idle', '10', true),
       set_config('tcp_keepalives_interval', '5', true), set_config('tcp_keepalives_count', '3', true),
       set_config('statement_timeout', least({statement}, nullif(setting::int, 0))::text, true)
FROM pg_settings WHERE name = 'statement_timeout'
"""
_FAST = """
COPY (
    SELECT {day}, coalesce(latitude::float8, 'NaN'), coalesce(longitude::float8, 'NaN'),
           coalesce(accuracy::int4, {none}), coalesce(battery::int4, {none}), coalesce(velocity::int4, {none}),
           device_id
    FROM public.locations WHERE {range} ORDER BY {day}, id
) TO STDOUT (FORMAT binary)
"""
# Any type that a number may have, read as double; the time as the microseconds that a timestamp is inside.
_GENERAL = """
SELECT (extract(epoch FROM {day}) * 1000000)::int8, latitude::float8, longitude::float8,
       accuracy::float8, battery::float8, velocity::float8, coalesce(device_id, '')
FROM public.locations WHERE {range} ORDER BY {day}, id OFFSET {after}
"""
_LATEST = """
SELECT coalesce(device_id, ''), (extract(epoch FROM max({day})) * 1000000)::int8
FROM public.locations WHERE {range} GROUP BY device_id ORDER BY 2 DESC LIMIT {most}
"""


class FixSource:
    """The table `public.locations`, reached directly or through PgBouncer in transaction mode."""

    def __init__(self, settings: Settings, bounds: Bounds = DAY, check: Callable[[], None] = lambda: None) -> None:
        self._conninfo = _conninfo(settings)
        self._day = sql.Identifier(settings.DAY_COLUMN)
        self._bounds = bounds
        self._check = check

    @contextmanager
    def of_day(
        self, start: datetime, end: datetime, device_id: str, alive: Callable[[], None] = lambda: None
    ) -> Iterator[Iterator[Block]]:
        """The fixes of [start, end) in the order of the day column, then id, in blocks; device "" is every device.

        One connection and one snapshot. Unavailable at whatever step the database fails. `alive` is called at each
        block and about ten times a second while we wait; it may raise, and then nothing is left open.
        """

        def check() -> None:
            self._check()
            alive()

        with told_as_unavailable(), self._connected(self._bounds, check) as connection:
            yield self._blocks(connection, self._range(start, end, device_id), every_device=not device_id)

    def latest(self, since: datetime, most: int) -> dict[str, datetime]:
        """The time of each device's latest fix, by the day column, of `most` devices with fixes from `since` on."""
        with told_as_unavailable(), self._connected(LOOK, self._check) as connection:
            query = sql.SQL(_LATEST).format(day=self._day, range=self._range(since, _NEVER, ""), most=sql.Literal(most))
            text = _LATEST.format(**self._told(), most="?")
            with statement("SELECT", text, "public.locations") as told:
                found = connection.execute(query).fetchall()
                told.rows = len(found)
        return {device_id: _EPOCH + timedelta(microseconds=time_us) for device_id, time_us in found}

    def ping(self) -> None:
        """Nothing, or Unavailable: the table answers to our user."""
        with told_as_unavailable(), self._connected(PROBE, self._check) as connection:
            connection.execute("SELECT FROM public.locations LIMIT 1")

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
            where += sql.SQL(" AND device_id = {}").format(sql.Literal(device_id))
        return where

    def _told(self, more: str = "") -> dict[str, str]:
        """What is told of the column and the range of a statement, without values."""
        day = self._day.as_string()
        return {"day": day, "range": f"{day} >= ? AND {day} < ?{more}"}

    def _blocks(self, connection: Connection, where: sql.Composed, *, every_device: bool) -> Iterator[Block]:
        frames = Frames()
        done = 0
        told = self._told("" if every_device else " AND device_id = ?")
        with told_as_unavailable():
            try:
                with connection.transaction():  # a savepoint: the snapshot outlives a refused cast
                    text = _FAST.format(**told, none="?")
                    for block in _counted("COPY", text, self._fast(connection, where, frames)):
                        yield block
                        done += len(block)
            except UnexpectedFrame:
                text = _GENERAL.format(**told, after="?")
                yield from _counted("SELECT", text, self._general(connection, where, frames.devices, done))

    def _fast(self, connection: Connection, where: sql.Composed, frames: Frames) -> Generator[Block]:
        query = sql.SQL(_FAST).format(day=self._day, range=where, none=sql.Literal(NO_INTEGER))
        with connection.cursor() as cursor, cursor.copy(query):
            pgconn = connection.pgconn
            receive = partial(pgconn.get_copy_data, 1)  # psycopg's own loop takes twice the time, all of it per row
            try:
                while (state := frames.fill(receive)) >= 0:
                    if state:
                        connection.check()
                        yield frames.block()
                    else:
                        connection.wait(_arrival(pgconn))
                _check_end(connection)
                if len(frames):
                    yield frames.block()
            except UnexpectedFrame:
                # The rest has to be read before the connection can be used again.
                while pgconn.transaction_status == pq.TransactionStatus.ACTIVE and (state := receive()[0]) >= 0:
                    if not state:
                        connection.wait(_arrival(pgconn))
                connection.wait(generators.fetch_many(pgconn))
                raise

    def _general(self, connection: Connection, where: sql.Composed, devices: list[str], after: int) -> Generator[Block]:
        """The same rows from `after` on, whatever their types are, one Python object a value."""
        query = sql.SQL(_GENERAL).format(day=self._day, range=where, after=sql.Literal(after))
        with connection.cursor("general") as cursor:
            cursor.execute(query)
            while rows := cursor.fetchmany(ROWS):
                connection.check()
                time_us, latitude, longitude, accuracy, battery, velocity, device = zip(*rows, strict=True)
                for name in device:
                    if name not in devices:
                        devices.append(name)
                yield Block(
                    np.array(time_us, np.int64),
                    np.array([devices.index(name) for name in device], np.int64),
                    np.array(latitude, np.float64),
                    np.array(longitude, np.float64),
                    _rounded(accuracy),
                    _rounded(battery),
                    _rounded(velocity),
                    devices,
                )


def _counted(operation: str, text: str, blocks: Generator[Block]) -> Iterator[Block]:
    """The blocks of one statement, which is told of with their rows."""
    with statement(operation, text, "public.locations") as told, closing(blocks):
        told.rows = 0
        for block in blocks:
            told.rows += len(block)
            yield block


def _conninfo(settings: Settings) -> str:
    bounded = {
        "keepalives_idle": "10",
        "keepalives_interval": "5",
        "keepalives_count": "3",
        "tcp_user_timeout": "30000",
        "client_encoding": "UTF8",
        "application_name": "otel-worker",
    }
    if settings.DATABASE_URL is not None:
        try:
            return psycopg.conninfo.make_conninfo(settings.DATABASE_URL.get_secret_value(), **bounded)
        except psycopg.Error:
            raise SettingsError("DATABASE_URL: this is not a PostgreSQL connection URL") from None
    password = settings.POSTGRES_PASSWORD
    return psycopg.conninfo.make_conninfo(
        host=settings.POSTGRES_HOST,
        port=settings.POSTGRES_PORT,
        dbname=settings.POSTGRES_DB,
        user=settings.POSTGRES_USER,
        password=password.get_secret_value() if password else None,
        **bounded,
    )


def _arrival(pgconn: pq.abc.PGconn) -> PQGen[None]:
    """Until the server has sent something more."""
    while not (yield Wait.R):
        pass
    pgconn.consume_input()


def _check_end(connection: Connection) -> None:
    """Read how the COPY ended: an error may come after any number of rows."""
    sqlstate = ended(connection.wait(generators.fetch_many(connection.pgconn)))
    if sqlstate == _OUT_OF_RANGE:
        raise UnexpectedFrame
    if sqlstate:
        raise Unavailable("database", sqlstate)


def _text(instant: datetime) -> str:
    return instant.isoformat(sep=" ")


def _rounded(values: tuple[float | None, ...]) -> Integers:
    """Halves to even, as the server's own cast rounds; NULL for what no integer can be."""
    rounded = np.full(len(values), NULL)
    for row, value in enumerate(values):
        with suppress(TypeError, ValueError, OverflowError):
            rounded[row] = round(cast("float", value))
    return rounded
