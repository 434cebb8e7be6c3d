"""Intervals between consecutive usable fixes: gaps, inferred stays and known time."""

from dataclasses import dataclass

import numpy as np

from functions.calculate.analysis.device_fixes import UNKNOWN, SettledFixes
from functions.calculate.analysis.screening import HOUR_US
from functions.calculate.fixes.blocks import Flags, Integers

_LONGEST_STAY_US = 24 * HOUR_US
_STAY_RADIUS_KM = 0.2


@dataclass(frozen=True)
class Intervals:
    """The intervals that begin at the rows of SettledFixes. The last row of each device has one without length.

    `cut_us` is the part in the window. `known_us` is the same for intervals that count as home or away, otherwise 0.
    """

    cut_us: Integers
    is_gap: Flags
    is_inferred: Flags
    known_us: Integers


def find_intervals(settled: SettledFixes, window_length_us: int, gap_us: float) -> Intervals:
    """Return the intervals of settled fixes."""
    fixes = settled.fixes
    time_us = fixes.time_us
    length_us = _to_next(time_us, settled.starts)
    all_inside = bool(settled.is_inside.all())
    cut_us = length_us if all_inside else _to_next(np.clip(time_us, 0, window_length_us), settled.starts)
    is_gap = length_us > gap_us
    is_inferred = np.zeros(len(fixes), np.bool_)
    gaps = np.flatnonzero(is_gap)
    if not gaps.size:
        return Intervals(cut_us, is_gap, is_inferred, cut_us * (settled.state != UNKNOWN))
    radius_km = np.maximum(_STAY_RADIUS_KM, fixes.accuracy_km[gaps] + fixes.accuracy_km[gaps + 1])
    is_inferred[gaps] = (
        (length_us[gaps] <= _LONGEST_STAY_US)
        & (settled.state[gaps] == settled.state[gaps + 1])
        & (settled.state[gaps] != UNKNOWN)
        & (fixes.leg_km[gaps + 1] <= radius_km)
    )
    is_known = (settled.state != UNKNOWN) & (is_inferred | ~is_gap)
    return Intervals(cut_us, is_gap, is_inferred, cut_us * is_known)


def _to_next(values: Integers, starts: Integers) -> Integers:
    """Return the difference to the value of the device's next row, 0 for its last row."""
    differences = np.zeros_like(values)
    differences[:-1] = values[1:] - values[:-1]
    differences[starts[1:] - 1] = 0
    return differences
