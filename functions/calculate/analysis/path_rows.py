"""The fixes that robust paths follow, and comparisons of their distances with the limit of an anchor."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from functions.calculate.analysis.device_fixes import Columns, SettledFixes, Signs, row_index
from functions.calculate.day.distance import EARTH_RADIUS_KM
from functions.calculate.fixes.blocks import Flags, Floats, Integers

SMALLEST_LIMIT_KM = 0.05
RADIAN = math.pi / 180
MARGIN_KM = 1e-6  # more than the rounding errors of the bounds
_RETURN_US = 1_200_000_000
_SHORT = 0.01  # radians, of which the sine differs by less than 2e-5
_FLAT_LATITUDE = 85.0  # degrees, below which the cosine is larger than short distances
_SHORTEST_SQUARE = EARTH_RADIUS_KM**2 * (1 - 1e-4)  # of a distance in radians


@dataclass(frozen=True)
class PathFixes(Columns):
    """Fixes of paths, as Fixes; `number` is the row in SettledFixes, -1 for fixes of earlier blocks."""

    latitude: Floats
    longitude: Floats
    accuracy_km: Floats
    time_us: Integers
    state: Signs
    number: Integers

    @classmethod
    def of(cls, settled: SettledFixes, number: Integers) -> "PathFixes":
        """Return the fixes at the rows `number`, of which there is at least one."""
        index = row_index(number)
        fixes = settled.fixes
        return cls(
            fixes.slot[index],
            fixes.latitude[index],
            fixes.longitude[index],
            fixes.accuracy_km[index],
            fixes.time_us[index],
            settled.state[index],
            number,
        )


class PathRows:
    """Fixes of paths, sorted by device. Memory views return single values as Python's numbers.

    The rows of a device begin with its anchor, and the fix beyond the limit that no fix followed yet, if it has them.
    """

    def __init__(self, fixes: PathFixes) -> None:
        self.fixes = fixes
        self.latitude, self.longitude = fixes.latitude.data, fixes.longitude.data
        self.accuracy_km = fixes.accuracy_km.data
        self.largest_accuracy_km = float(fixes.accuracy_km.max())
        # A fix of the same place whose accuracy is below this replaces the anchor.
        self.replaced_below_km = np.where(fixes.accuracy_km > SMALLEST_LIMIT_KM, fixes.accuracy_km, 0.0).data
        self.can_return = np.zeros(len(fixes), np.bool_)  # the fix after each row can be the return from it
        self.can_return[:-1] = (np.diff(fixes.time_us) < _RETURN_US) & (fixes.state[1:] == fixes.state[:-1])

    def __len__(self) -> int:
        return len(self.fixes)

    @cached_property
    def cumulative_km(self) -> Sequence[float]:
        """Ascending numbers, whose differences are at least the distance of two fixes of a device."""
        fixes, cumulative = self.fixes, np.zeros(len(self))
        before = AnchorColumns.of(fixes.latitude[:-1], fixes.longitude[:-1], fixes.accuracy_km[:-1])
        np.cumsum(longest_km(fixes.latitude[1:], fixes.longitude[1:], before), out=cumulative[1:])
        return cumulative.data

    def is_beyond(self, anchor: int, row: int) -> bool:
        """Return whether a fix is beyond the limit of the fix at the row `anchor`."""
        limit_km = max(SMALLEST_LIMIT_KM, self.accuracy_km[anchor] + self.accuracy_km[row])
        latitude = self.latitude[anchor]
        north = abs(self.latitude[row] - latitude) * RADIAN
        east = abs(self.longitude[row] - self.longitude[anchor]) * RADIAN
        if north + east < _SHORT and abs(latitude) < _FLAT_LATITUDE:
            east *= math.cos(latitude * RADIAN) - north
            if (north * north + east * east) * _SHORTEST_SQUARE > limit_km * limit_km:
                return True
        return self._distance_km(anchor, row) > limit_km

    def _distance_km(self, row: int, to: int) -> float:
        """Return the haversine distance, as functions/calculate/day/distance.py."""
        latitude, to_latitude = self.latitude[row], self.latitude[to]
        a = math.sin((to_latitude - latitude) * (RADIAN / 2)) ** 2
        b = math.sin((self.longitude[to] - self.longitude[row]) * (RADIAN / 2)) ** 2
        a += b * math.cos(latitude * RADIAN) * math.cos(to_latitude * RADIAN)
        return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, a)))


class AnchorColumns(NamedTuple):
    """The anchor of each fix, or one for all."""

    latitude: Floats | float
    longitude: Floats | float
    cosine: Floats | float  # of the latitude
    accuracy_km: Floats | float

    @classmethod
    def of(cls, latitude: Floats | float, longitude: Floats | float, accuracy_km: Floats | float) -> "AnchorColumns":
        return cls(latitude, longitude, np.cos(np.multiply(latitude, RADIAN)), accuracy_km)


def longest_km(latitude: Floats, longitude: Floats, anchor: AnchorColumns) -> Floats:
    """Return an upper bound of the distance of each fix from the anchor.

    The cosine of every latitude between two points is at most that of one of them plus their difference in radians, so
    the straight line in degrees is no longer than R · √(Δφ² + (Δλ · (cos φ + |Δφ|))²).
    """
    north = np.abs(latitude - anchor.latitude) * RADIAN
    east = np.abs(longitude - anchor.longitude) * RADIAN
    east *= north + anchor.cosine
    north *= north
    east *= east
    north += east
    km: Floats = np.sqrt(north, out=north)
    km *= EARTH_RADIUS_KM
    return km


def may_change(latitude: Floats, longitude: Floats, accuracy_km: Floats, anchor: AnchorColumns) -> Flags:
    """Return False for fixes that are certainly within the limit of the anchor and do not replace it."""
    limit_km = np.maximum(SMALLEST_LIMIT_KM, accuracy_km + anchor.accuracy_km)
    limit_km -= MARGIN_KM
    is_within = longest_km(latitude, longitude, anchor) <= limit_km
    is_more_accurate = (accuracy_km < anchor.accuracy_km) & (np.asarray(anchor.accuracy_km) > SMALLEST_LIMIT_KM)
    flags: Flags = ~is_within | is_more_accurate  # True for a device without anchor, which is NaN
    return flags
