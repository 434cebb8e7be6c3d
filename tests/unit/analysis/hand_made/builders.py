"""Rows, times and expectations of hand-made days.

A day is 2026-01-25 in UTC. Clocks are `HH:MM`, `HH:MM:SS` or `HH:MM:SS.ffffff`. Positions are kilometres north of home.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.unit.analysis.day import Day
from tests.unit.analysis.places import at
from tests.unit.analysis.reference import Row

MIDNIGHT_US = int(datetime(2026, 1, 25, tzinfo=UTC).timestamp()) * 1_000_000
DAY_US = 86_400_000_000
WINDOW = (MIDNIGHT_US, MIDNIGHT_US + DAY_US)


@dataclass(frozen=True, kw_only=True)
class HandMadeDay(Day):
    """A day that shows one rule, with the values of the document that follow from the rule.

    The keys of `expected` are paths in the entry of the first device, such as `trips.0.minutes`, or in the document if
    they begin with `document.`.
    """

    name: str
    window: tuple[int, int] = WINDOW
    expected: Mapping[str, Any]


def clock_us(clock: str, day: int = 0) -> int:
    """Return microseconds since 1970 of a clock on the day; `day` is -1 for the day before, 1 for the day after."""
    hours, minutes, seconds = (*clock.split(":"), "0")[:3]
    whole, _, fraction = seconds.partition(".")
    of_day = (int(hours) * 60 + int(minutes)) * 60 + int(whole)
    return MIDNIGHT_US + day * DAY_US + of_day * 1_000_000 + int(fraction.ljust(6, "0"))


def window(start: str, end: str) -> tuple[int, int]:
    return clock_us(start), clock_us(end)


def fix(clock: str, km: float, accuracy: int | None = None, *, device: str = "phone", day: int = 0) -> Row:
    """Return a row `km` north of home."""
    return raw(clock, at(km).latitude, at(km).longitude, accuracy, device=device, day=day)


def raw(
    clock: str,
    latitude: float | None,
    longitude: float | None,
    accuracy: int | None = None,
    *,
    device: str = "phone",
    day: int = 0,
) -> Row:
    """Return a row at any coordinates."""
    return device, clock_us(clock, day), latitude, longitude, accuracy


def track(text: str) -> list[Row]:
    """Return rows from a text such as `08:00 0, 08:10 2.5, 08:20 2.5 400`: clock, km north and accuracy if known."""
    rows = []
    for item in text.split(","):
        clock, km, *accuracy = item.split()
        rows.append(fix(clock, float(km), int(accuracy[0]) if accuracy else None))
    return rows


def rfc3339(clock: str, day: int = 0) -> str:
    """Return a time of the document, by the clock as `HH:MM` or `HH:MM:SS`."""
    return f"2026-01-{25 + day}T{clock if clock.count(':') == 2 else clock + ':00'}.000Z"
