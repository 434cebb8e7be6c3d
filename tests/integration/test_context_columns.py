"""The context of a day from tables with other column types."""

from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest
from psycopg import sql

from functions.calculate.fixes.blocks import NULL, ContextFix
from tests.integration.conftest import SCHEMA
from tests.integration.fixes_read import AFTER, BEFORE, START, day_query, read_context, rows, source, us
from tests.integration.tables import schema
from tests.integration.test_fix_source import LOOSE

Database = Callable[[str], str]

MICROSECOND = timedelta(microseconds=1)


def test_null_is_no_position_and_no_time_but_an_unknown_accuracy(new_database: Database, day_column: str) -> None:
    url = new_database(LOOSE)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.cursor().executemany(
            'INSERT INTO locations (created_at, "timestamp", device_id, latitude, longitude, accuracy)'
            " VALUES (%s, %s, %s, %s, %s, %s)",
            [
                (BEFORE, BEFORE, None, 41, -74, None),
                (BEFORE + MICROSECOND, BEFORE + MICROSECOND, "", None, -74, 1),
                (BEFORE + MICROSECOND, BEFORE + MICROSECOND, "", 41, None, 1),
                (None, None, "", 1, 1, 1),
                (AFTER, AFTER, "", 41, -74, 5),
            ],
        )
    expected = {"": ContextFix(us(BEFORE), 41, -74, NULL)}, {"": ContextFix(us(AFTER), 41, -74, 5)}
    assert read_context(source(url, DAY_COLUMN=day_column)) == expected


@pytest.mark.parametrize("created_at", ["timestamptz", "timestamp"])
@pytest.mark.parametrize("own", ["timestamptz", "timestamp"])
def test_times_of_any_type_are_utc(new_database: Database, day_column: str, created_at: str, own: str) -> None:
    url = new_database(schema(created_at=created_at, timestamp=own))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        for instant in (BEFORE, AFTER):
            connection.execute(
                'INSERT INTO locations (created_at, "timestamp", device_id, latitude, longitude)'
                " VALUES (%s, %s, 'p', 1, 1)",
                [instant, instant - MICROSECOND],
            )
        connection.execute("ALTER ROLE CURRENT_USER SET timezone = 'Asia/Tokyo'")
        try:
            before, after = read_context(source(url, DAY_COLUMN=day_column))
        finally:
            connection.execute("ALTER ROLE CURRENT_USER RESET timezone")
    assert (before["p"].own_time_us, after["p"].own_time_us) == (us(BEFORE) - 1, us(AFTER) - 1)


TYPES = ["smallint", "integer", "bigint", "real", "double precision", "numeric", "numeric(12,6)"]
FLOATS = ("real", "double precision", "numeric")
# For each column its valid and its invalid values, and those that only types with fractions have.
VALUES = {
    "latitude": (["0", "90", "-90"], ["NULL", "91", "-91"], ["1e-30", "-89.9"], ["90.001", "NaN", "Infinity", "1e30"]),
    "longitude": (["0", "180", "-180"], ["NULL", "181", "-181"], ["1e-30"], ["-180.001", "NaN", "-Infinity"]),
    "accuracy": (["NULL", "0", "500"], ["-1", "501"], ["-0.4", "500.4", "NaN", "Infinity", "1e30"], ["-0.6", "500.6"]),
}


def store_literals(url: str, **literals: str) -> None:
    """Insert a row before, in and after the day."""
    with psycopg.connect(url, autocommit=True) as connection:
        for instant in (BEFORE, START, AFTER):
            row = {**literals, "created_at": str(instant), "timestamp": str(instant)}
            nullable = [name for name in row if name != "device_id" and row[name] == "NULL"]
            values = [sql.SQL("NULL") if name in nullable else sql.Literal(text) for name, text in row.items()]
            names = sql.SQL(", ").join(map(sql.Identifier, row))
            connection.execute(
                sql.SQL("INSERT INTO locations ({}) VALUES ({})").format(names, sql.SQL(", ").join(values))
            )


@pytest.mark.parametrize("column", VALUES)
@pytest.mark.parametrize("type_", TYPES)
def test_value_of_any_numeric_type_is_judged_as_the_csv_shows_it(
    new_database: Database, day_column: str, type_: str, column: str
) -> None:
    url = new_database(schema(**{column: type_}))
    valid, invalid, valid_fractions, invalid_fractions = VALUES[column]
    if type_ in FLOATS:
        valid, invalid = [*valid, *valid_fractions], [*invalid, *invalid_fractions]
    for literal in [*valid, *invalid]:
        store_literals(
            url, **{"device_id": literal, "latitude": "41", "longitude": "-74", "accuracy": "5", column: literal}
        )
    fixes = source(url, DAY_COLUMN=day_column)
    with fixes.read_day(day_query(max_accuracy_m=500)) as day:
        before, after, of_the_day = day.before, day.after, rows(list(day.blocks))
    assert sorted(before) == sorted(after) == sorted(valid)
    for _, device, latitude, longitude, accuracy, *_ in of_the_day:
        if device in valid:
            expected = ContextFix(us(BEFORE), latitude, longitude, NULL if accuracy is None else accuracy)
            assert before[device] == expected


def test_device_ids_are_compared_by_their_bytes(new_database: Database) -> None:
    collation = "CREATE COLLATION ignoring_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
    try:
        url = new_database(f"{collation}; {SCHEMA.replace('varchar(100)', 'varchar(100) COLLATE ignoring_case')}")
    except psycopg.Error:
        pytest.skip("this PostgreSQL has no ICU")
    for device in ("p", "P", "ü,'%s"):
        store_literals(url, device_id=device, latitude="41", longitude="-74", accuracy="5")
    before, after = read_context(source(url))
    assert set(before) == set(after) == {"p", "P", "ü,'%s"}
