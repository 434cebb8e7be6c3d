"""The context of a day: the fixes next to it on either side, from a real PostgreSQL."""

import math
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from functions.calculate.fixes import context as context_module
from functions.calculate.fixes.blocks import NULL, ContextFix
from functions.calculate.fixes.columns import Columns
from functions.calculate.fixes.connection import Timeouts
from shared.errors import LeaseLost
from tests.integration.fixes_read import (
    AFTER,
    BEFORE,
    END,
    START,
    assert_no_connections,
    cause,
    day_query,
    read_context,
    rows,
    source,
    us,
)
from tests.integration.tables import schema
from tests.reference import EPOCH, Fix, context, context_fix

Database = Callable[[str], str]

MICROSECOND = timedelta(microseconds=1)
HOURS_12 = timedelta(hours=12)


def fix(arrival: datetime, own: datetime | None = None, device: str = "p", latitude: float = 41, **values: Any) -> Fix:
    own_time_us = None if own is None else us(own)
    return Fix(us(arrival), device, latitude, values.pop("longitude", -74), other_own_time_us=own_time_us, **values)


def store(url: str, *fixes: Fix) -> None:
    values = [
        (EPOCH + fix.time_us * MICROSECOND, EPOCH + fix.own_time_us * MICROSECOND, fix.device, *position(fix))
        for fix in fixes
    ]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.cursor().executemany(
            'INSERT INTO locations (created_at, "timestamp", device_id, latitude, longitude, accuracy)'
            " VALUES (%s, %s, %s, %s, %s, %s)",
            values,
        )


def position(fix: Fix) -> tuple[float, float, int | None]:
    return fix.latitude, fix.longitude, fix.accuracy


def test_context_is_the_nearest_fix_of_each_device(database_url: str, day_column: str) -> None:
    before = [fix(BEFORE + timedelta(minutes=n), latitude=40 + n, accuracy=n or None) for n in range(3)]
    after = [fix(AFTER + timedelta(minutes=n), latitude=50 + n, accuracy=0) for n in range(3)]
    other = fix(BEFORE, device="q", latitude=0.1 + 0.2, longitude=1 / 3)
    store(database_url, *before, *after, other, fix(START, device="of the day"))
    fixes = source(database_url, DAY_COLUMN=day_column)
    nearest = {"p": context_fix(before[2])}, {"p": context_fix(after[0])}
    assert read_context(fixes, device_id="p") == nearest
    assert read_context(fixes) == ({**nearest[0], "q": ContextFix(us(BEFORE), 0.1 + 0.2, 1 / 3, NULL)}, nearest[1])
    assert read_context(fixes, device_id="none") == ({}, {})


@pytest.mark.parametrize("moved", ["created_at", "timestamp"])
@pytest.mark.parametrize(
    ("instant", "sides"),
    [
        (START - HOURS_12 - MICROSECOND, (0, 0)),
        (START - HOURS_12, (1, 0)),
        (START - MICROSECOND, (1, 0)),
        (START, (0, 0)),
        (END - MICROSECOND, (0, 0)),
        (END, (0, 1)),
        (END + HOURS_12 - MICROSECOND, (0, 1)),
        (END + HOURS_12, (0, 0)),
    ],
)
def test_both_times_lie_in_the_12_hours_next_to_the_day(
    database_url: str, instant: datetime, sides: tuple[int, int], moved: str
) -> None:
    other = BEFORE if instant <= START else AFTER
    store(database_url, fix(instant, other) if moved == "created_at" else fix(other, instant))
    assert tuple(map(len, read_context(source(database_url)))) == sides
    by_own_time = source(database_url, DAY_COLUMN="timestamp")
    expected = sides if moved == "timestamp" else (int(instant <= START), int(instant > START))
    assert tuple(map(len, read_context(by_own_time))) == expected


def test_context_ends_when_the_job_was_queued(database_url: str, day_column: str) -> None:
    queued_at = END + timedelta(hours=2)
    store(database_url, fix(queued_at, latitude=1), fix(queued_at - MICROSECOND, latitude=2))
    fixes = source(database_url, DAY_COLUMN=day_column)
    assert read_context(fixes, queued_at=queued_at)[1]["p"].latitude == 2
    assert read_context(fixes, queued_at=queued_at - MICROSECOND)[1] == {}
    assert read_context(fixes, queued_at=END)[1] == {}


INVALID = [
    ("missing latitude", {"latitude": math.nan}),
    ("missing longitude", {"longitude": math.nan}),
    ("infinite", {"latitude": math.inf}),
    ("negative infinite", {"longitude": -math.inf}),
    ("beyond the pole", {"latitude": 90.000001}),
    ("beyond the date line", {"longitude": -180.000001}),
    ("null island", {"latitude": 0.0, "longitude": -0.0}),
    ("negative accuracy", {"accuracy": -1}),
    ("inaccurate", {"accuracy": 501}),
]


@pytest.mark.parametrize("values", [values for _, values in INVALID], ids=[name for name, _ in INVALID])
def test_fix_that_is_no_candidate_is_no_context(database_url: str, day_column: str, values: dict[str, Any]) -> None:
    valid: dict[str, Any] = {"latitude": 90.0, "longitude": -180.0, "accuracy": 500}
    nearest = [fix(BEFORE, **values), fix(AFTER, **values)]
    store(database_url, *nearest, fix(BEFORE - MICROSECOND, **valid), fix(AFTER + MICROSECOND, **valid))
    before, after = read_context(source(database_url, DAY_COLUMN=day_column), max_accuracy_m=500)
    assert (before["p"].own_time_us, after["p"].own_time_us) == (us(BEFORE) - 1, us(AFTER) + 1)


