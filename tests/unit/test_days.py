from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.days import interval, time_zones, today


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type] # the parts of a datetime


@pytest.mark.parametrize(
    ("day", "zone", "start", "hours"),
    [
        (date(2026, 1, 25), "UTC", utc(2026, 1, 25), 24),
        (date(2026, 3, 29), "Europe/Berlin", utc(2026, 3, 28, 23), 23),
        (date(2026, 10, 25), "Europe/Berlin", utc(2026, 10, 24, 22), 25),
        (date(2026, 3, 8), "America/New_York", utc(2026, 3, 8, 5), 23),
        (date(2026, 11, 1), "America/New_York", utc(2026, 11, 1, 4), 25),
        # Midnight comes twice: the day begins with the first, and has 25 hours.
        (date(2026, 11, 1), "America/Havana", utc(2026, 11, 1, 4), 25),
        # Midnight is skipped: the day begins at 01:00.
        (date(2018, 11, 4), "America/Sao_Paulo", utc(2018, 11, 4, 3), 23),
        # The clock jumped from 23:30 to 00:30: the day begins half an hour late.
        (date(1919, 3, 31), "America/Toronto", utc(1919, 3, 31, 4, 30), 23.5),
        # Samoa never had this day.
        (date(2011, 12, 30), "Pacific/Apia", utc(2011, 12, 30, 10), 0),
        (date(2026, 1, 25), "Asia/Kathmandu", utc(2026, 1, 24, 18, 15), 24),
    ],
)
def test_a_day_is_what_clocks_on_the_wall_say(day: date, zone: str, start: datetime, hours: float) -> None:
    begins, ends = interval(day, zone)
    assert begins == start
    assert ends - begins == timedelta(hours=hours)


@settings(max_examples=300)
@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.sampled_from(sorted(time_zones())))
def test_days_join_without_gap_and_hold_only_their_own_date(day: date, zone: str) -> None:
    begins, ends = interval(day, zone)
    assert ends == interval(day + timedelta(days=1), zone)[0]
    assert begins <= ends
    if begins < ends:
        assert begins.astimezone(ZoneInfo(zone)).date() == day
        assert (begins - timedelta(microseconds=1)).astimezone(ZoneInfo(zone)).date() < day


@pytest.mark.parametrize("day", [date.min, date.max])
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "UTC"])
def test_the_ends_of_the_calendar_are_no_error(day: date, zone: str) -> None:
    begins, ends = interval(day, zone)
    assert begins < ends


def test_today_depends_on_the_zone() -> None:
    now = utc(2026, 1, 25, 23, 30)
    assert today("UTC", now) == date(2026, 1, 25)
    assert today("Asia/Tokyo", now) == date(2026, 1, 26)


def test_every_listed_zone_can_be_loaded_and_no_file_name_is_listed() -> None:
    for name in time_zones():
        ZoneInfo(name)
    assert not time_zones() & {"localtime", "posixrules", "right/UTC", "../../etc/passwd", "America", ""}
