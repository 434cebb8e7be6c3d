"""Calendar days as intervals of time."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo


@cache
def time_zones() -> frozenset[str]:
    """Return the IANA names in the tzdata package, which are the same on all machines."""
    return frozenset((resources.files("tzdata") / "zones").read_text(encoding="utf-8").split())


def today(time_zone: str, now: datetime) -> date:
    """Return the date in `time_zone` at `now`."""
    return now.astimezone(ZoneInfo(time_zone)).date()


def interval(day: date, time_zone: str) -> tuple[datetime, datetime]:
    """Return the half-open interval [midnight, next midnight) of `day` in `time_zone`, both in UTC.

    It is 23 or 25 hours long on the day of a clock change, and empty if the zone skipped the day.
    """
    zone = ZoneInfo(time_zone)
    end = _midnight(day + timedelta(days=1), zone) if day < date.max else datetime.max.replace(tzinfo=UTC)
    return _midnight(day, zone), end


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant at which the local time in `zone` is `day` 00:00 or later.

    dateutil's resolve_imaginary shifts a skipped midnight by the length of the gap. That is too late if the gap starts
    before midnight: Toronto skipped 23:30 to 00:30 on 1919-03-30, so the next day starts at 00:30, not at 01:00.
    """
    local = datetime.combine(day, time.min)
    try:
        instant = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    except OverflowError:  # the first or last day in the range of datetime
        return local.replace(tzinfo=UTC)
    if _local_time(instant, zone) == local:
        return instant
    # Midnight is skipped. Bisect for the clock change.
    before, after = instant - timedelta(days=1), instant
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        before, after = (middle, after) if _local_time(middle, zone) < local else (before, middle)
    return after


def _local_time(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)
