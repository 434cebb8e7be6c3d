"""The numbers of a day: haversine distances, away time and path, accumulated block by block.

docs/numbers.md has the definitions and their limits.
"""

import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from functions.calculate.fixes.blocks import Block, Flags, Floats, Integers, MeasuredBlock
from shared.models import DayStatistics, Home

EARTH_RADIUS_KM = 6371.0
_HALF_RADIAN = math.pi / 360

T = TypeVar("T", int, Integers)
A = TypeVar("A", bound=np.generic)


def haversine_km(
    latitude: Floats, longitude: Floats, to_latitude: Floats | float, to_longitude: Floats | float
) -> Floats:
    """Great-circle kilometres between points in degrees, element by element.

    a = sin²(Δφ/2) + cos φ₁ · cos φ₂ · sin²(Δλ/2), d = 2R · asin √a (R. W. Sinnott, "Virtues of the Haversine", 1984).
    Rounding can carry a past 1 near antipodes: it is held at 1. Everything is done in place.
    """
    a = np.subtract(latitude, to_latitude)
    a *= _HALF_RADIAN
    np.sin(a, out=a)
    a *= a
    b = np.subtract(longitude, to_longitude)
    b *= _HALF_RADIAN
    np.sin(b, out=b)
    b *= b
    b *= np.cos(np.radians(latitude))
    b *= np.cos(np.radians(to_latitude))
    a += b
    np.minimum(a, 1.0, out=a)
    np.sqrt(a, out=a)
    np.arcsin(a, out=a)
    a *= 2 * EARTH_RADIUS_KM
    return a


class DayNumbers:
    """Adds up the blocks of one job; devices are never joined, and how the day is cut into blocks makes no odds."""

    def __init__(self, home: Home, away_threshold_km: float) -> None:
        self._home = home
        self._threshold_km = away_threshold_km
        self._walks = _Walks()
        self._usable = 0
        self._rejected = 0
        self.missing = 0  # of the rejected ones, those without a coordinate at all
        self._total, self._path = _ExactSum(), _ExactSum()
        self._max_km = -math.inf
        self._min_km = math.inf

    def add(self, block: Block) -> MeasuredBlock:
        """The block's usable fixes, measured; those without a place on Earth are left out and counted."""
        usable: Flags = (np.abs(block.latitude) <= 90) & (np.abs(block.longitude) <= 180)  # False for NaN
        fixes = block if usable.all() else block.only(usable)
        if len(fixes) < len(block):
            self._rejected += len(block) - len(fixes)
            self.missing += int(np.count_nonzero(np.isnan(block.latitude) | np.isnan(block.longitude)))
        km = haversine_km(fixes.latitude, fixes.longitude, self._home.latitude, self._home.longitude)
        away: Flags = km > self._threshold_km
        if not len(fixes):
            return MeasuredBlock(fixes, km, away, fixes.time_us)
        segments_km, away_us = self._walks.along(fixes, away)
        self._usable += len(fixes)
        self._total.add(km)
        self._path.add(segments_km)
        self._max_km = max(self._max_km, float(km.max()))
        self._min_km = min(self._min_km, float(km.min()))
        return MeasuredBlock(fixes, km, away, away_us)

    def numbers(self) -> DayStatistics:
        """The numbers so far, rounded as callers read them: kilometres to 6 decimals, minutes to 2."""
        some = self._usable > 0
        return DayStatistics(
            total_distance_km=round(self._total.km(), 6),
            total_locations=self._usable,
            max_distance_km=round(self._max_km, 6) if some else 0.0,
            min_distance_km=round(self._min_km, 6) if some else 0.0,
            avg_distance_km=round(self._total.km() / self._usable, 6) if some else 0.0,
            path_length_km=round(self._path.km(), 6),
            away_minutes=hundredths_of_minutes(int(self._walks.away_us.sum())) / 100,
            rejected_locations=self._rejected,
        )


class _Walks:
    """Each device's latest fix and its away time up to there: one item a device."""

    def __init__(self) -> None:
        self.away_us = np.zeros(0, np.int64)
        self._time_us = np.zeros(0, np.int64)
        self._latitude, self._longitude = np.zeros(0), np.zeros(0)
        self._away, self._seen = np.zeros(0, np.bool_), np.zeros(0, np.bool_)

    def along(self, fixes: Block, away: Flags) -> tuple[Floats, Integers]:
        """Follow every device through a block that is not empty.

        The segments that end in its fixes, in km and device by device; and each fix's away time, in the block's order.
        """
        self._make_room(len(fixes.devices))
        order = _by_device(fixes.device)
        device = fixes.device[order]
        changes = np.flatnonzero(device[1:] != device[:-1]) + 1
        first, latest = np.append(0, changes), np.append(changes - 1, len(device) - 1)  # rows of each walker
        walkers = device[first]
        new = ~self._seen[walkers]
        self._seen[walkers] = True

        def step(column: NDArray[A], last: NDArray[A]) -> tuple[NDArray[A], NDArray[A]]:
            """A column at each fix and at the same device's fix before it; a device's very first is its own."""
            here = column[order]
            before = np.empty_like(here)
            before[1:] = here[:-1]
            before[first] = np.where(new, here[first], last[walkers])
            last[walkers] = here[latest]
            return here, before

        latitude, latitude_before = step(fixes.latitude, self._latitude)
        longitude, longitude_before = step(fixes.longitude, self._longitude)
        time_us, time_us_before = step(fixes.time_us, self._time_us)
        _, was_away = step(away, self._away)
        since_us = (time_us - time_us_before) * was_away  # time counts from an away fix to the next fix
        away_us = np.cumsum(since_us)
        away_us -= np.repeat(away_us[first] - since_us[first] - self.away_us[walkers], latest - first + 1)
        self.away_us[walkers] = away_us[latest]
        in_order = np.empty_like(away_us)
        in_order[order] = away_us
        return haversine_km(latitude, longitude, latitude_before, longitude_before), in_order

    def _make_room(self, devices: int) -> None:
        if devices > len(self._seen):
            for name, column in vars(self).items():
                setattr(self, name, np.append(column, np.zeros(devices, column.dtype)))


def _by_device(device: Integers) -> Integers | slice:
    """What sorts rows by device and leaves each device's in their order."""
    if (device == device[0]).all():
        return slice(None)
    narrow = device.astype(np.uint16) if device.max() < 2**16 else device  # 16 bits are sorted by radix, in O(n)
    return np.argsort(narrow, kind="stable")


class _ExactSum:
    """Kilometres added up in whole units of 2⁻⁵⁸ km, so without rounding and in any order the same."""

    def __init__(self) -> None:
        self._units = 0

    def add(self, km: Floats) -> None:
        fine = km * 2.0**20
        coarse = np.rint(fine)
        fine -= coarse
        fine *= 2.0**38
        self._units += (int(coarse.astype(np.int64).sum()) << 38) + int(np.rint(fine).astype(np.int64).sum())

    def km(self) -> float:
        return self._units / 2**58


def hundredths_of_minutes(microseconds: T) -> T:
    """Microseconds as hundredths of a minute, halves up: exact, the same in the CSV and in the numbers."""
    return (microseconds + 300_000) // 600_000
