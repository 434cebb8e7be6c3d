"""Relations other than a plain table, and columns of types that cannot be read."""

from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest
from psycopg import sql

from functions.calculate.fixes.source import FixSource
from shared.errors import CheckFailed, UnsupportedColumn
from tests.integration.fixes_read import START, read, rows, source
from tests.integration.tables import CREATED_TYPES, schema

LONG_AGO = START - timedelta(days=20_000)

Database = Callable[[str], str]

UNSUPPORTED = [
    ("created_at", "bigint", "bigint"),
    ("created_at", "double precision", "double precision"),
    ("created_at", "text", "text"),
    ("created_at", "date", "date"),
    ("created_at", "time", "time without time zone"),
    ("created_at", "timestamptz[]", "timestamp with time zone[]"),
    ("timestamp", "bigint", "bigint"),
    ("timestamp", "text", "text"),
    ("latitude", "text", "text"),
    ("latitude", "boolean", "boolean"),
    ("latitude", "point", "point"),
    ("longitude", "jsonb", "jsonb"),
    ("longitude", "money", "money"),
    ("accuracy", "varchar(10)", "character varying"),
    ("accuracy", "boolean", "boolean"),
    ("battery", "mood", "mood"),
    ("velocity", "interval", "interval"),
    ("velocity", "integer[]", "integer[]"),
    ("id", "json", "json"),
    ("id", "point", "point"),
]


@pytest.mark.parametrize(("column", "type_", "name"), UNSUPPORTED)
def test_unsupported_column_type_is_named_in_the_error(
    new_database: Database, column: str, type_: str, name: str
) -> None:
    fixes = source(new_database(CREATED_TYPES.get(type_, "") + schema(**{column: type_})))
    message = f"Column {column} of public.locations has type {name}; expected "
    with pytest.raises(UnsupportedColumn) as of_job:
        read(fixes)
    with pytest.raises(UnsupportedColumn) as of_devices:
        fixes.latest_fix_times(LONG_AGO, 10)
    with pytest.raises(CheckFailed) as of_readiness:
        fixes.ping()
    assert of_job.value.code == "UNSUPPORTED_COLUMN"
    for error in (of_job, of_devices, of_readiness):
        assert str(error.value).startswith(message)


def test_created_at_is_not_read_if_the_day_column_is_timestamp(new_database: Database) -> None:
    url = new_database(schema(created_at="bigint"))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO locations (device_id, latitude, longitude, timestamp) VALUES ('p', 1, 1, %s)", [START]
        )
    fixes = source(url, DAY_COLUMN="timestamp")
    fixes.ping()
    assert len(rows(read(fixes))) == 1


POSITIONS = schema("TABLE public.positions", device_id="integer", velocity="real")
RELATIONS = {
    "view": f"{POSITIONS}; CREATE VIEW public.locations AS SELECT * FROM positions",
    "view with text devices": f"{POSITIONS}; CREATE VIEW public.locations AS SELECT id, device_id::text, latitude,"
    " longitude, accuracy, battery, velocity, timestamp, created_at FROM positions",
    "materialized view": f"{POSITIONS}; CREATE MATERIALIZED VIEW public.locations AS SELECT * FROM positions",
    "partitioned table": schema(device_id="integer", velocity="real") + " PARTITION BY RANGE (created_at);"
    " CREATE TABLE public.positions PARTITION OF locations FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
}


@pytest.mark.parametrize("kind", RELATIONS)
def test_table_can_be_any_relation(new_database: Database, kind: str) -> None:
    url = new_database(RELATIONS[kind])
    fill_positions(url)
    if kind == "materialized view":
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("REFRESH MATERIALIZED VIEW locations")
    check_positions(source(url))


def test_table_can_be_a_foreign_table(new_database: Database) -> None:
    remote, local = new_database(POSITIONS), new_database("CREATE EXTENSION postgres_fdw")
    with psycopg.connect(local, autocommit=True) as connection:
        info, password = connection.info, connection.info.password
        connection.execute(
            sql.SQL(
                "CREATE SERVER remote FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host {}, port {}, dbname {});"
                "CREATE USER MAPPING FOR CURRENT_USER SERVER remote OPTIONS (user {}, password {});"
                "IMPORT FOREIGN SCHEMA public LIMIT TO (positions) FROM SERVER remote INTO public;"
                "ALTER FOREIGN TABLE positions RENAME TO locations"
            ).format(
                *map(sql.Literal, (info.host, str(info.port), remote.rsplit("/", 1)[1], info.user, password or "none"))
            )
        )
    fill_positions(remote)
    check_positions(source(local))


def fill_positions(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO positions (device_id, latitude, longitude, velocity, timestamp, created_at)"
            " SELECT 1 + n %% 2 * 255, 41, -74, n + 0.5, t, t"
            " FROM (SELECT n, %s + n * interval '1 second' AS t FROM generate_series(0, 3) n) fixes",
            [START],
        )


def check_positions(fixes: FixSource) -> None:
    fixes.ping()
    assert [(row[1], row[6]) for row in rows(read(fixes))] == [("1", 0), ("256", 2), ("1", 2), ("256", 4)]
    assert len(rows(read(fixes, device_id="256"))) == 2
    assert set(fixes.latest_fix_times(LONG_AGO, 10)) == {"1", "256"}
