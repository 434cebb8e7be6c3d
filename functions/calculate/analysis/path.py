"""The robust path: movements beyond the accuracy of the fixes, measured from anchor to anchor."""

from dataclasses import dataclass

import numpy as np

from functions.calculate.analysis import sums
from functions.calculate.analysis.device_fixes import SettledFixes, Slots, device_starts, spread
from functions.calculate.analysis.path_rows import (
    AnchorColumns,
    PathFixes,
    PathRows,
    may_change,
)
from functions.calculate.analysis.path_search import Change, find_change
from functions.calculate.analysis.path_table import steps_to_anchors
from functions.calculate.analysis.trips import RunTrips, Trip
from functions.calculate.day.distance import haversine_km
from functions.calculate.fixes.blocks import Flags, Integers


@dataclass(frozen=True)
class _Legs:
    """Legs between rows, and the rows that the next block needs."""

    begins: Integers
    ends: Integers
    kept: Integers  # anchors, each followed by the departure that is open, if any


class RobustPaths:
    """The robust paths of all devices.

    Between blocks each device has its anchor. If its last fix is beyond the limit, the next one decides whether the
    anchor moves there, and that fix, the departure, is kept after the anchor.
    """

    def __init__(self, devices: int) -> None:
        self._units = [0] * devices  # the length of each path, kilometres in units of sums.py
        self._kept: PathFixes | None = None
        self._anchors = np.full((devices, len(AnchorColumns._fields)), np.nan)  # as AnchorColumns
        self._has_departure = np.zeros(devices, np.bool_)
        self._departure_trip: list[Trip | None] = [None] * devices

    def add(self, settled: SettledFixes, runs: RunTrips) -> None:
        """Follow the new fixes in the window that do not contradict their state.

        Most devices rest most of the time: a bound for all fixes selects the devices with a fix that may be beyond the
        limit of the anchor or replace it.
        """
        number = np.flatnonzero(settled.is_new & settled.is_inside & ~settled.is_contradicting)
        if not number.size:
            return
        fixes = PathFixes.of(settled, number)
        begins = device_starts(fixes.slot)
        slots = fixes.slot[begins]
        can_change = self._may_change(fixes, begins)
        is_active = np.logical_or.reduceat(can_change, begins) | self._has_departure[slots]
        if not is_active.all():
            if not is_active.any():
                return
            is_selected = spread(is_active, begins, len(fixes))
            fixes, can_change, slots = fixes.take(is_selected), can_change[is_selected], slots[is_active]
        rows, can_change = self._rows(fixes, can_change, slots)
        legs = _follow(rows, can_change)
        if legs.ends.size:
            self._add_legs(rows.fixes, legs.begins, legs.ends, runs)
        self._keep(rows.fixes.take(legs.kept), slots, runs)

    def finish(self) -> None:
        """Accept the departures that no fix follows."""
        if self._kept is not None:
            departures = np.flatnonzero(self._kept.slot[1:] == self._kept.slot[:-1])
            if departures.size:
                self._add_legs(self._kept, departures, departures + 1, RunTrips([]))

    def km(self, slot: int) -> float:
        return sums.value(self._units[slot])

    def clear(self, slot: int) -> None:
        """Forget a device."""
        self._units[slot] = 0
        self._anchors[slot] = np.nan
        self._has_departure[slot] = False
        if self._kept is not None:
            self._kept = self._kept.take(self._kept.slot != slot)

    def _may_change(self, fixes: PathFixes, begins: Integers) -> Flags:
        """Return the fixes that may change the anchor: all if there is none."""
        anchors = AnchorColumns(*(spread(column, begins, len(fixes)) for column in self._anchors[fixes.slot[begins]].T))
        return may_change(fixes.latitude, fixes.longitude, fixes.accuracy_km, anchors)

    def _rows(self, fixes: PathFixes, can_change: Flags, slots: Slots) -> tuple[PathRows, Flags]:
        """Return the fixes of devices with what is kept of them before, in the same order."""
        if self._kept is None:
            return PathRows(fixes), can_change
        is_active = np.zeros(len(self._units), np.bool_)
        is_active[slots] = True
        is_active = is_active[self._kept.slot]
        kept, self._kept = self._kept.take(is_active), self._kept.take(~is_active)
        fixes = PathFixes.concatenate([kept, fixes])
        can_change = np.append(np.ones(len(kept), np.bool_), can_change)
        if len(slots) > 1:
            order = np.argsort(fixes.slot, kind="stable")
            fixes, can_change = fixes.take(order), can_change[order]
        return PathRows(fixes), can_change

    def _keep(self, kept: PathFixes, slots: Slots, runs: RunTrips) -> None:
        anchors = device_starts(kept.slot)
        columns = AnchorColumns.of(kept.latitude[anchors], kept.longitude[anchors], kept.accuracy_km[anchors])
        self._anchors[slots] = np.stack(columns, axis=1)
        self._has_departure[slots] = False
        for row in np.flatnonzero(kept.slot[1:] == kept.slot[:-1]).tolist():
            slot = int(kept.slot[row])
            self._has_departure[slot] = True
            self._departure_trip[slot] = runs.trip_at(int(kept.number[row + 1]))
        kept.number[:] = -1
        self._kept = kept if self._kept is None else PathFixes.concatenate([self._kept, kept])

    def _add_legs(self, fixes: PathFixes, begins: Integers, ends: Integers, runs: RunTrips) -> None:
        """Add legs between rows to the path of the device and of the trip that contains the fix where they end."""
        latitude, longitude = fixes.latitude, fixes.longitude
        km = haversine_km(latitude[ends], longitude[ends], latitude[begins], longitude[begins])
        groups = runs.groups(fixes.number[ends], fixes.slot[ends])
        firsts = ends[groups]
        columns = fixes.slot[firsts], fixes.number[firsts], *sums.group_sums(km, groups)
        for slot, number, coarse, fine in zip(*(column.tolist() for column in columns), strict=True):
            units = sums.in_units(coarse, fine)
            self._units[slot] += units
            trip = self._departure_trip[slot] if number < 0 else runs.trip_at(number)
            if trip is not None:
                trip.path_units += units


def _follow(rows: PathRows, can_change: Flags) -> _Legs:
    """Follow the anchors of each device. No row before the first one with `can_change` changes its first anchor."""
    table, slot = steps_to_anchors(rows), rows.fixes.slot
    steps, is_anchor = np.abs(table).tobytes(), bytearray(len(rows))
    starts = device_starts(slot)
    kept = []
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(rows)], strict=True):
        anchor = start
        while True:
            is_anchor[anchor] = True
            while step := steps[anchor]:
                anchor += step
                is_anchor[anchor] = True
            row = anchor + 1
            if anchor == start and row < end:
                row += int(np.argmax(can_change[row:end]))
            change, row = find_change(rows, anchor, row, end)
            if change is Change.REPLACED:
                table[anchor] = -1
            elif change is not Change.MOVED:
                break
            anchor = row
        kept += [anchor, row] if change is Change.OPEN else [anchor]
    anchors = np.flatnonzero(np.frombuffer(is_anchor, np.bool_))
    begins, ends = anchors[:-1], anchors[1:]
    is_leg = (slot[begins] == slot[ends]) & (table[begins] >= 0)
    return _Legs(begins[is_leg], ends[is_leg], np.array(kept))
