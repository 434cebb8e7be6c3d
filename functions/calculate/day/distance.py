"""Statistics of a day: haversine distances, away time and path length, accumulated block by block.

docs/concepts/numbers.md has the definitions and their limits.
"""

import math
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from functions.calculate.day.exact_sum import ExactSum
from functions.calculate.fixes.blocks import Block, Flags, Floats, Integers, MeasuredBlock
from shared.models import DayStatistics, Home

EARTH_RADIUS_KM = 6371.0
_HALF_RADIAN = math.pi / 360

T = TypeVar("T", int, Integers)
A = TypeVar("A", bound=np.generic)


def haversine_km(
    latitude: Floats, longitude: Floats, to_latitude: Floats | float, to_longitude: Floats | float
) -> Floats:
    """Return great-circle distances in kilometres between points in degrees, element by element.

    a = sin²(Δφ/2) + cos φ₁ · cos φ₂ · sin²(Δλ/2), d = 2R · asin √a (R. W. Sinnott, "Virtues of the Haversine", 1984).
    Rounding can raise a above 1 near antipodes, so a is limited to 1. The calculation reuses its arrays.
    """
    return _haversine_km(_Points.of(latitude, longitude), _Points.of(to_latitude, to_longitude))


class _Points(NamedTuple):
    """Points in degrees with the cosine of their latitude, which a fix needs for home and for two segments."""

    latitude: Floats | float
    longitude: Floats | float
    cosine: Floats | float

    @classmethod
    def of(cls, latitude: Floats | float, longitude: Floats | float) -> "_Points":
        return cls(latitude, longitude, np.cos(np.radians(latitude)))


def _haversine_km(points: _Points, others: _Points) -> Floats:
    """Return the distances of haversine_km; at least one of the arguments has arrays."""
    a: Floats = np.subtract(points.latitude, others.latitude)
    a *= _HALF_RADIAN
    np.sin(a, out=a)
    a *= a
    b: Floats = np.subtract(points.longitude, others.longitude)
    b *= _HALF_RADIAN
    np.sin(b, out=b)
    b *= b
    b *= points.cosine
    b *= others.cosine
    a += b
    np.minimum(a, 1.0, out=a)
    np.sqrt(a, out=a)
    np.arcsin(a, out=a)
    a *= 2 * EARTH_RADIUS_KM
    return a


class DayAccumulator:
    """Accumulate the statistics of one job.

    Segments and away time never span two devices. The result does not depend on the division into blocks.
    """

    def __init__(self, home: Home, away_threshold_km: float) -> None:
        self._home = _Points.of(home.latitude, home.longitude)
        self._threshold_km = away_threshold_km
        self._devices = _DeviceStates()
        self._usable = 0
        self._rejected = 0
        self._total, self._path = ExactSum(), ExactSum()
        self._max_km = -math.inf
        self._min_km = math.inf

    def add(self, block: Block) -> MeasuredBlock:
        """Measure the usable fixes of a block, and count those without valid coordinates."""
        usable: Flags = (np.abs(block.latitude) <= 90) & (np.abs(block.longitude) <= 180)  # False for NaN
        fixes = block if usable.all() else block.filter(usable)
        if len(fixes) < len(block):
            self._rejected += len(block) - len(fixes)
        points = _Points.of(fixes.latitude, fixes.longitude)
        km = _haversine_km(points, self._home)
        away: Flags = km > self._threshold_km
        if not len(fixes):
            return MeasuredBlock(fixes, km, away, fixes.time_us, km)
        segments_km, leg_km, away_us = self._devices.advance(fixes, points, away)
        self._usable += len(fixes)
        self._total.add(km)
        self._path.add(segments_km)
        self._max_km = max(self._max_km, float(km.max()))
        self._min_km = min(self._min_km, float(km.min()))
        return MeasuredBlock(fixes, km, away, away_us, leg_km)

    def statistics(self) -> DayStatistics:
        """Return the statistics so far: kilometres with 6 decimals, minutes with 2."""
        has_fixes = self._usable > 0
        return DayStatistics(
            total_distance_km=round(self._total.value(), 6),
            total_locations=self._usable,
            max_distance_km=round(self._max_km, 6) if has_fixes else 0.0,
            min_distance_km=round(self._min_km, 6) if has_fixes else 0.0,
            avg_distance_km=round(self._total.value() / self._usable, 6) if has_fixes else 0.0,
            path_length_km=round(self._path.value(), 6),
            away_minutes=hundredths_of_minutes(int(self._devices.away_us.sum())) / 100,
            rejected_locations=self._rejected,
        )


