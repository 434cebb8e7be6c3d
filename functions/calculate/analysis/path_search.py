"""The search for the fix that is the next anchor."""

import math
from bisect import bisect_right
from enum import Enum, auto

import numpy as np

from functions.calculate.analysis.path_rows import (
    MARGIN_KM,
    RADIAN,
    SMALLEST_LIMIT_KM,
    AnchorColumns,
    PathRows,
    may_be_beyond,
)
from functions.calculate.day.distance import EARTH_RADIUS_KM

_STEP = 64  # rows that one search by the travelled distance may skip
_SINGLE_STEPS = 32  # tests of single fixes before whole chunks are tested
_CHUNK = 256


class Change(Enum):
    """What follows an anchor."""

    MOVED = auto()  # to a fix beyond the limit
    REPLACED = auto()  # by a more accurate fix of the same place
    OPEN = auto()  # the last fix is beyond the limit, and the next one decides whether the anchor moves there
    NONE = auto()


def find_change(rows: PathRows, anchor: int, row: int, end: int) -> tuple[Change, int]:
    """Return what follows the anchor, and its row, of the rows of its device from `row` to `end`."""
    while True:
        row, is_beyond = _next_candidate(rows, anchor, row, end)
        if row >= end:
            return Change.NONE, row
        if not is_beyond:
            return Change.REPLACED, row
        if row + 1 == end:
            return Change.OPEN, row
        if not rows.can_return[row] or rows.is_beyond(anchor, row + 1):
            return Change.MOVED, row
        row += 1


def _next_candidate(rows: PathRows, anchor: int, row: int, end: int) -> tuple[int, bool]:
    """Return the first row from `row` that is beyond the limit or replaces the anchor, and whether it is beyond.

    Without such a row it is `end`.
    """
    smallest_limit, stop = SMALLEST_LIMIT_KM, end
    accuracy = rows.accuracy_km[anchor]
    if accuracy > SMALLEST_LIMIT_KM and row < end:
        smallest_limit = accuracy
        is_more_accurate = rows.fixes.accuracy_km[row:end] < accuracy
        first = int(is_more_accurate.argmax())
        if is_more_accurate[first]:
            stop = row + first
    row = _next_beyond(rows, anchor, smallest_limit, row, stop)
    return row, row < stop or (stop < end and rows.is_beyond(anchor, row))


def _next_beyond(rows: PathRows, anchor: int, smallest_limit: float, row: int, end: int) -> int:
    """Skip the fixes that cannot be beyond the limit by the distance travelled, then test single ones."""
    latitudes, longitudes, accuracies, travelled = rows.latitude, rows.longitude, rows.accuracy_km, rows.travelled_km
    latitude, longitude, accuracy = latitudes[anchor], longitudes[anchor], accuracies[anchor]
    cosine = math.cos(latitude * RADIAN)
    row = bisect_right(travelled, travelled[anchor] + smallest_limit - MARGIN_KM, row, max(row, min(end, row + _STEP)))
    for _ in range(_SINGLE_STEPS):
        if row >= end:
            return end
        north = abs(latitudes[row] - latitude) * RADIAN
        east = (longitudes[row] - longitude) * RADIAN * (cosine + north)
        longest_km = math.sqrt(north * north + east * east) * EARTH_RADIUS_KM + MARGIN_KM  # as path_rows.longest_km
        rest = smallest_limit - longest_km
        if rest > 0:
            row = bisect_right(travelled, travelled[row] + rest, row + 1, max(row + 1, min(end, row + _STEP)))
        elif longest_km > accuracy + accuracies[row] and rows.is_beyond(anchor, row):
            return row
        else:
            row += 1
    return _next_beyond_in_chunks(rows, anchor, row, end)


def _next_beyond_in_chunks(rows: PathRows, anchor: int, row: int, end: int) -> int:
    size = _CHUNK
    columns = AnchorColumns.of(rows.latitude[anchor], rows.longitude[anchor], rows.accuracy_km[anchor])
    fixes = rows.fixes
    while row < end:
        chunk = slice(row, min(row + size, end))
        possible = may_be_beyond(fixes.latitude[chunk], fixes.longitude[chunk], fixes.accuracy_km[chunk], columns)
        for offset in np.flatnonzero(possible).tolist():
            if rows.is_beyond(anchor, row + offset):
                return int(row + offset)
        row, size = chunk.stop, size * 2
    return end
