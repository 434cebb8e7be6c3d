"""The columns of `public.locations`: the types that they may have, and the SQL that reads each of them.

Every expression has a fixed width (the device aside), is never NULL, and fails for no value that the type can hold.
docs/database.md has the table of types.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from functions.calculate.fixes.connection import Connection
from shared.errors import UnsupportedColumn

NULL_INTEGER = -(2**63)  # what the query returns for an integer that is NULL or out of range

_TIMES = ("timestamptz", "timestamp")
_INTEGERS = ("int2", "int4", "int8")
_FLOATS = ("float4", "float8")
_NUMBERS = (*_INTEGERS, *_FLOATS, "numeric")
_COORDINATES = ("latitude", "longitude")
_MEASUREMENTS = ("accuracy", "battery", "velocity")

# It fails where the type of `id` cannot be sorted (json, point). LIMIT 0 keeps the server from sorting anything.
_DESCRIBE = """
SELECT {day}, latitude, longitude, accuracy, battery, velocity, device_id
FROM public.locations ORDER BY {day}, id LIMIT 0
"""

# char(n) loses its padding. The text of a type may depend on the session's settings, as PostgreSQL prints it.
DEVICE = "coalesce(device_id::text, '')"


@dataclass(frozen=True)
class Columns:
    """The columns of one table, as the server describes them: `types` has PostgreSQL's internal name of each type."""

    day: str
    types: Mapping[str, str]

    @classmethod
    def describe(cls, connection: Connection, day: str) -> "Columns":
        """Read the types of the columns; UnsupportedColumn where one cannot be read.

        A domain has the type that it is based on.
        """
        try:
            cursor = connection.execute(describing(day))
        except psycopg.errors.UndefinedFunction:
            connection.rollback()
            cursor = connection.execute("SELECT id FROM public.locations LIMIT 0")
            raise _unsupported(connection, _described(cursor)[0], "a type that can be sorted") from None
        types = {}
        for column in _described(cursor):
            types[column.name] = _internal_name(column.type_code)
            supported = _supported(column.name, day)
            if supported and types[column.name] not in supported:
                raise _unsupported(connection, column, _words(supported))
        return cls(day, types)

    def select(self) -> str:
        """The select list: time, latitude, longitude, accuracy, battery, velocity, device (copy_frames.py reads it)."""
        expressions = [sql.Identifier(self.day).as_string()]
        expressions += [_coordinate(name, self.types[name]) for name in _COORDINATES]
        expressions += [_integer(name, self.types[name]) for name in _MEASUREMENTS]
        return ", ".join([*expressions, DEVICE])


def describing(day: str) -> str:
    """The statement whose result describes the columns; it returns no row."""
    return _DESCRIBE.format(day=sql.Identifier(day).as_string())


def _described(cursor: psycopg.Cursor[TupleRow]) -> list[psycopg.Column]:
    return cursor.description or []


def _internal_name(oid: int) -> str:
    """PostgreSQL's internal name of a type; empty for an array, and for a type that psycopg does not know."""
    known = psycopg.adapters.types.get(oid)
    return known.name if known and known.oid == oid else ""


def _supported(column: str, day: str) -> tuple[str, ...]:
    """The types that a column may have; empty where any will do."""
    if column == day:
        return _TIMES
    return () if column == "device_id" else _NUMBERS


def _coordinate(name: str, type_: str) -> str:
    """Degrees as float8; NaN for NULL, infinity for a numeric that is not on Earth: float8 can't hold all of them."""
    if type_ != "numeric":
        return f"coalesce({name}::float8, 'NaN')"
    rounded = f"round({name}, 30)::float8"  # a numeric may also be too small for a float8
    return (
        f"coalesce(CASE WHEN abs({name}) <= 360 THEN {rounded} WHEN {name} < 'NaN' THEN 'Infinity' END, 'NaN'::float8)"
    )


def _integer(name: str, type_: str) -> str:
    """The column as int8, rounded by PostgreSQL's own cast: numeric halves away from zero, float halves to even."""
    if type_ in _INTEGERS:
        return f"coalesce({name}::int8, '{NULL_INTEGER}')"
    return f"coalesce(CASE WHEN abs({name}) < {2**63 - 1} THEN {name}::int8 END, '{NULL_INTEGER}')"


def _unsupported(connection: Connection, column: psycopg.Column, expected: str) -> UnsupportedColumn:
    row = connection.execute("SELECT format_type(%s, NULL)", [column.type_code]).fetchone()
    return UnsupportedColumn(column.name, str(row[0]) if row else "", expected)


def _words(types: tuple[str, ...]) -> str:
    names = [info.regtype for name in types if (info := psycopg.adapters.types.get(name))]
    return f"{', '.join(names[:-1])} or {names[-1]}"