class _DeviceStates:
    """The latest fix and the away time of each device: arrays with one item for each device."""

    def __init__(self) -> None:
        self.away_us = np.zeros(0, np.int64)
        self._time_us = np.zeros(0, np.int64)
        self._latitude, self._longitude, self._cosine = np.zeros(0), np.zeros(0), np.zeros(0)
        self._away, self._has_fix = np.zeros(0, np.bool_), np.zeros(0, np.bool_)

    def advance(self, fixes: Block, points: _Points, away: Flags) -> tuple[Floats, Floats, Integers]:
        """Process a non-empty block; `points` are its fixes.

        Returns the lengths in km of the segments that end at its fixes, ordered by device, then the columns `leg_km`
        and `away_us` of MeasuredBlock.
        """
        self._resize(len(fixes.devices))
        order = _device_order(fixes.device)
        device = fixes.device[order]
        changes = np.flatnonzero(device[1:] != device[:-1]) + 1
        first, last = np.append(0, changes), np.append(changes - 1, len(device) - 1)  # rows of each device
        devices = device[first]
        is_new = ~self._has_fix[devices]
        self._has_fix[devices] = True

        def shift(column: NDArray[A], state: NDArray[A]) -> tuple[NDArray[A], NDArray[A]]:
            """Return a column sorted by device, and its value at the previous fix of the same device.

            The first fix of a device is its own predecessor.
            """
            current = column[order]
            previous = np.empty_like(current)
            previous[1:] = current[:-1]
            previous[first] = np.where(is_new, current[first], state[devices])
            state[devices] = current[last]
            return current, previous

        latitude, previous_latitude = shift(fixes.latitude, self._latitude)
        longitude, previous_longitude = shift(fixes.longitude, self._longitude)
        cosine, previous_cosine = shift(np.asarray(points.cosine), self._cosine)
        time_us, previous_time_us = shift(fixes.time_us, self._time_us)
        _, was_away = shift(away, self._away)
        interval_us = (time_us - previous_time_us) * was_away  # from an away fix to the next fix
        away_us = np.cumsum(interval_us)
        away_us -= np.repeat(away_us[first] - interval_us[first] - self.away_us[devices], last - first + 1)
        self.away_us[devices] = away_us[last]
        segments_km = _haversine_km(
            _Points(latitude, longitude, cosine), _Points(previous_latitude, previous_longitude, previous_cosine)
        )
        leg_km = segments_km.copy()
        leg_km[first] = np.nan
        return segments_km, _in_block_order(leg_km, order), _in_block_order(away_us, order)

    def _resize(self, devices: int) -> None:
        if devices > len(self._has_fix):
            for name, column in vars(self).items():
                setattr(self, name, np.append(column, np.zeros(devices, column.dtype)))


def _device_order(device: Integers) -> Integers | slice:
    """Return an index that sorts rows by device and preserves the order within each device."""
    if (device == device[0]).all():
        return slice(None)
    narrow = device.astype(np.uint16) if device.max() < 2**16 else device  # numpy sorts 16 bits by radix, in O(n)
    return np.argsort(narrow, kind="stable")


def _in_block_order(values: NDArray[A], order: Integers | slice) -> NDArray[A]:
    """Reverse _device_order."""
    result = np.empty_like(values)
    result[order] = values
    return result


def hundredths_of_minutes(microseconds: T) -> T:
    """Convert microseconds to hundredths of a minute, rounding halves up. The CSV and the statistics use the same."""
    return (microseconds + 300_000) // 600_000
