"""Read the fixes of a day from a real PostgreSQL."""

import math
from collections.abc import Callable
from datetime import date, timedelta

import psycopg
import pytest

from functions.calculate.fixes.blocks import BLOCK_ROWS, NULL, Block
from functions.calculate.fixes.source import FixSource
from shared import days
from shared.config.settings import Settings
from shared.errors import SettingsError
from tests.integration.conftest import SCHEMA
from tests.integration.fixes_read import (
    END,
    START,
    day_query,
    fill,
    insert,
    numbers,
    read,
    rows,
    source,
    us,
)
from tests.integration.tables import schema


def own_times(blocks: list[Block]) -> list[int]:
    return [int(time) for block in blocks for time in block.own_time_us]


def test_columns_have_the_stored_values(database_url: str) -> None:
    at = START + timedelta(hours=1, microseconds=123456)
    insert(
        database_url,
        (at, "p", 40.5, -74.25, 5, 90, 12),
        (at + timedelta(seconds=1), "q", -1e-9, 180.0, None, None, None),
        columns="created_at, device_id, latitude, longitude, accuracy, battery, velocity",
    )
    assert rows(read(source(database_url))) == [
        (at, "p", 40.5, -74.25, 5, 90, 12),
        (at + timedelta(seconds=1), "q", -1e-9, 180.0, None, None, None),
    ]


def test_day_is_half_open_and_ordered_by_time_and_id(database_url: str) -> None:
    noon = START + timedelta(hours=12)
    insert(
        database_url,
        (END, "end", 1, 1),
        (noon, "second", 1, 1),
        (START, "start", 1, 1),
        (noon, "third", 1, 1),
        (START - timedelta(microseconds=1), "before", 1, 1),
        (END - timedelta(microseconds=1), "last", 1, 1),
    )
    assert [row[1] for row in rows(read(source(database_url)))] == ["start", "second", "third", "last"]


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_day_of_23_or_25_hours_is_complete(database_url: str, day: date, hours: int) -> None:
    start, end = days.interval(day, "Europe/Berlin")
    insert(database_url, *((start + timedelta(hours=n), "p", 1, 1) for n in range(-2, 28)))
    assert len(rows(read(source(database_url), start, end))) == hours


def test_device_filter_selects_one_device(database_url: str) -> None:
    insert(database_url, (START, "p", 1, 1), (START, "q", 2, 2), (START, "P", 3, 3))
    assert [row[1] for row in rows(read(source(database_url), device_id="p"))] == ["p"]
    assert read(source(database_url), device_id="none") == []


def test_device_id_is_not_interpreted_as_sql(database_url: str) -> None:
    insert(database_url, (START, "p", 1, 1))
    assert read(source(database_url), device_id="x' OR 'a'='a") == []


@pytest.mark.parametrize("device", ['a,"b"', "line\nbreak", "ü€𝄞", "x" * 100, "%s %d {}", "\\N", "a'b"])
def test_device_id_can_be_any_text(database_url: str, device: str) -> None:
    insert(database_url, (START, device, 1, 1), (START, "p", 1, 1))
    assert [row[1] for row in rows(read(source(database_url)))] == [device, "p"]
    assert len(rows(read(source(database_url), device_id=device))) == 1


def test_day_column_can_be_timestamp(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            'INSERT INTO locations (device_id, latitude, longitude, "timestamp", created_at) VALUES (%s, 1, 1, %s, %s)',
            ["p", START, END],
        )
    assert read(source(database_url)) == []
    assert rows(read(source(database_url, DAY_COLUMN="timestamp")))[0][0] == START


def test_own_time_is_the_column_timestamp(database_url: str) -> None:
    own = START - timedelta(days=3, microseconds=1)
    columns = "created_at, device_id, latitude, longitude"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            f'INSERT INTO locations ("timestamp", {columns}) VALUES (%s, %s, %s, 1, 1)'.encode(), [own, START, "p"]
        )
    assert own_times(read(source(database_url))) == [us(own)]
    (block,) = read(source(database_url, DAY_COLUMN="timestamp"), own, END)
    assert block.own_time_us.tolist() == block.time_us.tolist() == own_times([block])


