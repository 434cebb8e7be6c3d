"""Trips, and the farthest fixes of trips and days."""

import math
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from functions.calculate.analysis.device_fixes import AWAY, HOME, SettledFixes, group_ends, group_starts
from functions.calculate.analysis.intervals import Intervals
from functions.calculate.analysis.longest import Longest
from functions.calculate.fixes.blocks import Integers

_NOT_COUNTED = -math.inf


@dataclass
class Farthest:
    """The fix that is the farthest from home less its accuracy, the first one on ties."""

    millionths: float = _NOT_COUNTED  # distance less accuracy, in millionths of a kilometre
    km: float | None = None
    time_us: int | None = None


@dataclass
class Trip:
    """A trip. Times are microseconds since the start of the window; all but the path's length may lie outside."""

    first_us: int  # the first fix
    departed_after_us: int | None  # the fix before it, if the state changed from home to away
    last_us: int  # the last fix
    returned_us: int | None = None  # the first fix after it
    unknown_us: int = 0
    path_units: int = 0  # the length of its path, kilometres in units of exact_sum.py
    farthest: Farthest = field(default_factory=Farthest)

    def extent_us(self, window_length_us: int) -> tuple[int, int]:
        """Return start and end, cut to the window."""
        end = self.last_us if self.returned_us is None else self.returned_us
        return max(self.first_us, 0), min(end, window_length_us)


@dataclass
class DeviceTrips:
    """The trips of one device. `current` is the trip of its latest settled fix."""

    farthest: Farthest = field(default_factory=Farthest)
    current: Trip | None = None
    count: int = 0
    longest: Longest[Trip] = field(default_factory=Longest)


@dataclass
class RunTrips:
    """The trips of rows of SettledFixes, in runs of one device and state."""

    begins: list[int]  # the first row of each run
    trips: list[Trip | None]  # the trip of each run
    ended: list[Trip | None]  # the trip that ends at the first row of each run

    def trip_at(self, row: int) -> Trip | None:
        """Return the trip that contains the fix, or from which the fix is the return."""
        run = bisect_right(self.begins, row) - 1
        return self.ended[run] if self.begins[run] == row and self.trips[run] is None else self.trips[run]

    def groups(self, rows: Integers) -> Integers:
        """Return the first one of each group of ascending rows with the same trip."""
        begins = np.array(self.begins)
        run = np.searchsorted(begins, rows, side="right") - 1
        is_begin = rows == begins[run]
        return group_starts((run[1:] != run[:-1]) | (is_begin[1:] != is_begin[:-1]))


class TripRecorder:
    """Record the trips of all devices."""

    def __init__(self, window_length_us: int) -> None:
        self.devices: defaultdict[int, DeviceTrips] = defaultdict(DeviceTrips)  # by slot
        self._window_length_us = window_length_us

    def add(self, settled: SettledFixes, intervals: Intervals) -> RunTrips:
        """Record the trips of the new fixes."""
        slot, state, time_us = settled.fixes.slot, settled.state, settled.fixes.time_us
        begins = group_starts((state[1:] != state[:-1]) | (slot[1:] != slot[:-1]))
        lasts = group_ends(begins, len(settled)) - 1
        unknown_us = np.add.reduceat(intervals.cut_us - intervals.known_us, begins)
        is_change = slot[begins] == slot[begins - 1]
        is_change[0] = False
        runs = RunTrips(begins.tolist(), [None] * len(begins), [None] * len(begins))
        numbers = np.flatnonzero(is_change | (state[begins] == AWAY))  # the other runs have no trip
        begins, is_change = begins[numbers], is_change[numbers]
        columns: list[Any] = [
            numbers,
            slot[begins],
            state[begins],
            is_change,
            is_change | settled.is_new[begins],
            np.where(is_change, state[begins - 1], 0),
            time_us[begins - 1],
            time_us[begins],
            time_us[lasts[numbers]],
            unknown_us[numbers],
        ]
        for run in zip(*(column.tolist() for column in columns), strict=True):
            number, device_slot, run_state, changes, is_new, before, before_us, first_us, last_us, unknown = run
            device = self.devices[device_slot]
            if changes and device.current is not None:
                runs.ended[number] = device.current
                self._end(device, first_us)
            if is_new and run_state == AWAY:
                device.current = Trip(first_us, before_us if before == HOME else None, last_us)
            if device.current is not None:
                device.current.last_us = last_us
                device.current.unknown_us += unknown
            runs.trips[number] = device.current
        self._update_farthest(settled, runs)
        return runs

    def finish(self) -> None:
        """End the trips that have no fix after them."""
        for device in self.devices.values():
            if device.current is not None:
                self._end(device, None)

    def clear(self, slot: int) -> None:
        """Forget a device."""
        self.devices.pop(slot, None)

    def _end(self, device: DeviceTrips, returned_us: int | None) -> None:
        trip, device.current = device.current, None
        if trip is None:
            return
        trip.returned_us = returned_us
        start, end = trip.extent_us(self._window_length_us)
        if end > start:
            device.count += 1
            device.longest.add(start, end - start, trip)

    def _update_farthest(self, settled: SettledFixes, runs: RunTrips) -> None:
        fixes = settled.fixes
        millionths = np.rint((fixes.km - fixes.accuracy_km) * 1e6)
        millionths[~settled.is_measured] = _NOT_COUNTED
        maxima = np.maximum.reduceat(millionths, runs.begins).tolist()
        slots = fixes.slot[runs.begins].tolist()
        ends = [*runs.begins[1:], len(settled)]
        for slot, maximum, begin, end, trip in zip(slots, maxima, runs.begins, ends, runs.trips, strict=True):
            device = self.devices[slot]
            for farthest in (device.farthest, trip.farthest) if trip else (device.farthest,):
                if farthest.millionths < maximum:
                    row = begin + int(np.argmax(millionths[begin:end]))
                    farthest.millionths = maximum
                    farthest.km, farthest.time_us = float(fixes.km[row]), int(fixes.time_us[row])
