from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.days import interval, time_zones, today


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type] # star arguments of a datetime


@pytest.mark.parametrize(
    ("day", "zone", "start", "hours"),
    [
        (date(2026, 1, 25), "UTC", utc(2026, 1, 25), 24),
        (date(2026, 3, 29), "Europe/Berlin", utc(2026, 3, 28, 23), 23),
        (date(2026, 10, 25), "Europe/Berlin", utc(2026, 10, 24, 22), 25),
        (date(2026, 3, 8), "America/New_York", utc(2026, 3, 8, 5), 23),
        (date(2026, 11, 1), "America/New_York", utc(2026, 11, 1, 4), 25),
        # Midnight occurs twice: the day starts at the first one.
        (date(2026, 11, 1), "America/Havana", utc(2026, 11, 1, 4), 25),
        # Midnight is skipped: the day starts at 01:00.
        (date(2018, 11, 4), "America/Sao_Paulo", utc(2018, 11, 4, 3), 23),
        # The clock changes from 23:30 to 00:30: the day starts at 00:30.
        (date(1919, 3, 31), "America/Toronto", utc(1919, 3, 31, 4, 30), 23.5),
        # Samoa skipped this day.
        (date(2011, 12, 30), "Pacific/Apia", utc(2011, 12, 30, 10), 0),
        (date(2026, 1, 25), "Asia/Kathmandu", utc(2026, 1, 24, 18, 15), 24),
    ],
)
def test_interval_starts_at_local_midnight(day: date, zone: str, start: datetime, hours: float) -> None:
    start_at, end_at = interval(day, zone)
    assert start_at == start
    assert end_at - start_at == timedelta(hours=hours)


@settings(max_examples=300)
@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.sampled_from(sorted(time_zones())))
def test_consecutive_intervals_are_adjacent_and_contain_only_their_date(day: date, zone: str) -> None:
    start_at, end_at = interval(day, zone)
    assert end_at == interval(day + timedelta(days=1), zone)[0]
    assert start_at <= end_at
    if start_at < end_at:
        assert start_at.astimezone(ZoneInfo(zone)).date() == day
        assert (start_at - timedelta(microseconds=1)).astimezone(ZoneInfo(zone)).date() < day


@pytest.mark.parametrize("day", [date.min, date.max])
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "UTC"])
def test_first_and_last_date_have_an_interval(day: date, zone: str) -> None:
    start_at, end_at = interval(day, zone)
    assert start_at < end_at


def test_today_depends_on_time_zone() -> None:
    now = utc(2026, 1, 25, 23, 30)
    assert today("UTC", now) == date(2026, 1, 25)
    assert today("Asia/Tokyo", now) == date(2026, 1, 26)


def test_listed_time_zones_are_loadable_and_no_other_files() -> None:
    for name in time_zones():
        ZoneInfo(name)
    assert not time_zones() & {"localtime", "posixrules", "right/UTC", "../../etc/passwd", "America", ""}
