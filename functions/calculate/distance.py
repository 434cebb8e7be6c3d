"""The numbers of a day: haversine distances, away time and path, accumulated block by block.

docs/numbers.md has the definitions and their limits.
"""

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from functions.calculate.blocks import Block, Flags, Floats, Integers, MeasuredBlock
from shared.models import Home, Numbers

EARTH_RADIUS_KM = 6371.0
_HALF_RADIAN = math.pi / 360

T = TypeVar("T", int, Integers)


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


@dataclass
class _Last:
    """Where a device was at its latest fix, and what it has gathered up to there."""

    time_us: int
    latitude: float
    longitude: float
    away: bool
    away_us: int = 0


class DayNumbers:
    """Adds up the blocks of one job; devices are never joined."""

    def __init__(self, home: Home, away_threshold_km: float) -> None:
        self._home = home
        self._threshold_km = away_threshold_km
        self._last: dict[int, _Last] = {}
        self._usable = 0
        self._rejected = 0
        self._total_km = 0.0
        self._path_km = 0.0
        self._max_km = -math.inf
        self._min_km = math.inf

    def add(self, block: Block) -> MeasuredBlock:
        """The block's usable fixes, measured; those without a place on Earth are left out and counted."""
        usable: Flags = (np.abs(block.latitude) <= 90) & (np.abs(block.longitude) <= 180)  # False for NaN
        fixes = block if usable.all() else block.only(usable)
        self._rejected += len(block) - len(fixes)
        km = haversine_km(fixes.latitude, fixes.longitude, self._home.latitude, self._home.longitude)
        away: Flags = km > self._threshold_km
        away_us = np.empty(len(fixes), np.int64)
        if len(fixes):
            self._usable += len(fixes)
            self._total_km += float(km.sum())
            self._max_km = max(self._max_km, float(km.max()))
            self._min_km = min(self._min_km, float(km.min()))
            for device in range(len(fixes.devices)):
                rows = np.flatnonzero(fixes.device == device)
                if rows.size:
                    away_us[rows] = self._along(device, fixes, rows, away[rows])
        return MeasuredBlock(fixes, km, away, away_us)

    def _along(self, device: int, fixes: Block, rows: Integers, away: Flags) -> Integers:
        """Follow one device from its latest fix through `rows`; its away time up to each."""
        time_us, latitude, longitude = fixes.time_us[rows], fixes.latitude[rows], fixes.longitude[rows]
        last = self._last.get(device)
        if last is None:
            last = _Last(int(time_us[0]), float(latitude[0]), float(longitude[0]), away=False)
        before = haversine_km(
            latitude, longitude, np.append(last.latitude, latitude[:-1]), np.append(last.longitude, longitude[:-1])
        )
        self._path_km += float(before.sum())
        since_us = np.diff(time_us, prepend=last.time_us)
        since_us *= np.append(last.away, away[:-1])  # time counts from an away fix to the next fix
        away_us = np.cumsum(since_us)
        away_us += last.away_us
        self._last[device] = _Last(
            int(time_us[-1]), float(latitude[-1]), float(longitude[-1]), bool(away[-1]), int(away_us[-1])
        )
        return away_us

    def numbers(self) -> Numbers:
        """The numbers so far, rounded as callers read them: kilometres to 6 decimals, minutes to 2."""
        some = self._usable > 0
        return Numbers(
            total_distance_km=round(self._total_km, 6),
            total_locations=self._usable,
            max_distance_km=round(self._max_km, 6) if some else 0.0,
            min_distance_km=round(self._min_km, 6) if some else 0.0,
            avg_distance_km=round(self._total_km / self._usable, 6) if some else 0.0,
            path_length_km=round(self._path_km, 6),
            away_minutes=hundredths_of_minutes(sum(last.away_us for last in self._last.values())) / 100,
            rejected_locations=self._rejected,
        )


def hundredths_of_minutes(microseconds: T) -> T:
    """Microseconds as hundredths of a minute, halves up: exact, the same in the CSV and in the numbers."""
    return (microseconds + 300_000) // 600_000
