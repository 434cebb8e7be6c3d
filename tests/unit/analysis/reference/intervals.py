"""Intervals between fixes, gaps and inferred stays, and trips."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tests.unit.analysis.reference.fixes import Window, distance_km
from tests.unit.analysis.reference.states import State, StatedFix, microseconds

INFERRED_STAY_US = 24 * 3_600_000_000
INFERRED_STAY_KM = 0.2


@dataclass(frozen=True)
class Interval:
    """The time from a fix to the next one. `from_us` and `to_us` are cut to the window, and equal outside of it."""

    first: StatedFix
    second: StatedFix
    from_us: int
    to_us: int
    is_gap: bool
    counted_as: State

    @property
    def length_us(self) -> int:
        return self.to_us - self.from_us

    @property
    def is_known(self) -> bool:
        return self.counted_as != "unknown"


def find_intervals(fixes: Sequence[StatedFix], window: Window, parameters: Mapping[str, Any]) -> list[Interval]:
    """Return the intervals of a device whose fixes, context included, are `fixes`."""
    gap_us = microseconds(parameters["gap_seconds"])
    intervals = []
    for first, second in pairwise(fixes):
        uncut_us = second.time_us - first.time_us
        from_us = max(first.time_us, window[0])
        to_us = max(from_us, min(second.time_us, window[1]))
        is_long = uncut_us > gap_us
        counted_as = first.state if not is_long or _is_inferred_stay(first, second) else "unknown"
        is_gap = is_long and to_us > from_us
        intervals.append(Interval(first, second, from_us, to_us, is_gap, counted_as))
    return intervals


def _is_inferred_stay(first: StatedFix, second: StatedFix) -> bool:
    """Tell whether a gap is between two fixes of one place, and of the same known state."""
    limit_km = max(INFERRED_STAY_KM, first.fix.accuracy_km + second.fix.accuracy_km)
    return (
        second.time_us - first.time_us <= INFERRED_STAY_US
        and first.state == second.state != "unknown"
        and distance_km(first.fix, second.fix) <= limit_km
    )


@dataclass(frozen=True)
class Trip:
    """Consecutive fixes in state away, with the fixes of the device around them."""

    before: StatedFix | None
    fixes: Sequence[StatedFix]
    after: StatedFix | None
    from_us: int
    to_us: int

    @property
    def length_us(self) -> int:
        return self.to_us - self.from_us

    @property
    def is_departure_known(self) -> bool:
        return self.before is not None and self.before.state == "home"

    @property
    def is_return_known(self) -> bool:
        return self.after is not None and self.after.in_window


def find_trips(fixes: Sequence[StatedFix], window: Window) -> list[Trip]:
    """Return the trips of a device whose fixes, context included, are `fixes`."""
    trips = []
    for start in range(len(fixes)):
        if fixes[start].state != "away" or (start > 0 and fixes[start - 1].state == "away"):
            continue
        end = start + 1  # the index of the first fix after the trip
        while end < len(fixes) and fixes[end].state == "away":
            end += 1
        before = fixes[start - 1] if start > 0 else None
        after = fixes[end] if end < len(fixes) else None
        from_us = max(fixes[start].time_us, window[0])
        to_us = min((after or fixes[end - 1]).time_us, window[1])
        if to_us > from_us:
            trips.append(Trip(before, fixes[start:end], after, from_us, to_us))
    return trips


def sum_unknown_us(trip: Trip, intervals: Sequence[Interval]) -> int:
    """Return the unknown time of the intervals that begin in a trip."""
    times = {fix.time_us for fix in trip.fixes}
    return sum(each.length_us for each in intervals if each.first.time_us in times and not each.is_known)
