"""Sums of the analysis, with one item for each device. They do not depend on the order of additions."""

import numpy as np

from functions.calculate.analysis.device_fixes import AWAY, SettledFixes
from functions.calculate.analysis.intervals import Intervals
from functions.calculate.analysis.screening import HOUR_US
from functions.calculate.analysis.sums import ExactSums
from functions.calculate.fixes.blocks import Flags, Integers

NO_TIME = -1  # no fix; own times in the window are not negative


class Totals:
    """Counts, times and distances of each device."""

    def __init__(self, devices: int) -> None:
        self.usable = np.zeros(devices, np.int64)
        self.first_us = np.full(devices, NO_TIME, np.int64)  # the first and the last usable fix in the window
        self.last_us = np.full(devices, NO_TIME, np.int64)
        self.home_us = np.zeros(devices, np.int64)  # known time in a state, with inferred stays
        self.away_us = np.zeros(devices, np.int64)
        self.inferred_us = np.zeros(devices, np.int64)
        self.weight_us = np.zeros(devices, np.int64)  # length of the intervals in the time-weighted mean
        self.km_hours = ExactSums(devices)  # time-weighted distance from home
        self.raw_km = ExactSums(devices)
        self.across_gaps_km = ExactSums(devices)

    def add(self, settled: SettledFixes, intervals: Intervals) -> None:
        """Add the new fixes, and the intervals that begin at the rows."""
        starts = settled.starts
        slots = settled.fixes.slot[starts].astype(np.int64)
        self._add_fixes(settled, slots)
        away_us = np.add.reduceat(intervals.known_us * (settled.state == AWAY), starts)
        self.away_us[slots] += away_us
        self.home_us[slots] += np.add.reduceat(intervals.known_us, starts) - away_us
        if intervals.is_inferred.any():
            self.inferred_us[slots] += np.add.reduceat(intervals.cut_us * intervals.is_inferred, starts)
        self._add_mean(settled, intervals.known_us, slots)
        self._add_path(settled, intervals.is_gap, slots)

    def clear(self, slot: int) -> None:
        """Forget a device."""
        for item in vars(self).values():
            if isinstance(item, ExactSums):
                item.clear(slot)
            else:
                item[slot] = 0
        self.first_us[slot] = self.last_us[slot] = NO_TIME

    def _add_fixes(self, settled: SettledFixes, slots: Integers) -> None:
        counted = settled.is_new & settled.is_inside
        self.usable[slots] += np.add.reduceat(counted.astype(np.int64), settled.starts)
        times = np.where(counted, settled.fixes.time_us, NO_TIME)
        self.last_us[slots] = np.maximum(self.last_us[slots], np.maximum.reduceat(times, settled.starts))
        for slot, start in zip(slots.tolist(), settled.starts.tolist(), strict=True):
            if self.first_us[slot] == NO_TIME and self.last_us[slot] != NO_TIME:
                self.first_us[slot] = times[start + int(np.argmax(counted[start:]))]

    def _add_mean(self, settled: SettledFixes, known_us: Integers, slots: Integers) -> None:
        """Add the intervals with at least one end in the window; the distance of a context fix does not count."""
        km, next_km = settled.fixes.km, np.append(settled.fixes.km[1:], 0.0)
        if not settled.is_inside.all():
            inside, next_inside = settled.is_inside, np.append(settled.is_inside[1:], False)
            known_us = known_us * (inside | next_inside)
            km, next_km = np.where(inside, km, next_km), np.where(next_inside, next_km, km)
        self.weight_us[slots] += np.add.reduceat(known_us, settled.starts)
        self.km_hours.add((km + next_km) * known_us / (2 * HOUR_US), settled.starts, slots)

    def _add_path(self, settled: SettledFixes, is_gap: Flags, slots: Integers) -> None:
        legs = settled.fixes.leg_km * settled.is_inside
        legs[1:] *= settled.is_inside[:-1]
        legs[settled.starts] = 0
        self.raw_km.add(legs, settled.starts, slots)
        if is_gap.any():
            legs[1:] *= is_gap[:-1]
            self.across_gaps_km.add(legs, settled.starts, slots)
