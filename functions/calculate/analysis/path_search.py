"""The search for the fix that is the next anchor."""

import math
from bisect import bisect_right
from enum import Enum, auto

import numpy as np

from functions.calculate.analysis.path_rows import (
    MARGIN_KM,
    RADIAN,
    SMALLEST_LIMIT_KM,
    PathRows,
    longest_km,
)
from functions.calculate.day.distance import EARTH_RADIUS_KM

_SINGLE_TESTS = 64  # of fixes, before whole chunks are tested
_MOST_SKIPPED = 64  # rows
_NEAR = 0.9  # part of the limit, within which skipping pays
_CHUNK = 256
_DEGREES = (1 - 1e-5) / (RADIAN * EARTH_RADIUS_KM)  # of a kilometre, less by more than the rounding errors


class Change(Enum):
    """What follows an anchor."""

    MOVED = auto()  # to a fix beyond the limit
    REPLACED = auto()  # by a more accurate fix of the same place
    OPEN = auto()  # the last fix is beyond the limit, and the next one decides whether the anchor moves there
    NONE = auto()


def find_change(rows: PathRows, anchor: int, end: int) -> tuple[Change, int]:
    """Return what follows the anchor, and its row, of the rows of its device, which end at `end`.

    A fix within its limit differs in latitude by at most that. So with the cosine below, the straight line to it in
    degrees is no shorter than its distance, as in path_rows.longest_km. The fixes after it are skipped as long as the
    distances between them add up to no more than what is left of the smallest limit, unless one of them can replace the
    anchor.
    """
    latitudes, longitudes, accuracies, cumulative = rows.latitude, rows.longitude, rows.accuracy_km, rows.cumulative_km
    latitude, longitude, accuracy = latitudes[anchor], longitudes[anchor], accuracies[anchor]
    smallest_limit_km = max(SMALLEST_LIMIT_KM, accuracy)
    largest_limit_km = max(SMALLEST_LIMIT_KM, accuracy + rows.largest_accuracy_km)
    cosine = math.cos(latitude * RADIAN) + largest_limit_km / EARTH_RADIUS_KM
    smallest_square = (smallest_limit_km * _DEGREES) ** 2
    replaced_below_km = rows.replaced_below_km[anchor]
    near_square = 0.0 if replaced_below_km else smallest_square * _NEAR**2
    skipped_km = smallest_limit_km - MARGIN_KM
    row = anchor + 1
    if near_square:
        row = bisect_right(cumulative, cumulative[anchor] + skipped_km, row, min(row + _MOST_SKIPPED, end))
    for _ in range(_SINGLE_TESTS):
        if row >= end:
            return Change.NONE, end
        north, east = latitudes[row] - latitude, (longitudes[row] - longitude) * cosine
        square = north * north + east * east
        if square < near_square:
            left_km = skipped_km - math.sqrt(square) / _DEGREES
            row = bisect_right(cumulative, cumulative[row] + left_km, row + 1, min(row + _MOST_SKIPPED, end))
            continue
        fix_accuracy = accuracies[row]
        is_far = square > smallest_square and square > ((accuracy + fix_accuracy) * _DEGREES) ** 2
        if is_far or fix_accuracy < replaced_below_km:
            change = _change_at(rows, anchor, row, end)
            if change is not Change.NONE:
                return change, row
        row += 1
    return _find_in_chunks(rows, anchor, row, end)


def _find_in_chunks(rows: PathRows, anchor: int, row: int, end: int) -> tuple[Change, int]:
    """Return the same as find_change, by array arithmetic."""
    size, fixes = _CHUNK, rows.fixes
    latitude, longitude, accuracy_km = rows.latitude[anchor], rows.longitude[anchor], rows.accuracy_km[anchor]
    cosine = math.cos(latitude * RADIAN)
    while row < end:
        chunk = slice(row, min(row + size, end))
        north, east = np.abs(fixes.latitude[chunk] - latitude), np.abs(fixes.longitude[chunk] - longitude)
        limits_km = np.maximum(SMALLEST_LIMIT_KM, fixes.accuracy_km[chunk] + accuracy_km)
        can_change = longest_km(north, east, cosine) > limits_km - MARGIN_KM
        can_change |= fixes.accuracy_km[chunk] < rows.replaced_below_km[anchor]
        for offset in np.flatnonzero(can_change).tolist():
            change = _change_at(rows, anchor, row + offset, end)
            if change is not Change.NONE:
                return change, row + offset
        row, size = chunk.stop, size * 2
    return Change.NONE, end


def _change_at(rows: PathRows, anchor: int, row: int, end: int) -> Change:
    """Return what the fix at a row changes."""
    if rows.is_beyond(anchor, row):
        if row + 1 == end:
            return Change.OPEN
        if not rows.can_return[row] or rows.is_beyond(anchor, row + 1):
            return Change.MOVED
    elif rows.accuracy_km[row] < rows.replaced_below_km[anchor]:
        return Change.REPLACED
    return Change.NONE
