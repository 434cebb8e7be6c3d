"""Distances from home and lengths of paths, in kilometres."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from tests.unit.analysis.reference.fixes import distance_km
from tests.unit.analysis.reference.intervals import Interval
from tests.unit.analysis.reference.states import StatedFix

REST_M = 50
RETURN_US = 1_200_000_000

Weighted = Sequence[tuple[float, int]]  # distances from home in km, and their weights


def find_farthest(fixes: Iterable[StatedFix]) -> StatedFix | None:
    """Return the first fix with the greatest distance from home less its accuracy; `fixes` may include context."""
    farthest = None
    for fix in fixes:
        if fix.in_window and not fix.is_contradicting and (farthest is None or _reach(fix) > _reach(farthest)):
            farthest = fix
    return farthest


def _reach(fix: StatedFix) -> float:
    return round(fix.km - fix.fix.accuracy_km, 6)


def robust_legs(fixes: Iterable[StatedFix]) -> list[tuple[StatedFix, float]]:
    """Return the legs of the robust path: the fix at the end of each, and its length."""
    steady = [fix for fix in fixes if fix.in_window and not fix.is_contradicting]
    legs = []
    anchor = steady[0] if steady else None
    for index, fix in enumerate(steady):
        if anchor is None or index == 0:
            continue
        following = steady[index + 1] if index + 1 < len(steady) else None
        km = distance_km(anchor.fix, fix.fix)
        if km > _limit_km(anchor, fix) and not _is_excursion(anchor, fix, following):
            legs.append((fix, km))
            anchor = fix
        elif km <= _limit_km(anchor, fix) and fix.fix.accuracy < anchor.fix.accuracy and anchor.fix.accuracy > REST_M:
            anchor = fix
    return legs


def _limit_km(a: StatedFix, b: StatedFix) -> float:
    return max(REST_M, a.fix.accuracy + b.fix.accuracy) / 1000


def _is_excursion(anchor: StatedFix, fix: StatedFix, following: StatedFix | None) -> bool:
    """Tell whether the next fix is back at the anchor soon, so that `fix` does not count."""
    return (
        following is not None
        and following.state == fix.state
        and following.time_us - fix.time_us < RETURN_US
        and distance_km(anchor.fix, following.fix) <= _limit_km(anchor, following)
    )


def raw_path_km(fixes: Iterable[StatedFix]) -> float:
    in_window = [fix.fix for fix in fixes if fix.in_window]
    return math.fsum(distance_km(a, b) for a, b in pairwise(in_window))


def path_across_gaps_km(intervals: Iterable[Interval]) -> float:
    """Return the part of the raw path that is over gaps."""
    return math.fsum(
        distance_km(each.first.fix, each.second.fix)
        for each in intervals
        if each.is_gap and each.first.in_window and each.second.in_window
    )


def weigh_by_fixes(fixes: Iterable[StatedFix]) -> Weighted:
    return [(fix.km, 1) for fix in fixes if fix.in_window]


def weigh_by_time(intervals: Iterable[Interval]) -> Weighted:
    """Return the distance of each end of the known intervals with twice its time in microseconds.

    The weights are doubled so that half an interval is an integer.
    """
    weighted = []
    for each in intervals:
        ends = [end for end in (each.first, each.second) if end.in_window]
        if each.is_known:
            weighted += [(end.km, 2 * each.length_us // len(ends)) for end in ends]
    return weighted


def percentile(weighted: Weighted, percent: int) -> float | None:
    """Return the smallest value at or below which at least `percent` of the weight lies; None without weight."""
    total = sum(weight for _, weight in weighted)
    cumulative = 0
    for km, weight in sorted(weighted):
        cumulative += weight
        if total and 100 * cumulative >= percent * total:
            return km
    return None


def mean(weighted: Weighted) -> float | None:
    """Return the weighted mean; None without weight.

    With the weights of `weigh_by_time` this is the mean of both ends of each known interval, weighted by its time.
    """
    total = sum(weight for _, weight in weighted)
    return math.fsum(km * weight for km, weight in weighted) / total if total else None
