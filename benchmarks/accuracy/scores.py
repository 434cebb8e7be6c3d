"""Scores of a method's accounts of days. docs/concepts/accuracy.md defines them.

`Tally` has the sums and errors of some days, which add up; `Scores` are the figures that are published.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from statistics import median
from typing import Self

import numpy as np

from benchmarks.accuracy.estimates import AWAY, HOME, UNKNOWN, Estimate, Trip
from benchmarks.accuracy.movement import DayTruth

LONG_TRIP_S = 600
LONG_PATH_KM = 1.0


@dataclass
class Tally:
    """Sums over days. Errors are lists: of times in seconds, of path lengths in percent."""

    days: int = 0
    trips: int = 0  # of at least LONG_TRIP_S
    missed_trips: int = 0  # of these
    false_departures: int = 0
    home_error_s: int = 0  # sum of the absolute errors of days
    away_error_s: int = 0
    wrong_s: int = 0  # home instead of away, or away instead of home
    unknown_s: int = 0
    true_path_km: float = 0.0
    path_km: float = 0.0
    departures_s: list[int] = field(default_factory=list)
    returns_s: list[int] = field(default_factory=list)
    paths_percent: list[float] = field(default_factory=list)
    bracketed: int = 0  # departures and returns that are within the interval that the method gives
    brackets: int = 0

    def __add__(self, other: Self) -> "Tally":
        return Tally(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


@dataclass(frozen=True)
class Scores:
    """Figures of a method. None where there is nothing to measure."""

    days: int
    false_departures_a_day: float
    missed_percent: float | None
    home_error_minutes: float  # mean of the absolute errors of days
    away_error_minutes: float
    wrong_minutes: float  # a day
    unknown_minutes: float  # a day
    departure_minutes: float | None  # median of the absolute errors
    return_minutes: float | None
    path_bias_percent: float | None
    path_error_percent: float | None  # median of the absolute errors of days
    bracketed_percent: float | None


def tally_day(truth: DayTruth, estimate: Estimate) -> Tally:
    """Compare a method's account of a day with the truth."""
    pairs = match_trips(truth.trips, estimate.trips)
    matched = {id(reported) for _, reported in pairs}
    found = {id(true) for true, _ in pairs}
    long_trips = [trip for trip in truth.trips if trip.end - trip.start >= LONG_TRIP_S]
    states, true_states = estimate.states, truth.states
    known_wrong = (states != UNKNOWN) & (states != true_states)
    tally = Tally(
        days=1,
        trips=len(long_trips),
        missed_trips=sum(id(trip) not in found for trip in long_trips),
        false_departures=sum(trip.departed and id(trip) not in matched for trip in estimate.trips),
        home_error_s=abs(int(np.count_nonzero(states == HOME)) - int(np.count_nonzero(true_states == HOME))),
        away_error_s=abs(int(np.count_nonzero(states == AWAY)) - int(np.count_nonzero(true_states == AWAY))),
        wrong_s=int(np.count_nonzero(known_wrong)),
        unknown_s=int(np.count_nonzero(states == UNKNOWN)),
        true_path_km=round(truth.path_km, 6),
        path_km=round(estimate.path_km, 6),
    )
    if truth.path_km >= LONG_PATH_KM:
        tally.paths_percent.append(round(100 * (estimate.path_km / truth.path_km - 1), 1))
    for true, reported in pairs:
        if true.end - true.start >= LONG_TRIP_S:
            _add_times(tally, true, reported)
    return tally


def _add_times(tally: Tally, true: Trip, reported: Trip) -> None:
    """Add the errors of the departure and the return of a trip, if both are on the day."""
    if true.departed and reported.departed:
        tally.departures_s.append(round(reported.start - true.start))
        if reported.departed_after is not None:
            tally.brackets += 1
            tally.bracketed += reported.departed_after - 1 <= true.start <= reported.start + 1
    if true.returned and reported.returned:
        tally.returns_s.append(round(reported.end - true.end))
        if reported.returned_after is not None:
            tally.brackets += 1
            tally.bracketed += reported.returned_after - 1 <= true.end <= reported.end + 1


def match_trips(true: Sequence[Trip], reported: Sequence[Trip]) -> list[tuple[Trip, Trip]]:
    """Return pairs of a true and a reported trip that overlap: those of the longest overlap first, each trip once."""
    overlaps = [
        (min(one.end, other.end) - max(one.start, other.start), number, index)
        for number, one in enumerate(true)
        for index, other in enumerate(reported)
    ]
    pairs: dict[int, int] = {}
    for overlap, number, index in sorted(overlaps, key=lambda item: (-item[0], item[1:])):
        if overlap > 0 and number not in pairs and index not in pairs.values():
            pairs[number] = index
    return [(true[number], reported[index]) for number, index in sorted(pairs.items())]


def scores(tallies: Iterable[Tally]) -> Scores:
    """Return the figures of all days of some tallies."""
    total = sum(tallies, Tally())
    return Scores(
        days=total.days,
        false_departures_a_day=total.false_departures / total.days,
        missed_percent=100 * total.missed_trips / total.trips if total.trips else None,
        home_error_minutes=total.home_error_s / total.days / 60,
        away_error_minutes=total.away_error_s / total.days / 60,
        wrong_minutes=total.wrong_s / total.days / 60,
        unknown_minutes=total.unknown_s / total.days / 60,
        departure_minutes=_median_error(total.departures_s, 60),
        return_minutes=_median_error(total.returns_s, 60),
        path_bias_percent=100 * (total.path_km / total.true_path_km - 1) if total.true_path_km else None,
        path_error_percent=_median_error(total.paths_percent, 1),
        bracketed_percent=100 * total.bracketed / total.brackets if total.brackets else None,
    )


def _median_error(errors: Sequence[float], unit: float) -> float | None:
    return median(map(abs, errors)) / unit if errors else None
