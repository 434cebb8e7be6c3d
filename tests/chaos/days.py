"""The days that a run calculates, and their expected results by the reference implementation of the tests."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg

from local import sample_fixes
from shared.config.settings import Settings
from shared.models import Home
from tests import reference
from tests.reference import Fix

Task = tuple[str, str]  # date, device_id ("" for all devices)

HEADER = (
    b"timestamp,device_id,latitude,longitude,distance_from_home_km,is_away,accuracy,battery,velocity,"
    b"cumulative_away_time_minutes\n"
)
_DEVICES = ("", "iphone_stuart", "garmin")
EMPTY: tuple[Task, ...] = (("2026-01-11", ""), ("2026-01-26", "garmin"), ("2026-01-20", "nobody"))
_SETTINGS = Settings()


@dataclass(frozen=True)
class ExpectedDay:
    """The unrounded numbers of a day and its complete CSV."""

    numbers: Mapping[str, float]
    csv: bytes


@dataclass(frozen=True)
class LongDay:
    """A day that takes calculate about a second: few CSV rows and many fixes with an invalid position."""

    date: str
    valid_fixes: int
    rejected_fixes: int

    @property
    def task(self) -> Task:
        return self.date, ""

    @property
    def start(self) -> datetime:
        return datetime.fromisoformat(f"{self.date}T00:00:00+00:00")

    def fixes(self) -> Iterator[Fix]:
        """Yield the valid fixes of three devices, evenly over the day."""
        home = _SETTINGS.home
        for number in range(self.valid_fixes):
            yield Fix(
                time_us=round((self.start.timestamp() + number * 86_399 / self.valid_fixes) * 1_000_000),
                device=("iphone_stuart", "garmin", "bicycle")[number % 3],
                latitude=round(home.latitude + 0.02 * math.sin(number / 900) + 1e-5 * (number % 97), 6),
                longitude=round(home.longitude + 0.02 * math.cos(number / 700) + 1e-5 * (number % 89), 6),
                accuracy=None if number % 17 == 0 else 4 + number % 60,
                battery=None if number % 33 == 0 else number % 101,
                velocity=number % 110,
            )


# The CSV of the last day has two parts of 5 MiB.
LONG_DAYS = (
    LongDay("2025-03-03", 9_000, 400_000),
    LongDay("2025-03-04", 2_000, 600_000),
    LongDay("2025-03-05", 60_000, 0),
)
SAMPLE: tuple[Task, ...] = tuple((f"2026-01-{day}", device) for day in range(12, 26) for device in _DEVICES)


def expected_results() -> dict[Task, ExpectedDay | None]:
    """Return the expected result of each task, or None for a day without valid fixes."""
    by_date: dict[str, list[Fix]] = {}
    for row in sample_fixes.rows():
        fix = _fix(row)
        by_date.setdefault(_instant(fix).date().isoformat(), []).append(fix)
    results: dict[Task, ExpectedDay | None] = dict.fromkeys(EMPTY)
    for date, device in SAMPLE:
        # The order of the table: by arrival, then by insertion.
        fixes = sorted(by_date[date], key=lambda fix: fix.time_us)
        results[date, device] = _expected_day([fix for fix in fixes if device in ("", fix.device)], 0)
    for day in LONG_DAYS:
        results[day.task] = _expected_day(list(day.fixes()), day.rejected_fixes)
    return results


def load(connection: psycopg.Connection) -> None:
    """Insert the long days. `connection` needs autocommit and the rights of a superuser."""
    columns = 'device_id, latitude, longitude, accuracy, battery, velocity, "timestamp", created_at'
    with connection.cursor() as cursor:
        for day in LONG_DAYS:
            with cursor.copy(f"COPY public.locations ({columns}) FROM STDIN") as copy:
                for fix in day.fixes():
                    at = _instant(fix)
                    position = (fix.latitude, fix.longitude)
                    copy.write_row((fix.device, *position, fix.accuracy, fix.battery, fix.velocity, at, at))
            cursor.execute(
                f"INSERT INTO public.locations ({columns})"
                " SELECT 'garmin', 91, 181, 5, 50, 0, at, at FROM ("
                "   SELECT %(start)s::timestamptz + n * (interval '86399 seconds' / greatest(%(count)s::int, 1)) AS at"
                "   FROM generate_series(0, %(count)s::int - 1) n) invalid",
                {"start": day.start, "count": day.rejected_fixes},
            )
        cursor.execute("ANALYZE public.locations")
        cursor.execute("CHECKPOINT")  # spares the first restart the replay of these rows


def _expected_day(fixes: list[Fix], rejected: int) -> ExpectedDay:
    home = Home(latitude=_SETTINGS.HOME_LATITUDE, longitude=_SETTINGS.HOME_LONGITUDE)
    day = reference.day(fixes, home, _SETTINGS.AWAY_THRESHOLD_KM)
    numbers = {**day.numbers, "rejected_locations": day.numbers["rejected_locations"] + rejected}
    return ExpectedDay(numbers, HEADER + reference.written(day.rows))


def _fix(row: sample_fixes.Row) -> Fix:
    device, _, latitude, longitude, accuracy, _, velocity, battery, *_, arrival = row
    assert isinstance(arrival, datetime)
    time_us = (arrival - reference.EPOCH) // timedelta(microseconds=1)
    return Fix(time_us, device, latitude, longitude, accuracy, battery, velocity)  # type: ignore[arg-type] # rows are untyped


def _instant(fix: Fix) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=fix.time_us)
