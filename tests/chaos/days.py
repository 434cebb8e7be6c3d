"""The days that are asked for, and what each must give: worked out once, by the plain reference of the tests."""

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

Task = tuple[str, str]  # date, device_id; "" is every device

HEADER = (
    b"timestamp,device_id,latitude,longitude,distance_from_home_km,is_away,accuracy,battery,velocity,"
    b"cumulative_away_time_minutes\n"
)
_DEVICES = ("", "iphone_stuart", "garmin")
EMPTY: tuple[Task, ...] = (("2026-01-11", ""), ("2026-01-26", "garmin"), ("2026-01-20", "nobody"))
_SETTINGS = Settings()


@dataclass(frozen=True)
class Expected:
    """The numbers of a day, not rounded, and its whole CSV."""

    numbers: Mapping[str, float]
    csv: bytes


@dataclass(frozen=True)
class LongDay:
    """A day that keeps calculate at work for a second: few rows for the CSV, many fixes that are no place."""

    date: str
    usable: int
    rejected: int

    @property
    def task(self) -> Task:
        return self.date, ""

    @property
    def start(self) -> datetime:
        return datetime.fromisoformat(f"{self.date}T00:00:00+00:00")

    def fixes(self) -> Iterator[Fix]:
        """The usable ones, three devices in turns, evenly over the day."""
        home = _SETTINGS.home
        for number in range(self.usable):
            yield Fix(
                time_us=round((self.start.timestamp() + number * 86_399 / self.usable) * 1_000_000),
                device=("iphone_stuart", "garmin", "bicycle")[number % 3],
                latitude=round(home.latitude + 0.02 * math.sin(number / 900) + 1e-5 * (number % 97), 6),
                longitude=round(home.longitude + 0.02 * math.cos(number / 700) + 1e-5 * (number % 89), 6),
                accuracy=None if number % 17 == 0 else 4 + number % 60,
                battery=None if number % 33 == 0 else number % 101,
                velocity=number % 110,
            )


# The last one's CSV has two parts of 5 MiB.
LONG = (LongDay("2025-03-03", 9_000, 400_000), LongDay("2025-03-04", 2_000, 600_000), LongDay("2025-03-05", 60_000, 0))
SAMPLE: tuple[Task, ...] = tuple((f"2026-01-{day}", device) for day in range(12, 26) for device in _DEVICES)


def expected() -> dict[Task, Expected | None]:
    """What each task must give; None is a day without a usable fix."""
    by_date: dict[str, list[Fix]] = {}
    for row in sample_fixes.rows():
        fix = _fix(row)
        by_date.setdefault(_instant(fix).date().isoformat(), []).append(fix)
    found: dict[Task, Expected | None] = dict.fromkeys(EMPTY)
    for date, device in SAMPLE:
        # As the table does: by arrival, then in the order in which they were stored.
        fixes = sorted(by_date[date], key=lambda fix: fix.time_us)
        found[date, device] = _worked_out([fix for fix in fixes if device in ("", fix.device)], 0)
    for day in LONG:
        found[day.task] = _worked_out(list(day.fixes()), day.rejected)
    return found


def load(connection: psycopg.Connection) -> None:
    """The long days are in the table as well; `connection` is a superuser's in autocommit."""
    columns = 'device_id, latitude, longitude, accuracy, battery, velocity, "timestamp", created_at'
    with connection.cursor() as cursor:
        for day in LONG:
            with cursor.copy(f"COPY public.locations ({columns}) FROM STDIN") as copy:
                for fix in day.fixes():
                    at = _instant(fix)
                    place = (fix.latitude, fix.longitude)
                    copy.write_row((fix.device, *place, fix.accuracy, fix.battery, fix.velocity, at, at))
            cursor.execute(
                f"INSERT INTO public.locations ({columns})"
                " SELECT 'garmin', 91, 181, 5, 50, 0, at, at FROM ("
                "   SELECT %(start)s::timestamptz + n * (interval '86399 seconds' / greatest(%(count)s::int, 1)) AS at"
                "   FROM generate_series(0, %(count)s::int - 1) n) nowhere",
                {"start": day.start, "count": day.rejected},
            )
        cursor.execute("ANALYZE public.locations")
        cursor.execute("CHECKPOINT")  # else the first restart would replay all of it


def _worked_out(fixes: list[Fix], rejected: int) -> Expected:
    home = Home(latitude=_SETTINGS.HOME_LATITUDE, longitude=_SETTINGS.HOME_LONGITUDE)
    day = reference.day(fixes, home, _SETTINGS.AWAY_THRESHOLD_KM)
    numbers = {**day.numbers, "rejected_locations": day.numbers["rejected_locations"] + rejected}
    return Expected(numbers, HEADER + reference.written(day.rows))


def _fix(row: sample_fixes.Row) -> Fix:
    device, _, latitude, longitude, accuracy, _, velocity, battery, *_, arrival = row
    assert isinstance(arrival, datetime)
    time_us = (arrival - reference.EPOCH) // timedelta(microseconds=1)
    return Fix(time_us, device, latitude, longitude, accuracy, battery, velocity)  # type: ignore[arg-type] # a row's values have no types


def _instant(fix: Fix) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=fix.time_us)
