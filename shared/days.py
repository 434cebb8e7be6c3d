"""Which stretch of time a calendar day is, in which time zone."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo


@cache
def time_zones() -> frozenset[str]:
    """The IANA names, as the tzdata package lists them: the same on every machine."""
    return frozenset((resources.files("tzdata") / "zones").read_text(encoding="utf-8").split())


def today(time_zone: str, now: datetime) -> date:
    """The date that a calendar on the wall in `time_zone` shows at `now`."""
    return now.astimezone(ZoneInfo(time_zone)).date()


def interval(day: date, time_zone: str) -> tuple[datetime, datetime]:
    """The half-open interval [midnight, next midnight) of `day` in `time_zone`, both in UTC.

    It is 23 or 25 hours long where the clock changes on that day, and empty where the zone skipped the day.
    """
    zone = ZoneInfo(time_zone)
    end = _midnight(day + timedelta(days=1), zone) if day < date.max else datetime.max.replace(tzinfo=UTC)
    return _midnight(day, zone), end


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant at which clocks in `zone` show `day` 00:00 or later."""
    local = datetime.combine(day, time.min)
    try:
        instant = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    except OverflowError:  # the first or last day that a datetime can hold
        return local.replace(tzinfo=UTC)
    if _wall(instant, zone) == local:
        return instant
    # The clock jumped over midnight: bisect for the jump.
    before, after = instant - timedelta(days=1), instant
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        before, after = (middle, after) if _wall(middle, zone) < local else (before, middle)
    return after


def _wall(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)
