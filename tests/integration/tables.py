"""Tables of fixes with other column types."""

from datetime import timedelta

import psycopg
from psycopg import sql

from tests.integration.fixes_read import START

CREATED_TYPES = {"citext": "CREATE EXTENSION citext;", "mood": "CREATE TYPE mood AS ENUM ('sad', 'so so');"}
CREATED_TYPES["code"] = "CREATE DOMAIN code AS integer CHECK (VALUE > 0);"


def schema(relation: str = "TABLE public.locations", **types: str) -> str:
    """Return a statement that creates the table without constraints and with other types for some columns."""
    columns = {
        "id": "serial",
        "device_id": "varchar(100)",
        "latitude": "double precision",
        "longitude": "double precision",
        "accuracy": "integer",
        "battery": "integer",
        "velocity": "integer",
        "timestamp": "timestamptz",
        "created_at": "timestamptz",
        **types,
    }
    definitions = ", ".join(f'"{name}" {type_}' for name, type_ in columns.items())
    return f"CREATE {relation} ({definitions})"


def store(url: str, column: str, *literals: str) -> None:
    """Insert one row for each literal, one second apart, with the literal in `column`."""
    row = {"device_id": "1", "latitude": "41", "longitude": "-74", column: ""}
    with psycopg.connect(url, autocommit=True) as connection:
        for second, literal in enumerate(literals):
            at = str(START + timedelta(seconds=second))
            values = {"created_at": at, "timestamp": at, **row, column: literal}
            values_sql = [sql.SQL("NULL") if text == "NULL" else sql.Literal(text) for text in values.values()]
            connection.execute(
                sql.SQL("INSERT INTO locations ({}) VALUES ({})").format(
                    sql.SQL(", ").join(map(sql.Identifier, values)), sql.SQL(", ").join(values_sql)
                )
            )
