"""The next anchor of every fix, if it is near: array arithmetic in place of a search for each anchor."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from functions.calculate.analysis.device_fixes import device_starts, spread
from functions.calculate.analysis.path_rows import (
    RADIAN,
    SMALLEST_LIMIT_KM,
    AnchorColumns,
    PathFixes,
    PathRows,
    longest_km,
)
from functions.calculate.day.distance import EARTH_RADIUS_KM
from functions.calculate.fixes.blocks import Floats, Integers

_SMALLEST_TABLE = 256  # rows
_MOST_STEPS = 60  # a search for each anchor costs less than more steps
_STRIDE = 8  # rows between the fixes by which the number of steps is estimated
_LARGEST_LIMIT_KM = 10.0
_LARGEST_LATITUDE = 80.0
_LARGEST_DEGREES = 90.0  # from the first fix of the device
_SINGLE_PRECISION = 2.0**-22  # of the extent of the positions: more than the rounding errors of a distance

Singles = NDArray[np.float32]


def steps_to_anchors(rows: PathRows) -> NDArray[np.int8]:
    """Return for each row how many rows later the fix is that follows it as anchor.

    It is negative if that fix replaces the anchor without a leg, and 0 if a search has to find it: what is too close to
    the limit for single precision, or too far away, is left open.
    """
    steps = np.zeros(len(rows), np.int8)
    largest_limit_km = max(SMALLEST_LIMIT_KM, 2 * rows.largest_accuracy_km)
    if len(rows) >= max(_SMALLEST_TABLE, _STRIDE + 1) and largest_limit_km <= _LARGEST_LIMIT_KM:
        most = _steps_worth_it(rows.fixes)
        plane = _Plane(rows, largest_limit_km) if most else None
        if plane and plane.tolerance < 0.1:
            _fill(steps, rows, plane, most)
    return steps


class _Points(NamedTuple):
    """Fixes on the plane."""

    x: Singles
    y: Singles
    cosine: Singles  # of the latitude
    accuracy: Singles

    def take(self, index: Integers | slice) -> "_Points":
        return _Points(*(column[index] if isinstance(index, slice) else column.take(index) for column in self))


class _Plane:
    """Positions in kilometres from the first fix of the device, in single precision; meridians are parallel.

    The distance of two fixes is √(Δy² + (Δx · cos φ)²), with the cosine of the first one. Up to the limits above and
    below the largest latitude it differs from the haversine distance by less than `tolerance` of the limit, and longer
    distances are longer than the limit by it, too.
    """

    def __init__(self, rows: PathRows, largest_limit_km: float) -> None:
        fixes = rows.fixes
        starts = device_starts(fixes.slot)
        self.last = spread(np.append(starts[1:], len(fixes)) - 1, starts, len(fixes))  # the last row of the device
        self.is_valid = np.abs(fixes.latitude) <= _LARGEST_LATITUDE
        degrees_north = fixes.latitude - spread(fixes.latitude[starts], starts, len(fixes))
        degrees_east = fixes.longitude - spread(fixes.longitude[starts], starts, len(fixes))
        extent = max(float(np.abs(degrees_north).max()), float(np.abs(degrees_east).max()))
        cosine = np.cos(fixes.latitude * RADIAN).astype(np.float32)
        accuracy = fixes.accuracy_km.astype(np.float32)
        self.points = _Points(_single_km(degrees_east), _single_km(degrees_north), cosine, accuracy)
        self._smallest_limits = np.full(len(fixes), SMALLEST_LIMIT_KM, np.float32)  # numpy compares with arrays faster
        extent_km = extent * RADIAN * EARTH_RADIUS_KM
        self.tolerance = 1e-4 + 3 * largest_limit_km / EARTH_RADIUS_KM
        self.tolerance += _SINGLE_PRECISION * extent_km / SMALLEST_LIMIT_KM if extent < _LARGEST_DEGREES else 1.0

    def squares(self, begins: _Points, ends: _Points) -> tuple[Singles, Singles]:
        """Return the squares of distances, and those of their limits."""
        x, y = ends.x - begins.x, ends.y - begins.y
        x *= begins.cosine
        x *= x
        y *= y
        x += y
        limits = np.add(ends.accuracy, begins.accuracy, out=y)
        np.maximum(limits, self._smallest_limits[: len(limits)], out=limits)
        limits *= limits
        return x, limits


def _steps_worth_it(fixes: PathFixes) -> int:
    """Return a number of steps after which most fixes have their change, 0 if that is too large."""
    before, after = fixes.take(slice(0, -_STRIDE, _STRIDE)), fixes.take(slice(_STRIDE, None, _STRIDE))
    anchors = AnchorColumns.of(before.latitude, before.longitude, before.accuracy_km)
    moved_km = _median(longest_km(after.latitude, after.longitude, anchors))
    limit_km = max(SMALLEST_LIMIT_KM, _median(before.accuracy_km + after.accuracy_km))
    steps = 1.5 * _STRIDE * limit_km / moved_km if moved_km else np.inf
    return max(int(steps), _STRIDE) + 2 if steps < _MOST_STEPS else 0


def _fill(steps: NDArray[np.int8], rows: PathRows, plane: _Plane, most: int) -> None:
    """Find the first fix that may be beyond the limit of each fix or replace it, and decide which of both it is."""
    points = plane.points
    within, beyond = np.float32((1 - plane.tolerance) ** 2), np.float32((1 + plane.tolerance) ** 2)
    replaced_below = np.asarray(rows.replaced_below_km, np.float32)
    change = np.arange(1, len(rows) + 1)
    change += _count_within(plane, most, replaced_below, within)
    begins = np.flatnonzero(plane.is_valid & (change < plane.last))
    ends = change[begins]
    anchors = points.take(begins)
    squares, limits = plane.squares(anchors, points.take(ends))
    next_squares, next_limits = plane.squares(anchors, points.take(ends + 1))
    is_moved = ~rows.can_return[ends] | (next_squares > next_limits * beyond)
    is_moved &= squares > limits * beyond
    is_replaced = (squares < limits * within) & (points.accuracy[ends] < replaced_below[begins])
    steps[begins] = (is_moved.view(np.int8) - is_replaced.view(np.int8)) * (ends - begins)


def _count_within(plane: _Plane, most: int, replaced_below: Singles, within: np.float32) -> NDArray[np.uint8]:
    """Return how many fixes after each one, at most `most`, are certainly within its limit and do not replace it."""
    count, any_replaced = len(replaced_below), bool(replaced_below.any())
    padding = np.full(most, np.nan, np.float32)  # is within no limit
    padded = _Points(*(np.append(column, padding) for column in plane.points))
    is_counted, counts = np.ones(count, np.bool_), np.zeros(count, np.uint8)
    for step in range(1, most + 1):
        later = padded.take(slice(step, step + count))
        squares, limits = plane.squares(plane.points, later)
        limits *= within
        is_counted &= squares < limits
        if any_replaced:
            is_counted &= later.accuracy >= replaced_below
        counts += is_counted.view(np.uint8)
    return counts


def _median(values: Floats) -> float:
    """Return the upper median. np.median imports numpy.ma, which takes 8 ms."""
    middle = len(values) // 2
    return float(np.partition(values, middle)[middle])


def _single_km(degrees: Floats) -> Singles:
    return (degrees * (RADIAN * EARTH_RADIUS_KM)).astype(np.float32)
