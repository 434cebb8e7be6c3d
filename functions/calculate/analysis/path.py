"""The robust path: movements beyond the accuracy of the fixes, measured from anchor to anchor."""

from dataclasses import dataclass

import numpy as np

from functions.calculate.analysis.device_fixes import SettledFixes, Slots, device_starts, spread
from functions.calculate.analysis.path_rows import (
    MARGIN_KM,
    RADIAN,
    SMALLEST_LIMIT_KM,
    PathFixes,
    PathRows,
    Places,
    can_return,
    longest_km,
)
from functions.calculate.analysis.path_search import Change, find_change
from functions.calculate.analysis.path_table import steps_to_anchors
from functions.calculate.analysis.sums import group_sums
from functions.calculate.analysis.trips import RunTrips, Trip
from functions.calculate.day.exact_sum import in_units, split, value
from functions.calculate.fixes.blocks import Flags, Integers


@dataclass(frozen=True)
class _Legs:
    """The rows of fixes that are anchors: pairs with a leg between them, and the last one of each device."""

    begins: Integers
    ends: Integers
    last: Integers
    departures: Integers  # the last fixes of devices that are beyond the limit of the last anchor


class RobustPaths:
    """The robust paths of all devices.

    Between blocks each device has its anchor. If its last fix is beyond the limit, the next one decides whether the
    anchor moves there, and that fix is kept as departure.
    """

    def __init__(self, devices: int) -> None:
        self._units = [0] * devices  # the length of each path, kilometres in units of exact_sum.py
        self._anchors = Places(*np.full((3, devices), np.nan))
        self._departures = Places(*np.full((3, devices), np.nan))
        self._departure_us = np.zeros(devices, np.int64)
        self._departure_state = np.zeros(devices, np.int8)
        self._departure_trip: list[Trip | None] = [None] * devices

    def add(self, settled: SettledFixes, runs: RunTrips) -> None:
        """Follow the new fixes in the window that do not contradict their state."""
        number = self._rows_to_follow(settled)
        if not number.size:
            return
        fixes = PathFixes.of(settled, number)
        starts = device_starts(fixes.slot)
        starts = starts[_exist(self._anchors)[fixes.slot[starts]]]
        self._decide_departures(fixes, starts)
        fixes.put(starts, self._anchors.take(fixes.slot[starts]))
        legs = _follow(PathRows(fixes))
        if legs.ends.size:
            self._add_legs(fixes, legs.begins, legs.ends, runs)
        self._anchors.put(fixes.slot[legs.last], fixes.places.take(legs.last))
        if legs.departures.size:
            self._keep_departures(fixes, legs.departures, runs)

    def finish(self) -> None:
        """Accept the departures that no fix follows."""
        self._move(np.flatnonzero(_exist(self._departures)))

    def km(self, slot: int) -> float:
        return value(self._units[slot])

    def clear(self, slot: int) -> None:
        """Forget a device."""
        self._units[slot] = 0
        self._anchors.latitude[slot] = self._departures.latitude[slot] = np.nan

    def _rows_to_follow(self, settled: SettledFixes) -> Integers:
        """Return the rows of devices that can move: of the new fixes, and the row before, if there is an anchor."""
        slots = settled.fixes.slot[settled.starts]
        is_followed = settled.is_measured.copy()
        is_followed[settled.starts] |= _exist(self._anchors)[slots]
        rests = self._rests(settled, slots)
        if rests.any():
            is_followed &= spread(~rests, settled.starts, len(settled))
        return np.flatnonzero(is_followed)

    def _rests(self, settled: SettledFixes, slots: Slots) -> Flags:
        """Return which devices certainly stay within the limit of their anchor, without a fix that replaces it.

        Most devices rest most of the time. All fixes lie in a box of degrees around the anchor.
        """
        fixes, anchors = settled.fixes, self._anchors.take(slots)
        north, east = (
            np.maximum(
                np.maximum.reduceat(column, settled.starts) - of, of - np.minimum.reduceat(column, settled.starts)
            )
            for column, of in ((fixes.latitude, anchors.latitude), (fixes.longitude, anchors.longitude))
        )
        accuracy_km = np.minimum.reduceat(fixes.accuracy_km, settled.starts)
        limit_km = np.maximum(SMALLEST_LIMIT_KM, accuracy_km + anchors.accuracy_km) - MARGIN_KM
        rests: Flags = longest_km(north, east, np.cos(anchors.latitude * RADIAN)) <= limit_km
        rests &= (accuracy_km >= anchors.accuracy_km) | (anchors.accuracy_km <= SMALLEST_LIMIT_KM)
        return rests & ~_exist(self._departures)[slots]  # a device without anchor, which is NaN, does not rest

    def _decide_departures(self, fixes: PathFixes, starts: Integers) -> None:
        """Accept the departures of devices whose next fix, after the row in `starts`, is no return."""
        rows = starts[_exist(self._departures)[fixes.slot[starts]]]
        rows = rows[(rows + 1 < len(fixes)) & (fixes.slot[np.minimum(rows + 1, len(fixes) - 1)] == fixes.slot[rows])]
        if not rows.size:
            return
        slots, after = fixes.slot[rows], rows + 1
        anchors, places = self._anchors.take(slots), fixes.places.take(after)
        departure = self._departure_us[slots], self._departure_state[slots]
        returns = can_return(*departure, fixes.time_us[after], fixes.state[after])
        returns &= anchors.distances_km(places) <= anchors.limits_km(places)
        self._move(slots[~returns])
        self._departures.latitude[slots] = np.nan

    def _move(self, slots: Integers) -> None:
        """Move the anchors of devices to their departures."""
        anchors, departures = self._anchors.take(slots), self._departures.take(slots)
        coarse, fine = split(anchors.distances_km(departures))
        for slot, *units in zip(slots.tolist(), coarse.tolist(), fine.tolist(), strict=True):
            self._add(slot, self._departure_trip[slot], in_units(*units))
        self._anchors.put(slots, departures)

    def _keep_departures(self, fixes: PathFixes, rows: Integers, runs: RunTrips) -> None:
        slots = fixes.slot[rows]
        self._departures.put(slots, fixes.places.take(rows))
        self._departure_us[slots] = fixes.time_us[rows]
        self._departure_state[slots] = fixes.state[rows]
        for slot, number in zip(slots.tolist(), fixes.number[rows].tolist(), strict=True):
            self._departure_trip[slot] = runs.trip_at(number)

    def _add_legs(self, fixes: PathFixes, begins: Integers, ends: Integers, runs: RunTrips) -> None:
        """Add legs between rows to the path of the device and of the trip that contains the fix where they end."""
        km = fixes.places.take(ends).distances_km(fixes.places.take(begins))
        groups = runs.groups(fixes.number[ends])
        firsts = ends[groups]
        columns = fixes.slot[firsts], fixes.number[firsts], *group_sums(km, groups)
        for slot, number, coarse, fine in zip(*(column.tolist() for column in columns), strict=True):
            self._add(slot, runs.trip_at(number), in_units(coarse, fine))

    def _add(self, slot: int, trip: Trip | None, units: int) -> None:
        """Add to the path of a device and of a trip."""
        self._units[slot] += units
        if trip is not None:
            trip.path_units += units


def _exist(places: Places) -> Flags:
    return ~np.isnan(places.latitude)


def _follow(rows: PathRows) -> _Legs:
    """Follow the anchors of each device."""
    table, slot = steps_to_anchors(rows), rows.fixes.slot
    steps, is_anchor = np.abs(table).tobytes(), bytearray(len(rows))
    starts = device_starts(slot)
    last, departures = [], []
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(rows)], strict=True):
        anchor = start
        while True:
            is_anchor[anchor] = True
            while step := steps[anchor]:
                anchor += step
                is_anchor[anchor] = True
            change, row = find_change(rows, anchor, end)
            if change is Change.REPLACED:
                table[anchor] = -1
            elif change is not Change.MOVED:
                break
            anchor = row
        last.append(anchor)
        if change is Change.OPEN:
            departures.append(row)
    anchors = np.flatnonzero(np.frombuffer(is_anchor, np.bool_))
    begins, ends = anchors[:-1], anchors[1:]
    is_leg = (slot[begins] == slot[ends]) & (table[begins] >= 0)
    return _Legs(begins[is_leg], ends[is_leg], np.array(last), np.array(departures, np.int64))
