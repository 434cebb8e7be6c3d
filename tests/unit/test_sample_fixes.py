import hashlib
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

from local.sample_fixes import HOME, rows
from tests.reference import haversine

ROWS = cast("list[tuple[Any, ...]]", list(rows()))
_SHA256 = "0d9453da623fff04f4d391cc4fc9980d9c01b0897789eb022c798e325e63864b"
DEVICE, LATITUDE, LONGITUDE, BATTERY, TIME, ARRIVAL = 0, 2, 3, 7, 11, 12


def test_sample_fixes_are_reproducible() -> None:
    assert hashlib.sha256(repr(ROWS).encode()).hexdigest() == _SHA256


def test_sample_fixes_cover_two_devices_for_14_days() -> None:
    days = Counter((row[DEVICE], row[ARRIVAL].date()) for row in ROWS)
    fortnight = [date(2026, 1, 12) + timedelta(days=number) for number in range(14)]

    assert all(1_400 < days["iphone_stuart", day] < 1_500 for day in fortnight)
    assert all(300 < days["garmin", day] < 400 for day in fortnight)
    assert sum(days[device, day] for device in ("iphone_stuart", "garmin") for day in fortnight) > len(ROWS) - 3


def test_nights_are_at_home_and_workdays_away() -> None:
    night = [_from_home(row) for row in ROWS if row[TIME].hour < 10]
    noon = [row for row in ROWS if row[TIME].hour == 18 and row[DEVICE] == "iphone_stuart" and row[TIME].weekday() < 5]

    assert max(night) < 0.05
    assert min(map(_from_home, noon)) > 5


def test_each_fix_arrives_within_five_seconds_of_its_timestamp() -> None:
    delays = {row[ARRIVAL] - row[TIME] for row in ROWS}

    assert timedelta(0) < min(delays) <= max(delays) < timedelta(seconds=5)
    assert min(row[TIME] for row in ROWS) >= datetime(2026, 1, 12, tzinfo=UTC)


def test_some_battery_levels_are_null_and_the_rest_are_percentages() -> None:
    levels = [row[BATTERY] for row in ROWS]

    assert 0.02 < levels.count(None) / len(levels) < 0.04
    assert all(0 <= level <= 100 for level in levels if level is not None)


def _from_home(row: tuple[Any, ...]) -> float:
    return float(haversine(HOME, (row[LATITUDE], row[LONGITUDE])))