def test_duplicates_and_rows_that_run_backwards_are_no_candidates(database_url: str) -> None:
    store(
        database_url,
        fix(BEFORE, BEFORE, latitude=1),
        fix(BEFORE, BEFORE, latitude=2),  # the same times, and a later id
        fix(BEFORE + MICROSECOND, BEFORE, latitude=3),
        fix(BEFORE + 2 * MICROSECOND, BEFORE - MICROSECOND, latitude=4),
        fix(AFTER + MICROSECOND, AFTER, latitude=5),
        fix(AFTER, AFTER + MICROSECOND, latitude=6),
    )
    before, after = read_context(source(database_url))
    assert (before["p"].latitude, after["p"].latitude) == (1, 6)
    before, after = read_context(source(database_url, DAY_COLUMN="timestamp"))
    assert (before["p"].latitude, after["p"].latitude) == (1, 5)


@pytest.mark.parametrize("seed", range(5))
def test_context_equals_the_reference(database_url: str, day_column: str, seed: int) -> None:
    rng = random.Random(seed)
    bounds = [START - HOURS_12, START, END, END + HOURS_12]

    def random_fix() -> Fix:
        arrival = rng.choice(bounds) + timedelta(seconds=rng.randrange(-9, 9))
        own = arrival - timedelta(seconds=rng.randrange(4))
        latitude, longitude = (rng.choice((0, 1, 2, *([bad] if rng.random() < 0.1 else []))) for bad in (91, math.nan))
        return fix(
            arrival, own, rng.choice("pqr"), latitude, longitude=longitude, accuracy=rng.choice((None, -1, 0, 9, 99))
        )

    stored = [random_fix() for _ in range(150)]
    store(database_url, *stored)
    dated = stored if day_column == "created_at" else [replace(row, time_us=row.own_time_us) for row in stored]
    ordered = sorted(dated, key=lambda row: row.time_us)
    for query in (
        day_query(max_accuracy_m=50),
        day_query(device_id="q", max_accuracy_m=8.5),
        day_query(queued_at=END + timedelta(seconds=3)),
    ):
        with source(database_url, DAY_COLUMN=day_column).read_day(query) as day:
            assert (day.before, day.after) == context(ordered, query)


@pytest.mark.parametrize("device_id", ["", "d1"])
def test_statements_use_the_index(database_url: str, day_column: str, device_id: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO locations (device_id, latitude, longitude, accuracy, timestamp, created_at)"
            " SELECT 'd' || n %% 5, 41, -74, n %% 50, t, t"
            " FROM (SELECT n, %s - n * interval '1 minute' AS t FROM generate_series(1, 50000) n) fixes",
            [END + HOURS_12],
        )
        connection.execute("CREATE INDEX by_own_time ON locations (timestamp, id)")
        connection.execute("ANALYZE locations")
        if day_column == "timestamp":
            connection.execute("DROP INDEX locations_created_at_id")
        types = {"latitude": "float8", "longitude": "float8", "accuracy": "int4"}
        columns, query = Columns(day_column, types), day_query(device_id=device_id)
        for statement in (context_module.before(columns, query), context_module.after(columns, query)):
            assert statement is not None
            plan = "\n".join(row[0] for row in connection.execute(b"EXPLAIN " + statement.query.as_bytes()))
            assert "Index Cond: " in plan
            assert "Seq Scan" not in plan
            assert ("hashed SubPlan" in plan) == (not device_id)


def test_any_number_of_devices_has_a_context(database_url: str, day_column: str) -> None:
    devices = 2500
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO locations (device_id, latitude, longitude, timestamp, created_at)"
            " SELECT n %% %(devices)s, 1 + n / %(devices)s, 1, t, t"
            " FROM (SELECT n, %(start)s - n * interval '1 ms' AS t FROM generate_series(1, 2 * %(devices)s) n"
            " UNION ALL SELECT n, %(end)s + n * interval '1 ms' FROM generate_series(1, 2 * %(devices)s) n) AS fixes",
            {"devices": devices, "start": START, "end": END},
        )
    for side in read_context(source(database_url, DAY_COLUMN=day_column)):
        assert side.keys() == {str(device) for device in range(devices)}
        assert {found.latitude for device, found in side.items() if device != "0"} == {1}


def test_context_and_blocks_come_from_one_snapshot(database_url: str, day_column: str) -> None:
    store(database_url, fix(BEFORE), fix(START))
    with source(database_url, DAY_COLUMN=day_column).read_day(day_query()) as day:
        store(database_url, fix(START + MICROSECOND), fix(BEFORE + MICROSECOND))
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("DELETE FROM locations WHERE created_at = %s", [START])
        assert [row[0] for row in rows(list(day.blocks))] == [START]
        assert day.before["p"].own_time_us == us(BEFORE)


SLOW = f"""
{schema("TABLE public.positions")};
CREATE VIEW public.locations AS SELECT * FROM positions WHERE pg_sleep(0.2) IS NOT NULL;
INSERT INTO positions (device_id, latitude, longitude, "timestamp", created_at)
SELECT 'p', 41, -74, t, t FROM (SELECT '{BEFORE}'::timestamptz FROM generate_series(1, 50)) fixes (t)
"""


def test_heartbeat_can_end_a_slow_statement(new_database: Database) -> None:
    url, renewed = new_database(SLOW), list[None]()

    def heartbeat() -> None:
        renewed.append(None)
        if len(renewed) == 8:
            raise LeaseLost

    with pytest.raises(LeaseLost), source(url).read_day(day_query(), heartbeat):
        pytest.fail("the context takes 10 seconds")
    assert_no_connections(url)


def test_slow_statement_times_out(new_database: Database) -> None:
    url = new_database(SLOW)
    assert cause(source(url, Timeouts(statement_timeout=0.5))) == "57014"
    assert_no_connections(url)
