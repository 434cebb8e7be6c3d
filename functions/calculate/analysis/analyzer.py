"""The analysis of a day: when each device was at home and away, its trips, and its distances.

docs/concepts/day-analysis.md has the definitions and their limits.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from functions.calculate.analysis.device_fixes import Fixes
from functions.calculate.analysis.device_states import DeviceStates
from functions.calculate.analysis.report import Report
from functions.calculate.analysis.screening import Reason, coordinate_reasons, row_reasons
from functions.calculate.analysis.shown_devices import SHOWN_DEVICES, ShownDevices
from functions.calculate.analysis.states import RUN_LIMIT, StateRules
from functions.calculate.day.distance import haversine_km
from functions.calculate.fixes.blocks import (
    BLOCK_ROWS,
    Block,
    ContextFix,
    Floats,
    Integers,
    MeasuredBlock,
)
from shared.models import AnalysisParameters, Home

_ENOUGH_ROWS = 3 * BLOCK_ROWS  # more rows take more memory, and are hardly faster
_ENOUGH_ROWS_OF_A_DEVICE = 320  # fewer cost less than what is done once for each device

# glibc returns free memory beyond twice the size of the largest array that was freed, and a page that it gets again
# costs more than the arithmetic on it. This array is never used, so it takes no memory, but makes the limit 6 MiB.
np.empty(3 << 20, np.uint8)


class DayAnalyzer:
    """Analyse the fixes of one job, block by block.

    Rows wait until there are enough for the cost of each array operation to be small, and at least as many as fixes
    whose states are open, so that small blocks and open runs cost little. Only the devices that the document shows are
    analysed.
    """

    run_limit = RUN_LIMIT

    def __init__(
        self,
        *,
        home: Home,
        away_threshold_km: float,
        parameters: AnalysisParameters,
        window_us: tuple[int, int],
        day_column: str,
        before: Mapping[str, ContextFix],
        after: Mapping[str, ContextFix],
    ) -> None:
        self._home = home
        self._window_us = window_us
        self._before, self._after = before, after
        self._max_accuracy_m = parameters.max_accuracy_m
        rules = StateRules(
            away_threshold_km=away_threshold_km,
            home_radius_km=min(parameters.home_radius_km, away_threshold_km),
            dwell_us=round(parameters.dwell_seconds * 1e6),
            dwell_fixes=parameters.dwell_fixes,
            run_limit=self.run_limit,
        )
        self._report = Report(parameters, rules, window_us, day_column)
        self._shown = ShownDevices()
        self._read = np.zeros(SHOWN_DEVICES, np.int64)
        self._rejected = np.zeros((SHOWN_DEVICES, len(Reason)), np.int64)
        self._states = DeviceStates(rules, parameters, window_us[1] - window_us[0], self._rejected)
        self._waiting: list[Fixes] = []
        self._waiting_rows = 0

    def add(self, block: Block, measured: MeasuredBlock) -> None:
        """Analyse a block; `measured` has its fixes with valid coordinates and their distances from home."""
        if not len(block):
            return
        self._add_devices(block)
        if len(measured.fixes) < len(block):
            self._reject(self._shown.slot_of(block.device), coordinate_reasons(block))
        fixes, km, leg_km = measured.fixes, measured.km, measured.leg_km
        slot = self._shown.slot_of(fixes.device)
        reasons = row_reasons(fixes, self._max_accuracy_m, self._window_us)
        is_candidate = slot >= 0
        if reasons is not None:
            self._reject(slot, reasons)
            is_candidate &= reasons < 0
            order = np.argsort(slot.astype(np.uint8), kind="stable")
            leg_km = leg_km.copy()
            leg_km[order[1:][reasons[order[:-1]] >= 0]] = np.nan  # the row before is no candidate
        candidates = self._convert(fixes, km, leg_km, slot)
        self._wait(candidates if is_candidate.all() else candidates.take(is_candidate))
        enough = max(_ENOUGH_ROWS, _ENOUGH_ROWS_OF_A_DEVICE * len(self._shown.slots), self._states.open_rows)
        if self._waiting_rows >= enough:
            self._advance()

    def result(self) -> dict[str, Any]:
        """Return the document of the analysis, with only JSON types."""
        after = {self._shown.slots[name]: fix for name, fix in self._after.items() if name in self._shown.slots}
        self._add_context(after)
        self._advance(is_end=True)
        return self._report.document(self._shown, self._read, self._rejected, self._states)

    def _add_devices(self, block: Block) -> None:
        """Count the rows of each device, and prepare the state of new devices."""
        rows = np.bincount(block.device)
        present = np.flatnonzero(rows)
        changes = self._shown.add(present, block.devices)
        if changes.cleared:
            self._clear(changes.cleared)
        if changes.assigned and self._before:
            names = {slot: name for name, slot in self._shown.slots.items()}
            new = {slot: self._before[names[slot]] for slot in changes.assigned if names[slot] in self._before}
            self._add_context(new)
        slots = self._shown.slot_of(present)
        is_shown = slots >= 0
        self._read[slots[is_shown]] += rows[present[is_shown]]

    def _clear(self, slots: list[int]) -> None:
        """Forget the devices of slots."""
        self._read[slots] = 0
        self._rejected[slots] = 0
        self._waiting = [part.take(~np.isin(part.slot, slots)) for part in self._waiting]
        self._waiting_rows = sum(map(len, self._waiting))
        self._states.clear(slots)

    def _add_context(self, fixes: Mapping[int, ContextFix]) -> None:
        """Add context fixes by slot, as if they were rows."""
        if not fixes:
            return
        latitude = np.array([fix.latitude for fix in fixes.values()], np.float64)
        longitude = np.array([fix.longitude for fix in fixes.values()], np.float64)
        time_us = np.array([fix.own_time_us for fix in fixes.values()], np.int64)
        accuracy = np.array([fix.accuracy for fix in fixes.values()], np.int64)
        km = haversine_km(latitude, longitude, self._home.latitude, self._home.longitude)
        slot = np.array(list(fixes), np.uint8)
        time_us -= self._window_us[0]
        leg_km = np.full(len(fixes), np.nan)
        self._wait(Fixes(slot, time_us, km, _accuracy_km(accuracy), latitude, longitude, leg_km))

    def _convert(self, fixes: Block, km: Floats, leg_km: Floats, slot: Integers) -> Fixes:
        time_us = fixes.own_time_us - self._window_us[0]
        slots = slot.astype(np.uint8)
        return Fixes(slots, time_us, km, _accuracy_km(fixes.accuracy), fixes.latitude, fixes.longitude, leg_km)

    def _reject(self, slot: Integers, reasons: Integers) -> None:
        """Count rejected rows; a reason of -1 is none."""
        rejected = (reasons >= 0) & (slot >= 0)
        np.add.at(self._rejected, (slot[rejected], reasons[rejected]), 1)

    def _wait(self, fixes: Fixes) -> None:
        if len(fixes):
            self._waiting.append(fixes)
            self._waiting_rows += len(fixes)

    def _advance(self, *, is_end: bool = False) -> None:
        self._waiting_rows = 0
        self._states.advance(self._waiting, is_end=is_end)


def _accuracy_km(accuracy: Integers) -> Floats:
    """Return the accuracy in kilometres, 0 if it is unknown; NULL is the only negative one of a candidate."""
    return np.maximum(accuracy, 0) / 1000
