"""The fixes that robust paths follow, and comparisons of their distances with the limit of an anchor."""

import math
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from functions.calculate.analysis.device_fixes import Columns, SettledFixes, Signs, Slots
from functions.calculate.day.distance import EARTH_RADIUS_KM, haversine_km
from functions.calculate.fixes.blocks import Flags, Floats, Integers

SMALLEST_LIMIT_KM = 0.05
RADIAN = math.pi / 180
MARGIN_KM = 1e-6  # more than the rounding errors of the bounds
_RETURN_US = 1_200_000_000
_SHORT = 0.01  # radians, of which the sine differs by less than 2e-5
_FLAT_LATITUDE = 85.0  # degrees, below which the cosine is larger than short distances
_SHORTEST_SQUARE = EARTH_RADIUS_KM**2 * (1 - 1e-4)  # of a distance in radians


class Places(NamedTuple):
    """Columns of places: WGS84 degrees, and accuracies in kilometres."""

    latitude: Floats
    longitude: Floats
    accuracy_km: Floats

    def take(self, rows: Integers | Slots) -> Self:
        return type(self)(*(column.take(rows) for column in self))

    def put(self, rows: Integers | Slots, places: Self) -> None:
        """Replace the places at rows."""
        for column, values in zip(self, places, strict=True):
            column[rows] = values

    def distances_km(self, others: Self) -> Floats:
        return haversine_km(self.latitude, self.longitude, others.latitude, others.longitude)

    def limits_km(self, others: Self) -> Floats:
        """Return the limits of the distances."""
        limits: Floats = np.maximum(SMALLEST_LIMIT_KM, self.accuracy_km + others.accuracy_km)
        return limits


@dataclass(frozen=True)
class PathFixes(Columns):
    """Fixes of paths, as Fixes, sorted by device.

    `number` is the row in SettledFixes. The difference of `cumulative_km` is at least the distance of two fixes of a
    device.
    """

    latitude: Floats
    longitude: Floats
    accuracy_km: Floats
    time_us: Integers
    state: Signs
    number: Integers
    cumulative_km: Floats

    @classmethod
    def of(cls, settled: SettledFixes, number: Integers) -> Self:
        """Return the fixes at the rows `number`, with places that can be replaced."""
        fixes = settled.fixes
        cumulative_km = fixes.leg_km.copy()
        cumulative_km[settled.starts] = 0
        np.cumsum(cumulative_km, out=cumulative_km)
        places = Places(fixes.latitude, fixes.longitude, fixes.accuracy_km).take(number)
        slot, time_us, state = fixes.slot.take(number), fixes.time_us.take(number), settled.state.take(number)
        return cls(slot, *places, time_us, state, number, cumulative_km.take(number))

    @property
    def places(self) -> Places:
        return Places(self.latitude, self.longitude, self.accuracy_km)

    def put(self, rows: Integers, anchors: Places) -> None:
        """Replace the first fix of devices by anchors."""
        self.places.put(rows, anchors)
        after = np.minimum(rows + 1, len(self) - 1)  # the last device can have no other fix
        self.cumulative_km[rows] = self.cumulative_km[after] - anchors.distances_km(self.places.take(after))


class PathRows:
    """Fixes of paths, sorted by device. The rows of each device begin with its anchor.

    Memory views return single values as Python's numbers.
    """

    def __init__(self, fixes: PathFixes) -> None:
        self.fixes = fixes
        self.latitude, self.longitude = fixes.latitude.data, fixes.longitude.data
        self.accuracy_km, self.cumulative_km = fixes.accuracy_km.data, fixes.cumulative_km.data
        self.largest_accuracy_km = float(fixes.accuracy_km.max())
        # A fix of the same place whose accuracy is below this replaces the anchor.
        self.replaced_below_km = np.where(fixes.accuracy_km > SMALLEST_LIMIT_KM, fixes.accuracy_km, 0.0).data
        self.can_return = np.zeros(len(fixes), np.bool_)  # the fix after each row can be the return from it
        self.can_return[:-1] = can_return(fixes.time_us[:-1], fixes.state[:-1], fixes.time_us[1:], fixes.state[1:])

    def __len__(self) -> int:
        return len(self.fixes)

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


def can_return(time_us: Integers, state: Signs, next_us: Integers, next_state: Signs) -> Flags:
    """Return whether the next fixes can be returns from fixes beyond the limit."""
    flags: Flags = (next_us - time_us < _RETURN_US) & (next_state == state)
    return flags


def longest_km(degrees_north: Floats, degrees_east: Floats, cosine: Floats | float) -> Floats:
    """Return an upper bound of the distance between points with these differences; `cosine` is of one latitude.

    The cosine of every latitude between two points is at most that of one of them plus their difference in radians, so
    the straight line in degrees is no longer than R · √(Δφ² + (Δλ · (cos φ + |Δφ|))²).
    """
    north = degrees_north * RADIAN
    east = degrees_east * RADIAN
    east *= north + cosine
    north *= north
    east *= east
    north += east
    km: Floats = np.sqrt(north, out=north)
    km *= EARTH_RADIUS_KM
    return km
