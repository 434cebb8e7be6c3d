"""The methods of this project: the plain threshold and the analysis of the day, as a job runs them."""

import itertools
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from benchmarks.accuracy.estimates import AWAY, AWAY_KM, DAY_S, HOME, UNKNOWN, Estimate, States, Trip, fill
from benchmarks.accuracy.movement import HOME_POSITION
from benchmarks.accuracy.phones import DEVICE, Recording, select
from functions.calculate.analysis.analyzer import DayAnalyzer
from functions.calculate.day.distance import DayAccumulator
from functions.calculate.fixes.blocks import BLOCK_ROWS, Block, ContextFix, MeasuredBlock
from shared.models import AnalysisParameters, DayStatistics, Home

_SECOND_US = 1_000_000
_CONTEXT_US = 12 * 3_600 * _SECOND_US


class AnalysedDay(NamedTuple):
    """What a job computes from the rows of a day."""

    measured: list[MeasuredBlock]
    statistics: DayStatistics
    document: dict[str, Any]


def run_job(
    rows: Block,
    window_us: tuple[int, int],
    *,
    home: Home = HOME_POSITION,
    before: Mapping[str, ContextFix] | None = None,
    after: Mapping[str, ContextFix] | None = None,
    day_column: str = "timestamp",
) -> AnalysedDay:
    """Compute both sets of numbers of a day with all parameters at their defaults, block by block."""
    accumulator = DayAccumulator(home, AWAY_KM)
    analyzer = DayAnalyzer(
        home=home,
        away_threshold_km=AWAY_KM,
        parameters=AnalysisParameters(),
        window_us=window_us,
        day_column=day_column,
        before=before or {},
        after=after or {},
    )
    measured = []
    for first in range(0, len(rows), BLOCK_ROWS):
        block = select(rows, np.arange(first, min(first + BLOCK_ROWS, len(rows))))
        measured.append(accumulator.add(block))
        analyzer.add(block, measured[-1])
    return AnalysedDay(measured, accumulator.statistics(), analyzer.result())


class DayJob:
    """The rows of a day as a job reads them, by the fix's own time or by its arrival, and both sets of numbers."""

    def __init__(self, recording: Recording, day_s: int, *, by_arrival: bool = False) -> None:
        start, end = day_s * _SECOND_US, (day_s + DAY_S) * _SECOND_US
        self._day_s = day_s
        self._before = _context(recording.day(start - _CONTEXT_US, start, by_arrival=by_arrival), start, is_before=True)
        self._after = _context(recording.day(end, end + _CONTEXT_US, by_arrival=by_arrival), end, is_before=False)
        self.rows = recording.day(start, end, by_arrival=by_arrival)
        self._measured, self._statistics, self.document = run_job(
            self.rows,
            (start, end),
            before=self._before,
            after=self._after,
            day_column="created_at" if by_arrival else "timestamp",
        )

    def plain(self) -> Estimate:
        """Return the plain numbers: a state holds from a fix to the next one of the day."""
        if not self._measured:
            return Estimate(np.full(DAY_S, UNKNOWN, np.int8), [], 0.0)
        time_us = np.concatenate([measured.fixes.time_us for measured in self._measured])
        away = np.concatenate([measured.away for measured in self._measured])
        seconds = (time_us / _SECOND_US - self._day_s).tolist()
        states = np.full(DAY_S, UNKNOWN, np.int8)
        for index in range(len(seconds) - 1):
            fill(states, seconds[index], seconds[index + 1], AWAY if away[index] else HOME)
        changes = [0, *(np.flatnonzero(np.diff(away)) + 1).tolist(), len(away)]
        trips = []
        for first, end in itertools.pairwise(changes):
            if away[first]:
                last = min(end, len(away) - 1)
                returned = end < len(away)
                trips.append(Trip(seconds[first], seconds[last], departed=first > 0, returned=returned))
        return Estimate(states, trips, self._statistics.path_length_km)

    def analysis(self) -> Estimate:
        """Return the analysis of the day, with the robust path."""
        devices = self.document["devices"]
        if not devices:
            return Estimate(np.full(DAY_S, UNKNOWN, np.int8), [], 0.0)
        device = devices[0]
        trips = [self._trip(trip, device) for trip in device["trips"]]
        return Estimate(self._states(device, trips), trips, device["path_length_km"]["robust"])

    def _trip(self, trip: Mapping[str, Any], device: Mapping[str, Any]) -> Trip:
        """Return a trip. Where the device did not depart or return it has the end that follows from its length."""
        departed, returned = self._second(trip["departed_at"]), self._second(trip["returned_at"])
        length_s = 60 * trip["minutes"]
        if departed is not None:
            bounds = (departed, departed + length_s)
        else:
            end = self._open_end(device) if returned is None else returned
            bounds = (end - length_s, end)
        return Trip(
            *bounds,
            departed=departed is not None,
            returned=returned is not None,
            departed_after=self._second(trip["departed_after"]),
            returned_after=self._second(trip["returned_after"]),
        )

    def _open_end(self, device: Mapping[str, Any]) -> float:
        """Return the end of a trip without a return: midnight, or the last fix if there is no context."""
        return float(DAY_S) if self._after else self._second(device["last_fix_at"]) or 0.0

    def _states(self, device: Mapping[str, Any], trips: Sequence[Trip]) -> States:
        """Return the states of the day, which the document gives as trips, gaps and sums."""
        states = np.full(DAY_S, HOME, np.int8)
        for trip in trips:
            fill(states, trip.start, trip.end, AWAY)
        for gap in device["gaps"]:
            if gap["counted_as"] == "unknown":
                fill(states, self._second(gap["from"]) or 0, self._second(gap["to"]) or 0, UNKNOWN)
        if not self._before:
            fill(states, 0, self._second(device["first_fix_at"]) or 0, UNKNOWN)
        if not self._after:
            fill(states, self._second(device["last_fix_at"]) or DAY_S, DAY_S, UNKNOWN)
        # What else is unknown is before the first evidence of a state.
        missing = round(60 * device["unknown_minutes"]) - np.count_nonzero(states == UNKNOWN)
        states[np.flatnonzero(states != UNKNOWN)[: max(0, missing)]] = UNKNOWN
        tolerance_s = 2 + len(trips) + len(device["gaps"])
        for state, name in ((HOME, "home_minutes"), (AWAY, "away_minutes"), (UNKNOWN, "unknown_minutes")):
            if abs(np.count_nonzero(states == state) - 60 * device[name]) > tolerance_s:
                raise ValueError(f"the states of the day do not add up to {name}")
        return states

    def _second(self, text: str | None) -> float | None:
        """Return the seconds since midnight of a time of the document."""
        return None if text is None else datetime.fromisoformat(text).timestamp() - self._day_s


def _context(rows: Block, edge_us: int, *, is_before: bool) -> dict[str, ContextFix]:
    """Return the candidate next to the day, of rows whose day column is in the 12 hours on one side of it.

    All rows of the generator have valid positions and accuracies.
    """
    own_us = rows.own_time_us
    start = edge_us - _CONTEXT_US if is_before else edge_us
    inside = np.flatnonzero((own_us >= start) & (own_us < start + _CONTEXT_US))
    if not len(inside):
        return {}
    row = inside[np.argmax(own_us[inside])] if is_before else inside[0]
    values = (own_us[row], rows.latitude[row], rows.longitude[row], rows.accuracy[row])
    return {DEVICE: ContextFix(int(values[0]), float(values[1]), float(values[2]), int(values[3]))}
