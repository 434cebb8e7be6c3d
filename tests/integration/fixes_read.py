"""Insert fixes into a database, and read a day of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import psycopg
import pytest

from functions.calculate.day.csv_rows import CsvFormatter
from functions.calculate.day.distance import DayAccumulator
from functions.calculate.fixes.blocks import NULL, Block, ContextFix, DayQuery
from functions.calculate.fixes.connection import CALCULATION, Timeouts
from functions.calculate.fixes.source import FixSource
from shared.config.settings import Settings
from shared.errors import Unavailable
from shared.models import DayStatistics, Home
from tests.integration.whole_stack import wait_until

START = datetime(2026, 1, 25, tzinfo=UTC)
END = START + timedelta(days=1)
LATER = END + timedelta(days=1)
BEFORE, AFTER = START - timedelta(hours=1), END + timedelta(hours=1)  # in the context of the day
HOME = Home(latitude=40.736097, longitude=-74.039373)


def source(
    url: str,
    timeouts: Timeouts = CALCULATION,
    check: Callable[[], None] = lambda: None,
    max_idle_seconds: float = 0,
    **settings: str,
) -> FixSource:
    return FixSource(Settings.parse({"DATABASE_URL": url, **settings}), timeouts, check, max_idle_seconds)


def day_query(
    start: datetime = START,
    end: datetime = END,
    device_id: str = "",
    queued_at: datetime = LATER,
    max_accuracy_m: float = 10_000,
) -> DayQuery:
    return DayQuery(start, end, device_id, queued_at, max_accuracy_m)


def read(fixes: FixSource, start: datetime = START, end: datetime = END, device_id: str = "") -> list[Block]:
    with fixes.read_day(day_query(start, end, device_id)) as day:
        return list(day.blocks)


def read_context(fixes: FixSource, **query: Any) -> tuple[dict[str, ContextFix], dict[str, ContextFix]]:
    with fixes.read_day(day_query(**query)) as day:
        return dict(day.before), dict(day.after)


def rows(blocks: list[Block]) -> list[tuple[datetime, str, float, float, int | None, int | None, int | None]]:
    def value(number: int) -> int | None:
        return None if number == NULL else number

    return [
        (
            datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(block.time_us[n])),
            block.devices[block.device[n]],
            float(block.latitude[n]),
            float(block.longitude[n]),
            *(value(int(column[n])) for column in (block.accuracy, block.battery, block.velocity)),
        )
        for block in blocks
        for n in range(len(block))
    ]


def insert(url: str, *values: tuple[object, ...], columns: str = "created_at, device_id, latitude, longitude") -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        marks = ", ".join(["%s"] * len(values[0]))
        connection.cursor().executemany(
            f'INSERT INTO locations ("timestamp", {columns}) VALUES (now(), {marks})',
            values,
        )


def us(instant: datetime) -> int:
    """Return microseconds since 1970."""
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def fill(url: str, count: int, seconds: float = 86_400) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            """
            INSERT INTO locations (device_id, latitude, longitude, accuracy, battery, velocity, "timestamp", created_at)
            SELECT CASE WHEN n %% 3 = 0 THEN 'garmin' ELSE 'iphone_stuart' END, 40.7 + sin(n / 500.0) / 50,
                   -74.0 + cos(n / 700.0) / 50, nullif(n %% 40, 0), 100 - n %% 100, n %% 120, t, t
            FROM (SELECT n, timestamptz '2026-01-25 00:00Z' + n * interval '1 second' * %s / %s AS t
                  FROM generate_series(0, %s - 1) AS n) AS fixes
            """,
            [seconds, count, count],
        )
        connection.execute("ANALYZE locations")


def numbers(blocks: list[Block]) -> tuple[DayStatistics, bytes]:
    accumulator, formatter = DayAccumulator(HOME, 0.5), CsvFormatter()
    text = b"".join(bytes(formatter.format(accumulator.add(block))) for block in blocks)
    return accumulator.statistics(), text


def cause(fixes: FixSource) -> str:
    """Return the cause of the error that reading a day raises."""
    with pytest.raises(Unavailable) as caught:
        read(fixes)
    assert caught.value.dependency == "database"
    return caught.value.cause


def assert_no_connections(url: str, sockets: int = 0) -> None:
    """Check that the server at `url` has no session of FixSource, and this process has `sockets` connections to it."""
    with psycopg.connect(url, autocommit=True) as connection:
        sessions = (
            "SELECT FROM pg_stat_activity WHERE application_name = 'otel-worker' AND datname = current_database()"
        )
        wait_until(lambda: not connection.execute(sessions).rowcount)
        server = (connection.info.hostaddr, connection.info.port)

    def open_sockets() -> int:
        return sum(socket.raddr == server for socket in psutil.Process().net_connections("tcp"))

    wait_until(lambda: open_sockets() == sockets)
