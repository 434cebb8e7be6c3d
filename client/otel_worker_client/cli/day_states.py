"""When a device was at home and away, derived from the document of an analysis.

The document has trips, gaps and totals. It does not say from when to when the state of a device is known: without a fix
before the window the time up to the first evidence is unknown, and without one after it the time from the last fix on.
Both follow from the totals, except in rare cases, in which the time in question is UNDETERMINED.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from otel_worker_client.analysis import Analysis, DeviceAnalysis, Trip

_TOLERANCE = 0.05  # minutes: times are cut to milliseconds, and totals are rounded to 0.01 minutes


class State(Enum):
    """The state of a device; UNDETERMINED is not in the document."""

    HOME = "home"
    AWAY = "away"
    UNKNOWN = "unknown"
    UNDETERMINED = "undetermined"


class Period(NamedTuple):
    """A period in one state, in minutes since the start of the window."""

    start: float
    end: float
    state: State


@dataclass(frozen=True)
class _Range:
    """A range of minutes since the start of the window. The state of the device is known in it, apart from gaps."""

    start: float
    end: float


def periods(analysis: Analysis, device: DeviceAnalysis) -> list[Period]:
    """Return the periods of a device, which cover the window in order of time."""
    day = _Day(analysis, device)
    possible = [day.periods_of(known) for known in day.known_ranges()] or [day.listed_periods()]
    return list(_merge(_common_states(possible)))


class _Day:
    """The day of one device, in minutes since the start of the window."""

    def __init__(self, analysis: Analysis, device: DeviceAnalysis) -> None:
        self._origin = analysis.window_start
        self._device = device
        self._length = self._minutes(analysis.window_end)
        self._first = None if device.first_fix_at is None else self._minutes(device.first_fix_at)
        self._last = 0.0 if device.last_fix_at is None else self._minutes(device.last_fix_at)
        listed = sorted(device.gaps, key=lambda gap: gap.start)
        self._gaps = [Period(self._minutes(gap.start), self._minutes(gap.end), State(gap.counted_as)) for gap in listed]

    def _minutes(self, instant: datetime) -> float:
        return (instant - self._origin).total_seconds() / 60

    def known_ranges(self) -> list[_Range]:
        """Return the ranges that agree with the document.

        A range that starts with the window or with the first fix is more likely than one that starts with a later fix.
        Only such a range is certain if gaps are not listed.
        """
        ranges = [self._range_until(end) for end in dict.fromkeys((self._length, self._last))]
        possible = [known for known in ranges if self._agrees(known)]
        likely = [known for known in possible if any(_equal(known.start, at) for at in (0.0, self._first))]
        return likely or (possible if self._device.gap_count == len(self._device.gaps) else [])

    def _range_until(self, end: float) -> _Range:
        """Return the range that ends at `end`.

        It starts with the trip that has no departure. Without one, the time before it is the unknown time that is not
        after it and not in gaps.
        """
        for trip in self._device.trips:
            if trip.departed_at is None:
                return _Range((self._minutes(trip.returned_at) if trip.returned_at else end) - trip.minutes, end)
        gaps = [(gap.start, min(gap.end, end)) for gap in self._gaps if gap.state is State.UNKNOWN and gap.start < end]
        in_gaps = sum(gap_end - gap_start for gap_start, gap_end in gaps)
        unknown = self._device.unknown_minutes - (self._length - end) - in_gaps
        if abs(unknown) <= _TOLERANCE:
            return _Range(0.0, end)
        start = 0.0
        for gap_start, gap_end in gaps:
            if start + unknown <= gap_start + _TOLERANCE:
                break
            unknown -= gap_start - start
            start = gap_end
        return _Range(start + unknown, end)

    def _agrees(self, known: _Range) -> bool:
        """Return whether the range can be the right one, by all that the document has."""
        if not (_equal(known.start, 0.0) or self._can_be_fix(known.start) or _equal(known.start, known.end)):
            return False
        counted = [gap for gap in self._gaps if gap.state is not State.UNKNOWN]
        trips = [(self._trip(trip, known), trip.minutes) for trip in self._device.trips]
        if any(not _contains(known, period) for period in [*counted, *(period for period, _ in trips)]):
            return False
        if any(not _equal(period.end - period.start, minutes) for period, minutes in trips):
            return False
        totals = _totals(self._paint(known))
        agrees = _equal(totals[State.UNKNOWN], self._device.unknown_minutes)
        if self._device.trip_count > len(trips):
            return agrees
        return agrees and _equal(totals[State.AWAY], self._device.away_minutes)

    def _can_be_fix(self, at: float) -> bool:
        return self._first is not None and self._first - _TOLERANCE <= at <= self._last + _TOLERANCE

    def _trip(self, trip: Trip, known: _Range) -> Period:
        """Return a trip; one without departure starts with the range, and one without return ends with it."""
        start = known.start if trip.departed_at is None else self._minutes(trip.departed_at)
        end = known.end if trip.returned_at is None else self._minutes(trip.returned_at)
        return Period(start, end, State.AWAY)

    def _paint(self, known: _Range) -> list[Period]:
        trips = [self._trip(trip, known) for trip in self._device.trips]
        background = [Period(0.0, self._length, State.UNKNOWN), Period(known.start, known.end, State.HOME)]
        return _paint([*background, *trips, *self._gaps], self._length)

    def periods_of(self, known: _Range) -> list[Period]:
        """Return the periods of a range. Time at home is undetermined if trips that are not listed are part of it."""
        painted = self._paint(known)
        if _totals(painted)[State.HOME] - self._device.home_minutes <= _TOLERANCE:
            return painted
        return [
            Period(start, end, State.UNDETERMINED if state is State.HOME else state) for start, end, state in painted
        ]

    def listed_periods(self) -> list[Period]:
        """Return the trips and gaps that are listed; all other time is undetermined."""
        trips = [trip for trip in map(self._listed_trip, self._device.trips) if trip is not None]
        return _paint([Period(0.0, self._length, State.UNDETERMINED), *trips, *self._gaps], self._length)

    def _listed_trip(self, trip: Trip) -> Period | None:
        """Return a trip if its times are in the document; it is undetermined if gaps of it are not listed."""
        if trip.departed_at is not None:
            start = self._minutes(trip.departed_at)
        elif trip.returned_at is not None:
            start = self._minutes(trip.returned_at) - trip.minutes
        else:
            return None
        end = start + trip.minutes
        gaps = [(max(gap.start, start), min(gap.end, end)) for gap in self._gaps if gap.state is State.UNKNOWN]
        unknown = sum(max(gap_end - gap_start, 0) for gap_start, gap_end in gaps)
        return Period(start, end, State.AWAY if _equal(unknown, trip.unknown_minutes) else State.UNDETERMINED)


def _equal(minutes: float, other: float | None) -> bool:
    return other is not None and abs(minutes - other) <= _TOLERANCE


def _contains(known: _Range, period: Period) -> bool:
    return known.start - _TOLERANCE <= period.start and period.end <= known.end + _TOLERANCE


def _paint(layers: list[Period], length: float) -> list[Period]:
    """Return the periods of a window in which each of the `layers` covers those before it."""
    painted: list[Period] = []
    for layer in layers:
        start, end = max(layer.start, 0.0), min(layer.end, length)
        if start >= end:
            continue
        kept = []
        for period in painted:
            kept += [Period(period.start, min(period.end, start), period.state)]
            kept += [Period(max(period.start, end), period.end, period.state)]
        painted = [period for period in kept if period.start < period.end]
        painted.append(Period(start, end, layer.state))
    return sorted(painted, key=lambda period: period.start)


def _totals(painted: Iterable[Period]) -> dict[State, float]:
    totals = dict.fromkeys(State, 0.0)
    for start, end, state in painted:
        totals[state] += end - start
    return totals


def _common_states(possible: list[list[Period]]) -> list[Period]:
    """Return the periods in which all possibilities agree; the others are undetermined."""
    first, *others = possible
    for other in others:
        cuts = sorted({period.end for period in [*first, *other]})
        pairs, start = [], 0.0
        for end in cuts:
            states = {next(period.state for period in periods if period.end >= end) for periods in (first, other)}
            pairs.append(Period(start, end, states.pop() if len(states) == 1 else State.UNDETERMINED))
            start = end
        first = pairs
    return first


def _merge(painted: Iterable[Period]) -> Iterator[Period]:
    """Join consecutive periods in the same state."""
    joined: Period | None = None
    for period in painted:
        if joined is not None and joined.state is period.state:
            joined = joined._replace(end=period.end)
            continue
        if joined is not None:
            yield joined
        joined = period
    if joined is not None:
        yield joined
