"""Columns of all supported types, compared with the output of SQL."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest
from psycopg import sql

from tests.integration.fixes_read import START, insert, numbers, read, rows, source
from tests.integration.tables import CREATED_TYPES, schema, store

LONG_AGO = START - timedelta(days=20_000)

Database = Callable[[str], str]


def printed(url: str, expression: str) -> list[str]:
    """Return the text of `expression` for each row; "" for NULL."""
    with psycopg.connect(url) as connection:
        values = connection.execute(f"SELECT ({expression})::text FROM locations ORDER BY id".encode()).fetchall()
    return [text or "" for (text,) in values]


def csv_column(url: str, name: str) -> list[str]:
    _, text = numbers(read(source(url)))
    header = "timestamp,device_id,latitude,longitude,distance,is_away,accuracy,battery,velocity,away\n"
    return [row[name] for row in csv.DictReader(io.StringIO(header + text.decode()))]


@pytest.mark.parametrize(
    ("type_", "devices"),
    [
        ("smallint", ["1", "-1", "256", "200", "32767"]),
        ("integer", ["0", "1", "12", "200", "256", "16777216", "-2147483648"]),
        ("bigint", ["0", "1", "4294967296", "9223372036854775807"]),
        ("numeric", ["1", "1.0", "1.50", "1e20", "NaN"]),
        ("double precision", ["1", "0.1", "1e300", "-0", "Infinity"]),
        ("boolean", ["true", "false"]),
        ("uuid", ["A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12"]),
        ("char(8)", ["p", "phone", "12345678", "ü"]),
        ("char(1)", ["p", " "]),
        ('"char"', ["p", "q"]),
        ("name", ["p", "phone"]),
        ("text", ["p", " p", "p ", "", "P", "p,q", 'a"b']),
        ("varchar(100)", ["p", "", "NULL", "x" * 100]),
        ("citext", ["p", "P"]),
        ("mood", ["sad", "so so"]),
        ("code", ["1", "256"]),
        ("inet", ["10.0.0.1", "::1"]),
        ("macaddr", ["08:00:2b:01:02:03"]),
        ("bytea", ["\\x00ff", "abc"]),
        ("json", ['{"a": 1}', "[]"]),
        ("integer[]", ["{1,2}", "{}"]),
        ("bit(4)", ["1010"]),
        ("date", ["2026-01-25"]),
    ],
)
def test_device_of_any_type_equals_its_text_in_sql(new_database: Database, type_: str, devices: list[str]) -> None:
    url = new_database(CREATED_TYPES.get(type_, "") + schema(device_id=type_))
    store(url, "device_id", *devices)
    expected = printed(url, "device_id::text")
    assert csv_column(url, "device_id") == expected
    assert set(source(url).latest_fix_times(LONG_AGO, 100)) == set(expected)
    for device in filter(None, expected):
        alone = [row[1] for row in rows(read(source(url), device_id=device))]
        assert alone == [device] * expected.count(device)


@pytest.mark.parametrize("devices", [["NULL", ""], ["", "NULL"], ["NULL", "p", "", "NULL", "p"]])
def test_null_and_empty_text_are_one_device(new_database: Database, devices: list[str]) -> None:
    url, named = new_database(schema()), new_database(schema())
    for database, nameless in ((url, devices), (named, ["q" if name in ("NULL", "") else name for name in devices])):
        store(database, "device_id", *nameless)
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("UPDATE locations SET latitude = id + 40")
    blocks = read(source(url))
    assert sorted(blocks[0].devices) == sorted({"p", ""} & {"" if name == "NULL" else name for name in devices})
    assert numbers(blocks)[0] == numbers(read(source(named)))[0]


MEASURED = {
    "smallint": ["NULL", "0", "-1", "32767"],
    "integer": ["NULL", "0", "9999", "10000", "2147483647", "-2147483648"],
    "bigint": ["NULL", "-1", "10000000000", "9223372036854775807"],
    "real": ["NULL", "0.5", "1.5", "-0.5", "2.4", "1e12", "3e38", "NaN", "Infinity", "-Infinity"],
    "double precision": ["NULL", "0.5", "1.5", "2.5", "-0.5", "1e12", "1e300", "NaN", "Infinity", "-Infinity", "4.4"],
    "numeric": ["NULL", "0.5", "1.5", "2.5", "-0.5", "1e12", "1e300", "NaN", "Infinity", "-Infinity", "4.4", "1e-400"],
    "numeric(5,1)": ["NULL", "0.5", "1.5", "-2.5", "9999.9"],
}


@pytest.mark.parametrize("column", ["accuracy", "battery", "velocity"])
@pytest.mark.parametrize("type_", MEASURED)
def test_measurement_of_any_numeric_type_is_rounded_like_sql(new_database: Database, type_: str, column: str) -> None:
    url = new_database(schema(**{column: type_}))
    store(url, column, *MEASURED[type_])
    fits = f"abs({column}::float8) < 9e18" if type_ != "numeric" else f"abs({column}) < 9e18"
    if type_ == "bigint":
        fits = "true"
    assert csv_column(url, column) == printed(url, f"CASE WHEN {fits} THEN {column}::bigint END")


@pytest.mark.parametrize("type_", ["real", "double precision", "numeric", "numeric(9,6)", "integer"])
@pytest.mark.parametrize("column", ["latitude", "longitude"])
def test_coordinate_of_any_numeric_type_equals_its_double_in_sql(
    new_database: Database, type_: str, column: str
) -> None:
    url = new_database(schema(**{column: type_}))
    fractions = [] if type_ == "integer" else ["40.736097", "-74.0393731234" if column == "longitude" else "-0.1"]
    store(url, column, "40", "0", "-1", *fractions)
    index = {"latitude": 2, "longitude": 3}[column]
    assert [str(row[index]) for row in rows(read(source(url)))] == [
        str(float(text)) for text in printed(url, f"{column}::float8")
    ]


@pytest.mark.parametrize("bad", ["NULL", "NaN", "Infinity", "-Infinity", "1e300", "-1e400", "181", "360.1"])
@pytest.mark.parametrize("type_", ["real", "double precision", "numeric"])
def test_invalid_coordinate_of_any_type_is_rejected(new_database: Database, type_: str, bad: str) -> None:
    if (type_, bad) in {("real", "1e300"), ("real", "-1e400"), ("double precision", "-1e400")}:
        bad = "NaN"  # the type cannot hold it
    url = new_database(schema(latitude=type_))
    store(url, "latitude", bad, "41")
    statistics, _ = numbers(read(source(url)))
    assert (statistics.total_locations, statistics.rejected_locations) == (1, 1)


def test_numeric_too_small_for_a_double_is_zero(new_database: Database) -> None:
    url = new_database(schema(latitude="numeric"))
    store(url, "latitude", "1e-400")
    assert rows(read(source(url)))[0][2] == 0


@pytest.mark.parametrize("type_", ["timestamptz", "timestamp", "timestamptz(0)", "timestamp(3)"])
def test_time_of_any_type_and_precision_is_read(new_database: Database, type_: str) -> None:
    url = new_database(schema(created_at=type_))
    store(url, "accuracy", "1", "2", "3")
    assert [row[0] for row in rows(read(source(url)))] == [START + timedelta(seconds=n) for n in range(3)]


def test_device_that_is_not_utf_8_is_escaped(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS bytes_of_any_kind")
        connection.execute(
            "CREATE DATABASE bytes_of_any_kind ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )
    url = postgres_url.rsplit("/", 1)[0] + "/bytes_of_any_kind"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(schema().encode())
        connection.execute(
            "INSERT INTO locations (device_id, latitude, longitude, created_at)"
            " VALUES (E'caf\\xe9', 41, -74, %s), ('p', 41, -74, %s)",
            [START, START],
        )
    assert [row[1] for row in rows(read(source(url)))] == ["caf\\xe9", "p"]
    assert set(source(url).latest_fix_times(LONG_AGO, 10)) == {"caf\\xe9", "p"}


@pytest.mark.parametrize("type_", ["varchar(100)", "text"])
def test_device_filter_uses_the_index(new_database: Database, type_: str) -> None:
    url = new_database(schema(device_id=type_) + "; CREATE INDEX by_device ON locations (device_id, created_at, id)")
    insert(url, *((START + timedelta(seconds=n), f"d{n}", 1, 1) for n in range(500)))
    where = source(url).range_condition(START, START + timedelta(days=1), "d7")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE locations")
        connection.execute("SET enable_seqscan = off")
        plan = "\n".join(
            row[0] for row in connection.execute(sql.SQL("EXPLAIN SELECT 1 FROM locations WHERE ") + where)
        )
    assert "Index Cond: (((device_id)::text = 'd7'" in plan or "Index Cond: ((device_id = 'd7'" in plan
