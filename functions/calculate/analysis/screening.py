"""Rejection of rows: which rows are candidates, and which candidates are jumps."""

from enum import IntEnum, auto

import numpy as np

from functions.calculate.analysis.device_fixes import Fixes, Slots, row_index
from functions.calculate.day.distance import haversine_km
from functions.calculate.fixes.blocks import NULL, Block, Flags, Integers

HOUR_US = 3_600_000_000
_JUMP_EXCESS_KM = 0.2
_JUMP_LEGS_KMH = 1_000
_SLOT_SHIFT = 48  # own times in the window are below 2⁴⁸ µs, 8 years


class Reason(IntEnum):
    """Why a row is not usable, in the order in which the rules apply."""

    MISSING = 0
    OUT_OF_RANGE = auto()
    NULL_ISLAND = auto()
    INVALID_ACCURACY = auto()
    INACCURATE = auto()
    OUTSIDE_WINDOW = auto()
    DUPLICATE = auto()
    OUT_OF_ORDER = auto()
    JUMP = auto()


def coordinate_reasons(block: Block) -> Integers:
    """Return the reasons of the rows whose coordinates are not valid, and -1 for the others."""
    missing = np.isnan(block.latitude) | np.isnan(block.longitude)
    valid = (np.abs(block.latitude) <= 90) & (np.abs(block.longitude) <= 180)
    return np.where(missing, int(Reason.MISSING), np.where(valid, -1, int(Reason.OUT_OF_RANGE)))


def row_reasons(block: Block, max_accuracy_m: float, window_us: tuple[int, int]) -> Integers | None:
    """Return the reasons of rows with valid coordinates that no other row affects, and -1 for the others.

    Returns None if no row is rejected.
    """
    rules = (
        (Reason.OUTSIDE_WINDOW, (block.own_time_us < window_us[0]) | (block.own_time_us >= window_us[1])),
        (Reason.INACCURATE, block.accuracy > max_accuracy_m),
        (Reason.INVALID_ACCURACY, (block.accuracy < 0) & (block.accuracy != NULL)),
        (Reason.NULL_ISLAND, (block.latitude == 0) & (block.longitude == 0)),
    )
    reasons = None
    for reason, rejected in rules:  # a later rule replaces the reason of an earlier one
        if rejected.any():
            reasons = np.full(len(block), -1) if reasons is None else reasons
            reasons[rejected] = reason
    return reasons


def order_reasons(fixes: Fixes) -> Integers | None:
    """Return the reasons of rows that repeat or precede the time of a candidate, and -1 for candidates.

    `fixes` are sorted by device. Returns None if all rows are candidates. The times of candidates increase, so the
    previous candidate has the latest time of all rows before.
    """
    keys = sort_keys(fixes.slot, fixes.time_us)
    if (keys[1:] > keys[:-1]).all():
        return None
    latest = np.maximum.accumulate(keys)[:-1]
    reasons = np.full(len(keys), -1)
    reasons[1:][keys[1:] == latest] = Reason.DUPLICATE
    reasons[1:][keys[1:] < latest] = Reason.OUT_OF_ORDER
    return reasons


def sort_keys(slot: Slots, time_us: Integers) -> Integers:
    """Return integers that order fixes by slot, then by time; the difference within a slot is that of the times."""
    keys: Integers = slot.astype(np.int64) << _SLOT_SHIFT
    keys += time_us
    return keys


def complete_legs(fixes: Fixes) -> None:
    """Set the legs that are not known yet."""
    _set_legs(fixes, np.flatnonzero(np.isnan(fixes.leg_km)))


def take_rows(fixes: Fixes, rows: Integers) -> Fixes:
    """Return the fixes at ascending rows, with the legs from one to the next."""
    if len(rows) == len(fixes):
        return fixes
    index = row_index(rows)
    taken = fixes.take(index)
    if not isinstance(index, slice):
        _set_legs(taken, np.flatnonzero(rows[1:] - rows[:-1] > 1) + 1)
    return taken


def _set_legs(fixes: Fixes, rows: Integers) -> None:
    if rows.size:
        ends, begins = fixes.take(rows), fixes.take(rows - 1)  # the row before the first one is the last one
        fixes.leg_km[rows] = haversine_km(ends.latitude, ends.longitude, begins.latitude, begins.longitude)


def find_jumps(candidates: Fixes, is_inside: Flags, jump_speed_kmh: float) -> Integers:
    """Return the rows of candidates that are jumps; the candidates are sorted by device.

    The excess of a detour over f is at most twice its shorter leg, because d(p,n) is at least the difference of the
    legs. This excludes nearly all rows without the distance d(p,n). The first and the last candidate of each device
    are no jumps, nor are context fixes and their neighbours.
    """
    legs = candidates.leg_km
    middle = np.flatnonzero(np.minimum(legs[1:-1], legs[2:]) * 2 > _JUMP_EXCESS_KM * 0.999) + 1
    if not middle.size:
        return middle
    slot, inside = candidates.slot, is_inside
    middle = middle[(slot[middle - 1] == slot[middle]) & (slot[middle + 1] == slot[middle])]
    middle = middle[inside[middle - 1] & inside[middle] & inside[middle + 1]]
    before, after = candidates.take(middle - 1), candidates.take(middle + 1)
    excess = legs[middle] + legs[middle + 1]
    excess -= haversine_km(before.latitude, before.longitude, after.latitude, after.longitude)
    hours = (after.time_us - before.time_us) / HOUR_US
    first_hours = (candidates.time_us[middle] - before.time_us) / HOUR_US
    fast = (legs[middle] > _JUMP_LEGS_KMH * first_hours) & (legs[middle + 1] > _JUMP_LEGS_KMH * (hours - first_hours))
    jumps: Integers = middle[(excess > _JUMP_EXCESS_KM) & ((excess > jump_speed_kmh * hours) | fast)]
    return jumps
