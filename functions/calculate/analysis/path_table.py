"""The next anchor of every fix, if it is near: array arithmetic in place of a search for each anchor."""

import math

import numpy as np
from numpy.typing import NDArray

from functions.calculate.analysis.device_fixes import device_starts, spread
from functions.calculate.analysis.path_rows import RADIAN, SMALLEST_LIMIT_KM, PathRows
from functions.calculate.day.distance import EARTH_RADIUS_KM
from functions.calculate.fixes.blocks import Floats

_SMALLEST_TABLE = 256  # rows
_MOST_STEPS = 40  # a search for each anchor costs less than more steps
_STRIDE = 8  # rows between the fixes by which the number of steps is estimated
_OPEN_PARTS = 25  # the steps end when at most this part of the rows is open
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
    accuracy_km = rows.fixes.accuracy_km
    largest_limit_km = max(SMALLEST_LIMIT_KM, 2 * float(accuracy_km.max()))
    if len(rows) >= max(_SMALLEST_TABLE, _STRIDE + 1) and largest_limit_km <= _LARGEST_LIMIT_KM:
        plane = _Plane(rows, largest_limit_km)
        most = plane.steps_worth_it()
        if most and plane.tolerance < 0.1:
            _fill(steps, rows, plane, most)
    return steps


class _Plane:
    """Positions in kilometres from the first fix of the device, in single precision; meridians are parallel.

    The distance of two fixes is √(Δy² + (Δx · cos φ)²), with the cosine of the first one. Up to the limits above and
    below the largest latitude it differs from the haversine distance by less than `tolerance` of the limit, and longer
    distances are longer than the limit by it, too.
    """

    def __init__(self, rows: PathRows, largest_limit_km: float) -> None:
        fixes = rows.fixes
        starts = device_starts(fixes.slot)
        self.is_one_device = len(starts) == 1
        self.is_valid = np.abs(fixes.latitude) <= _LARGEST_LATITUDE
        degrees_north = fixes.latitude - spread(fixes.latitude[starts], starts, len(fixes))
        degrees_east = fixes.longitude - spread(fixes.longitude[starts], starts, len(fixes))
        extent = max(float(np.abs(degrees_north).max()), float(np.abs(degrees_east).max()))
        self._x, self._y = _single_km(degrees_east), _single_km(degrees_north)
        self._cosine = np.cos(fixes.latitude * RADIAN).astype(np.float32)
        self.accuracy = fixes.accuracy_km.astype(np.float32)
        self._smallest_limits = np.full(len(fixes), SMALLEST_LIMIT_KM, np.float32)  # numpy compares with arrays faster
        extent_km = extent * RADIAN * EARTH_RADIUS_KM
        self.tolerance = 1e-4 + 3 * largest_limit_km / EARTH_RADIUS_KM
        self.tolerance += _SINGLE_PRECISION * extent_km / SMALLEST_LIMIT_KM if extent < _LARGEST_DEGREES else 1.0

    def squares(self, step: int) -> Singles:
        """Return the squares of the distances to the fix `step` rows later."""
        x, y = self._x[step:] - self._x[:-step], self._y[step:] - self._y[:-step]
        x *= self._cosine[:-step]
        x *= x
        y *= y
        x += y
        return x

    def limit_squares(self, step: int) -> Singles:
        limits = self.accuracy[step:] + self.accuracy[:-step]
        np.maximum(limits, self._smallest_limits[step:], out=limits)
        limits *= limits
        return limits

    def steps_worth_it(self) -> int:
        """Return a number of steps after which most fixes have their change, 0 if that is too large."""
        moved_km = math.sqrt(_median(self.squares(_STRIDE)[::_STRIDE]))
        limit_km = math.sqrt(_median(self.limit_squares(_STRIDE)[::_STRIDE]))
        steps = 1.5 * _STRIDE * limit_km / moved_km if moved_km else np.inf
        return max(int(steps), _STRIDE) + 2 if steps < _MOST_STEPS else 0


def _fill(steps: NDArray[np.int8], rows: PathRows, plane: _Plane, most: int) -> None:
    """Compare all fixes with those one row later, then with those two rows later, and so on."""
    count, slot, accuracy = len(rows), rows.fixes.slot, plane.accuracy
    is_large = rows.fixes.accuracy_km > SMALLEST_LIMIT_KM
    any_large = bool(is_large.any())
    all_open = plane.is_valid.copy()
    all_pending = np.zeros(count, np.bool_)  # the fix one step before is beyond the limit
    within, beyond = np.float32((1 - plane.tolerance) ** 2), np.float32((1 + plane.tolerance) ** 2)
    for step in range(1, min(most, count - 1) + 1):
        pairs = count - step
        is_open, is_pending = all_open[:pairs], all_pending[:pairs]
        if not plane.is_one_device:
            is_open &= slot[step:] == slot[:-step]
        squares, limits = plane.squares(step), plane.limit_squares(step)
        is_beyond = squares > limits * beyond
        limits *= within
        is_within = squares < limits
        is_moved = is_pending & is_open
        is_moved &= is_beyond | ~rows.can_return[step - 1 : -1]
        steps[:pairs] |= is_moved.view(np.int8) * np.int8(step - 1)
        is_open ^= is_moved
        is_open &= is_beyond | is_within
        if any_large:
            is_replaced = accuracy[step:] < accuracy[:-step]
            is_replaced &= is_large[:pairs]
            is_replaced &= is_within
            is_replaced &= is_open
            steps[:pairs] |= is_replaced.view(np.int8) * np.int8(-step)
            is_open ^= is_replaced
        np.logical_and(is_open, is_beyond, out=is_pending)
        if step % 4 == 0 and np.count_nonzero(is_open) * _OPEN_PARTS < count:
            break


def _median(values: Singles) -> float:
    """Return the upper median. np.median imports numpy.ma, which takes 8 ms."""
    middle = len(values) // 2
    return float(np.partition(values, middle)[middle])


def _single_km(degrees: Floats) -> Singles:
    return (degrees * (RADIAN * EARTH_RADIUS_KM)).astype(np.float32)
