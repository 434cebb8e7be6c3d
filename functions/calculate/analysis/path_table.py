"""The next anchor of every fix, if it is near: array arithmetic in place of a search for each anchor."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from functions.calculate.analysis.device_fixes import device_starts, group_ends, spread
from functions.calculate.analysis.path_rows import RADIAN, SMALLEST_LIMIT_KM, PathRows
from functions.calculate.day.distance import EARTH_RADIUS_KM
from functions.calculate.fixes.blocks import Flags, Floats, Integers

_SMALLEST_TABLE = 256  # rows
_FIRST_STEPS = 8
_WORTH_A_TABLE = 0.1  # of the rows, from which the first steps can lead beyond the limit
_MOST_STEPS = 60  # a search for each anchor costs less than more steps
_STRIDE = 4  # steps
_WORTH_A_STRIDE = 0.05  # of the rows; a search of the next anchor costs less for fewer rows
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
    if len(rows) >= _SMALLEST_TABLE and largest_limit_km <= _LARGEST_LIMIT_KM and _is_worth_it(rows):
        plane = _Plane(rows, largest_limit_km)
        if plane.tolerance < 0.1:
            _fill(steps, rows, plane)
    return steps


def _is_worth_it(rows: PathRows) -> bool:
    """Return whether the first steps can be beyond the smallest limit of enough rows."""
    cumulative_km = rows.fixes.cumulative_km
    can_move = cumulative_km[_FIRST_STEPS:] - cumulative_km[:-_FIRST_STEPS] > SMALLEST_LIMIT_KM
    return int(np.count_nonzero(can_move)) >= len(rows) * _WORTH_A_TABLE


class _Points(NamedTuple):
    """Fixes on the plane."""

    x: Singles
    y: Singles
    cosine: Singles  # of the latitude
    accuracy: Singles

    def take(self, rows: Integers) -> "_Points":
        return _Points(*(column.take(rows) for column in self))

    def between(self, start: int, end: int) -> "_Points":
        part = slice(start, end)
        return _Points(self.x[part], self.y[part], self.cosine[part], self.accuracy[part])


class _Plane:
    """Positions in kilometres from the first fix of the device, in single precision; meridians are parallel.

    The distance of two fixes is √(Δy² + (Δx · cos φ)²), with the cosine of the first one. Up to the limits above and
    below the largest latitude it differs from the haversine distance by less than `tolerance` of the limit, and longer
    distances are longer than the limit by it, too. Accuracies and limits are reduced by `tolerance`: what is below them
    is certainly within the limit, and a square of more than `beyond_square` times theirs is certainly beyond it.
    """

    def __init__(self, rows: PathRows, largest_limit_km: float) -> None:
        fixes, count = rows.fixes, len(rows)
        starts = device_starts(fixes.slot)
        self.last = spread(group_ends(starts, count) - 1, starts, count)  # the last row of the device
        self.is_valid = np.abs(fixes.latitude) <= _LARGEST_LATITUDE
        degrees_north = fixes.latitude - spread(fixes.latitude[starts], starts, count)
        degrees_east = fixes.longitude - spread(fixes.longitude[starts], starts, count)
        extent = max(float(np.abs(degrees_north).max()), float(np.abs(degrees_east).max()))
        extent_km = extent * RADIAN * EARTH_RADIUS_KM
        self.tolerance = 1e-4 + 3 * largest_limit_km / EARTH_RADIUS_KM
        self.tolerance += _SINGLE_PRECISION * extent_km / SMALLEST_LIMIT_KM if extent < _LARGEST_DEGREES else 1.0
        self.beyond_square = np.float32(((1 + self.tolerance) / (1 - self.tolerance)) ** 2)
        less = 1 - self.tolerance
        self.points = _Points(
            _singles(degrees_east * (RADIAN * EARTH_RADIUS_KM)),
            _singles(degrees_north * (RADIAN * EARTH_RADIUS_KM)),
            np.cos(_singles(fixes.latitude * RADIAN)),
            _singles(fixes.accuracy_km * less),
        )
        self.replaced_below = _singles(np.asarray(rows.replaced_below_km) * less)
        self._smallest_limits = np.full(count, SMALLEST_LIMIT_KM * less, np.float32)  # numpy compares arrays faster

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


def _fill(steps: NDArray[np.int8], rows: PathRows, plane: _Plane) -> None:
    """Find the first fix that may be beyond the limit of each fix or replace it, and decide which of both it is."""
    points = plane.points
    counts, is_open = _count_within(plane, len(rows))
    change = np.arange(1, len(rows) + 1)
    change += counts
    begins = np.flatnonzero(plane.is_valid & ~is_open & (change < plane.last))
    ends = change[begins]
    anchors = points.take(begins)
    squares, limits = plane.squares(anchors, points.take(ends))
    next_squares, next_limits = plane.squares(anchors, points.take(ends + 1))
    is_moved = ~rows.can_return[ends] | (next_squares > next_limits * plane.beyond_square)
    is_moved &= squares > limits * plane.beyond_square
    is_replaced = (squares < limits) & (points.accuracy[ends] < plane.replaced_below[begins])
    steps[begins] = (is_moved.view(np.int8) - is_replaced.view(np.int8)) * (ends - begins)


def _count_within(plane: _Plane, count: int) -> tuple[NDArray[np.uint8], Flags]:
    """Return how many fixes after each one are certainly within its limit and do not replace it.

    Stops as soon as a stride of further fixes settles few rows, and returns which rows it leaves open.
    """
    fixes, replaced_below = plane.points.between(0, count), plane.replaced_below[:count]
    any_replaced = bool(replaced_below.any())
    is_counted, counts, open_rows = np.ones(count, np.bool_), np.zeros(count, np.uint8), count
    for step in range(1, _MOST_STEPS + 1):
        later = plane.points.between(step, step + count)
        squares, limits = plane.squares(fixes, later)
        is_counted &= squares < limits
        if any_replaced:
            is_counted &= later.accuracy >= replaced_below
        counts += is_counted.view(np.uint8)
        if not step % _STRIDE:
            before, open_rows = open_rows, int(np.count_nonzero(is_counted))
            if before - open_rows < count * _WORTH_A_STRIDE:
                break
    return counts, is_counted


def _singles(values: Floats) -> Singles:
    """Return single precision, followed by values that are within no limit."""
    singles = np.full(len(values) + _MOST_STEPS, np.nan, np.float32)
    singles[: len(values)] = values
    return singles