@pytest.mark.parametrize("type_", ["timestamptz", "timestamp", "timestamptz(3)"])
def test_own_time_can_be_any_time(new_database: Callable[[str], str], type_: str) -> None:
    url = new_database(schema(timestamp=type_))
    times = ["NULL", "-infinity", "infinity", "4713-01-01 00:00:00+00 BC", "1901-01-01 00:00:00+00"]
    times += ["1970-01-01 00:00:00+00", "2106-02-07 06:28:16+00", "294246-01-01 00:00:00+00", "294276-12-31 00:00+00"]
    for number, time in enumerate(times):
        literal = "NULL" if time == "NULL" else f"'{time}'"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                f"INSERT INTO locations VALUES ({number}, 'p', 1, 1, 1, 1, 1, {literal}, '{START}')".encode()
            )
    assert own_times(read(source(url))) == [
        NULL,
        NULL,
        LARGEST,
        -210_863_520_000_000_000,
        -2_177_452_800_000_000,
        0,
        2**32 * 1_000_000,
        9_223_339_708_800_000_000,
        LARGEST,
    ]


LARGEST = 2**63 - 1
LOOSE = SCHEMA.replace(" NOT NULL,", ",").replace(" NOT NULL", "")
WITHOUT_ZONE = SCHEMA.replace("created_at timestamptz", "created_at timestamp")


def test_null_and_invalid_coordinates_are_rejected_and_counted(new_database: Callable[[str], str]) -> None:
    url = new_database(LOOSE)
    bad: list[tuple[object, object]] = [(None, 1), (1, None), (math.nan, 1), (1, math.inf), (91, 1), (1, -181)]
    insert(url, *((START, "p", *coordinates) for coordinates in bad), (START, "p", 1, 1))
    statistics, text = numbers(read(source(url)))
    assert (statistics.total_locations, statistics.rejected_locations, text.count(b"\n")) == (1, 6, 1)


def test_timestamp_without_time_zone_is_utc(new_database: Callable[[str], str]) -> None:
    url = new_database(WITHOUT_ZONE)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET timezone = 'Asia/Tokyo'")
        connection.execute("ALTER ROLE CURRENT_USER SET timezone = 'Asia/Tokyo'")
        try:
            insert(url, *((f"2026-01-25 {hour:02d}:00:00", "p", 1, 1) for hour in range(24)))
            day = rows(read(source(url)))
        finally:
            connection.execute("ALTER ROLE CURRENT_USER RESET timezone")
    assert [row[0] for row in day] == [START + timedelta(hours=hour) for hour in range(24)]


@pytest.mark.parametrize("schema", [SCHEMA, WITHOUT_ZONE])
def test_day_query_uses_the_index(new_database: Callable[[str], str], schema: str) -> None:
    url = new_database(schema)
    fill(url, 50_000, seconds=86_400 * 40)
    where = source(url).range_condition(START, END, "")
    with psycopg.connect(url) as connection:
        query = f"EXPLAIN SELECT 1 FROM locations WHERE {where.as_string(connection)} ORDER BY created_at, id"
        plan = "\n".join(row[0] for row in connection.execute(query))
    assert "Scan on locations_created_at_id" in plan or "Scan using locations_created_at_id" in plan
    assert "Index Cond: ((created_at >= " in plan
    assert "Seq Scan" not in plan


def test_all_blocks_come_from_one_snapshot(database_url: str) -> None:
    fill(database_url, 5 * BLOCK_ROWS)
    with source(database_url).read_day(day_query()) as day:
        first = next(day.blocks)
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("DELETE FROM locations")
        assert len(first) + sum(len(block) for block in day.blocks) == 5 * BLOCK_ROWS


def test_read_only_role_is_sufficient(database_url: str) -> None:
    insert(database_url, (START, "p", 1, 1))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS reader_only")
        connection.execute("CREATE ROLE reader_only LOGIN PASSWORD 'read'")
        connection.execute("GRANT SELECT ON locations TO reader_only")
    server = database_url.split("@")[1]
    reader = source(f"postgresql://reader_only:read@{server}")
    assert len(rows(read(reader))) == 1
    reader.ping()


def test_connection_settings_can_contain_special_characters(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute('DROP ROLE IF EXISTS "odd user"')
        connection.execute("CREATE ROLE \"odd user\" LOGIN PASSWORD 'p@ss ''w\\ord/?'")
        connection.execute('GRANT SELECT ON locations TO "odd user"')
        info = connection.info
        parts = {"POSTGRES_HOST": info.host, "POSTGRES_PORT": str(info.port), "POSTGRES_DB": info.dbname}
    secret = {"POSTGRES_USER": "odd user", "POSTGRES_PASSWORD": "p@ss 'w\\ord/?"}
    FixSource(Settings.parse(parts | secret), max_idle_seconds=0).ping()


@pytest.mark.parametrize("url", ["postgresql://host:port/x?nonsense=1", "host='x"])
def test_invalid_url_raises_settings_error_without_the_url(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^DATABASE_URL: ") as caught:
        source(url)
    assert "nonsense" not in str(caught.value)
