"""The state of all devices between blocks, and the stages through which new rows pass."""

import numpy as np

from functions.calculate.analysis.device_fixes import (
    UNKNOWN,
    Fixes,
    SettledFixes,
    device_starts,
    group_ends,
    ranges,
    row_index,
)
from functions.calculate.analysis.gaps import GapRecorder
from functions.calculate.analysis.intervals import find_intervals
from functions.calculate.analysis.path import RobustPaths
from functions.calculate.analysis.percentiles import DistanceHistograms
from functions.calculate.analysis.screening import (
    Reason,
    complete_legs,
    find_jumps,
    order_reasons,
    take_rows,
)
from functions.calculate.analysis.shown_devices import SHOWN_DEVICES
from functions.calculate.analysis.states import StateRules, States, determine_states
from functions.calculate.analysis.totals import Totals
from functions.calculate.analysis.trips import TripRecorder
from functions.calculate.fixes.blocks import Flags, Integers
from shared.models import AnalysisParameters


class DeviceStates:
    """Advance the devices by new rows.

    A fix is settled when the fixes that follow it cannot change its state any more. The candidates from the last
    settled fix of each device on are kept and pass through the stages again together with the next rows: a jump depends
    on the next candidate, and a run, or an undisturbed fix, on the next usable ones until it is confirmed, contradicted
    or given up, after at most 65,536 usable fixes.
    """

    def __init__(
        self, rules: StateRules, parameters: AnalysisParameters, window_length_us: int, rejected: Integers
    ) -> None:
        self._rules = rules
        self._jump_speed_kmh = parameters.jump_speed_kmh
        self._gap_us = parameters.gap_seconds * 1e6
        self._window_length_us = window_length_us
        self._rejected = rejected  # rows by slot and reason
        self._open: Fixes | None = None  # the candidates of each device from its last settled fix on
        self._is_resumed = np.zeros(SHOWN_DEVICES, np.bool_)  # the device has a settled fix
        self._state = np.full(SHOWN_DEVICES, UNKNOWN, np.int8)  # its state
        self.totals = Totals(SHOWN_DEVICES)
        self.histograms = DistanceHistograms()
        self.gaps = GapRecorder()
        self.trips = TripRecorder(window_length_us)
        self.paths = RobustPaths(SHOWN_DEVICES)

    @property
    def open_rows(self) -> int:
        """The number of candidates that are kept for the next rows."""
        return 0 if self._open is None else len(self._open)

    def advance(self, parts: list[Fixes], *, is_end: bool) -> None:
        """Add rows in the order of the job, and empty `parts`; with `is_end` there are no more, and all are settled."""
        settled = self._settle_rows(parts, is_end=is_end)
        if settled is not None:
            self._record(settled)
        if is_end:
            self.paths.finish()
            self.trips.finish()

    def clear(self, slots: list[int]) -> None:
        """Forget devices."""
        self._is_resumed[slots] = False
        self._state[slots] = UNKNOWN
        if self._open is not None:
            self._open = self._open.take(~np.isin(self._open.slot, slots))
        for slot in slots:
            for part in (self.totals, self.histograms, self.gaps, self.trips, self.paths):
                part.clear(slot)

    def _settle_rows(self, parts: list[Fixes], *, is_end: bool) -> SettledFixes | None:
        """Return the fixes that new rows settle, if any. Nothing else of the rows stays in memory."""
        if self._open is not None:
            parts.insert(0, self._open)
        fixes = Fixes.merge(parts) if any(map(len, parts)) else None
        parts.clear()
        if fixes is None:
            return None
        complete_legs(fixes)
        return self._settle_candidates(self._drop_repeated(fixes), is_end=is_end)

    def _drop_repeated(self, fixes: Fixes) -> Fixes:
        reasons = order_reasons(fixes)
        if reasons is None:
            return fixes
        rejected = reasons >= 0
        np.add.at(self._rejected, (fixes.slot[rejected], reasons[rejected]), 1)
        return take_rows(fixes, np.flatnonzero(~rejected))

    def _is_inside(self, fixes: Fixes) -> Flags:
        return (fixes.time_us >= 0) & (fixes.time_us < self._window_length_us)

    def _settle_candidates(self, candidates: Fixes, *, is_end: bool) -> SettledFixes | None:
        """Return the candidates that are no jumps and whose states are final."""
        jumps = find_jumps(candidates, self._is_inside(candidates), self._jump_speed_kmh)
        rows = np.delete(np.arange(len(candidates)), jumps)
        fixes = candidates.states_at(rows)
        starts = device_starts(fixes.slot)
        slots = fixes.slot[starts]
        is_resumed = self._is_resumed[slots]
        states = determine_states(fixes, starts, self._state[slots], is_resumed, self._rules, is_end=is_end)
        self._keep_open(candidates, rows[np.maximum(states.ends - 1, starts)], jumps)
        del fixes  # the columns that are taken now need its memory
        return self._settle(candidates, rows, starts, is_resumed, states)

    def _keep_open(self, candidates: Fixes, first_open: Integers, jumps: Integers) -> None:
        """Keep the candidates from the last settled fix of each device on, and count the jumps before."""
        ends = group_ends(device_starts(candidates.slot), len(candidates))
        self._open = candidates.take(ranges(first_open, ends))
        slots = candidates.slot[jumps]
        is_settled = jumps < first_open[np.searchsorted(ends, jumps, side="right")]
        np.add.at(self._rejected[:, Reason.JUMP], slots[is_settled], 1)

    def _settle(
        self, candidates: Fixes, rows: Integers, starts: Integers, is_resumed: Flags, states: States
    ) -> SettledFixes | None:
        """Return the fixes whose states are final, of the candidates at `rows`."""
        has_settled = states.ends > starts
        if not has_settled.any():
            return None
        slots = candidates.slot[rows[starts[has_settled]]]
        self._state[slots] = states.state[states.ends[has_settled] - 1]
        self._is_resumed[slots] = True
        index = row_index(ranges(starts, states.ends))
        fixes = take_rows(candidates, rows[index])
        starts = device_starts(fixes.slot)
        is_new = np.ones(len(fixes), np.bool_)
        is_new[starts[is_resumed[has_settled]]] = False
        return SettledFixes(
            fixes,
            starts,
            state=states.state[index],
            is_contradicting=states.is_contradicting[index],
            is_new=is_new,
            is_inside=self._is_inside(fixes),
        )

    def _record(self, settled: SettledFixes) -> None:
        """Pass settled fixes to the statistics."""
        intervals = find_intervals(settled, self._window_length_us, self._gap_us)
        self.totals.add(settled, intervals)
        self.histograms.add(settled, intervals.known_us)
        self.gaps.add(settled, intervals)
        runs = self.trips.add(settled, intervals)
        del intervals  # the paths take most memory
        self.paths.add(settled, runs)
