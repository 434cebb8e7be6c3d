"""Gaps of each device."""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from functions.calculate.analysis.device_fixes import UNKNOWN, SettledFixes
from functions.calculate.analysis.intervals import Intervals
from functions.calculate.analysis.longest import Longest


@dataclass
class DeviceGaps:
    """The gaps of one device; the item of the longest ones is the state as which they count."""

    count: int = 0
    longest: Longest[int] = field(default_factory=Longest)


class GapRecorder:
    """Record the gaps of all devices."""

    def __init__(self) -> None:
        self.devices: defaultdict[int, DeviceGaps] = defaultdict(DeviceGaps)  # by slot

    def add(self, settled: SettledFixes, intervals: Intervals) -> None:
        """Record the intervals that are gaps with a part in the window."""
        rows = np.flatnonzero(intervals.is_gap & (intervals.cut_us > 0))
        if not rows.size:
            return
        columns = (
            settled.fixes.slot[rows],
            np.maximum(settled.fixes.time_us[rows], 0),
            intervals.cut_us[rows],
            np.where(intervals.is_inferred[rows], settled.state[rows], UNKNOWN),
        )
        for slot, start_us, length_us, state in zip(*(column.tolist() for column in columns), strict=True):
            gaps = self.devices[slot]
            gaps.count += 1
            gaps.longest.add(start_us, length_us, state)

    def clear(self, slot: int) -> None:
        """Forget a device."""
        self.devices.pop(slot, None)
