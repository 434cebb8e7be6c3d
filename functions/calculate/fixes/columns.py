"""Supported column types of `public.locations`, and the SQL expressions that read them.

No expression is NULL or fails for a value of its type. All but the device have a fixed width.
docs/reference/database.md has the table of types.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from functions.calculate.fixes.connection import Connection
from shared.errors import UnsupportedColumn

NULL_INTEGER = -(2**63)  # the query returns it for an integer that is NULL or out of range
OWN_TIME = "timestamp"  # the column with the fix's own time

_TIMES = ("timestamptz", "timestamp")
_INTEGERS = ("int2", "int4", "int8")
_FLOATS = ("float4", "float8")
_NUMBERS = (*_INTEGERS, *_FLOATS, "numeric")
_COORDINATES = ("latitude", "longitude")
_MEASUREMENTS = ("accuracy", "battery", "velocity")

# Fails if the type of `id` cannot be sorted (json, point). With LIMIT 0 the server sorts nothing.
_DESCRIBE = """
SELECT {times}, latitude, longitude, accuracy, battery, velocity, device_id
FROM public.locations ORDER BY {day}, id LIMIT 0
"""

# The cast removes the padding of char(n). The text of some types depends on the session's settings.
DEVICE_EXPRESSION = "coalesce(device_id::text, '')"


@dataclass(frozen=True)
class Columns:
    """The columns of the table; `types` maps each column to PostgreSQL's internal name of its type."""

    day: str
    types: Mapping[str, str]

    @classmethod
    def describe(cls, connection: Connection, day: str) -> "Columns":
        """Read the types of the columns. A domain has the type that it is based on.

        Raises UnsupportedColumn if a column has an unsupported type.
        """
        try:
            cursor = connection.execute(describe_statement(day))
        except psycopg.errors.UndefinedFunction:
            connection.rollback()
            cursor = connection.execute("SELECT id FROM public.locations LIMIT 0")
            raise _unsupported(connection, _result_columns(cursor)[0], "a type that can be sorted") from None
        types = {}
        for column in _result_columns(cursor):
            types[column.name] = _internal_name(column.type_code)
            supported = _supported_types(column.name, day)
            if supported and types[column.name] not in supported:
                raise _unsupported(connection, column, _join_type_names(supported))
        return cls(day, types)

    @property
    def has_own_time(self) -> bool:
        """Whether the fix's own time is another column than the day column."""
        return self.day != OWN_TIME

    def select_list(self) -> str:
        """Return the select list: time, own time, latitude, longitude, accuracy, battery, velocity, device.

        binary_copy.py decodes the columns in this order. The own time is left out if it is the day column.
        """
        expressions = [quote(self.day)]
        if self.has_own_time:
            expressions.append(f"coalesce({quote(OWN_TIME)}, '-infinity')")
        expressions += [self.coordinate(name) for name in _COORDINATES]
        expressions += [self.integer(name) for name in _MEASUREMENTS]
        return ", ".join([*expressions, DEVICE_EXPRESSION])

    def coordinate(self, name: str) -> str:
        """Return SQL for degrees as float8: NaN for NULL, infinity for a numeric beyond 360."""
        if self.types[name] != "numeric":
            return f"coalesce({name}::float8, 'NaN')"
        rounded = f"round({name}, 30)::float8"  # a numeric can also be too small for float8
        return (
            f"coalesce(CASE WHEN abs({name}) <= 360 THEN {rounded} WHEN {name} < 'NaN' THEN 'Infinity' END,"
            " 'NaN'::float8)"
        )

    def integer(self, name: str) -> str:
        """Return SQL for an int8: NULL_INTEGER for NULL and for a number that is no int8."""
        return f"coalesce({self._nullable_integer(name)}, '{NULL_INTEGER}')"

    def _nullable_integer(self, name: str) -> str:
        """Return SQL for an int8. PostgreSQL's cast rounds numeric halves away from zero and float halves to even."""
        if self.types[name] in _INTEGERS:
            return f"{name}::int8"
        return f"CASE WHEN abs({name}) < {2**63 - 1} THEN {name}::int8 END"

    def candidate_condition(self) -> str:
        """Return a condition with the placeholder {max_accuracy}: position and accuracy are those of a candidate.

        It is on the bare columns where that makes no difference, because the planner's statistics are about these.
        """
        latitude, longitude = (
            self.coordinate(name) if self.types[name] == "numeric" else name for name in _COORDINATES
        )
        is_integer = self.types["accuracy"] in _INTEGERS
        accuracy = "accuracy" if is_integer else self._nullable_integer("accuracy")
        return (
            f"{latitude} BETWEEN -90 AND 90 AND {longitude} BETWEEN -180 AND 180"
            f" AND ({latitude} <> 0 OR {longitude} <> 0)"
            f" AND ({accuracy} IS NULL OR {accuracy} BETWEEN 0 AND {{max_accuracy}})"
        )


def quote(column: str) -> str:
    """Return the name of a column as SQL."""
    return sql.Identifier(column).as_string()


def describe_statement(day: str) -> str:
    """Return a statement that returns no rows, and whose result describes the columns."""
    times = ", ".join(map(quote, dict.fromkeys((day, OWN_TIME))))
    return _DESCRIBE.format(times=times, day=quote(day))


def _result_columns(cursor: psycopg.Cursor[TupleRow]) -> list[psycopg.Column]:
    return cursor.description or []


def _internal_name(oid: int) -> str:
    """Return PostgreSQL's internal name of a type, or "" for arrays and types that psycopg does not know."""
    known = psycopg.adapters.types.get(oid)
    return known.name if known and known.oid == oid else ""


def _supported_types(column: str, day: str) -> tuple[str, ...]:
    """Return the supported types of a column; empty if every type is supported."""
    if column in (day, OWN_TIME):
        return _TIMES
    return () if column == "device_id" else _NUMBERS


def _unsupported(connection: Connection, column: psycopg.Column, expected: str) -> UnsupportedColumn:
    row = connection.execute("SELECT format_type(%s, NULL)", [column.type_code]).fetchone()
    return UnsupportedColumn(column.name, str(row[0]) if row else "", expected)


def _join_type_names(types: tuple[str, ...]) -> str:
    names = [info.regtype for name in types if (info := psycopg.adapters.types.get(name))]
    return f"{', '.join(names[:-1])} or {names[-1]}"
