"""The true movement of a person, and what it means for a day: states by the second, trips and path length.

Positions are metres east and north of home on a plane, which become degrees of latitude and longitude by one linear
formula. Times are seconds since 1970 UTC.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from benchmarks.accuracy.estimates import AWAY, AWAY_KM, DAY_S, HOME, States, Trip
from functions.calculate.day.distance import EARTH_RADIUS_KM, haversine_km
from functions.calculate.fixes.blocks import Flags, Floats, Integers
from shared.models import Home

HOME_POSITION = Home(latitude=50, longitude=10)  # where two lines of the map's grid cross
_DEGREES_PER_METRE = math.degrees(1 / (1000 * EARTH_RADIUS_KM))
_SHORTEST_REST_S = 120
_STRAIGHT_KM = 0.6


@dataclass(frozen=True)
class DayTruth:
    """What happened on a day: the state of each second, the trips, the kilometres moved, and d from home by second."""

    states: States
    trips: list[Trip]
    path_km: float
    home_km: Floats


@dataclass(frozen=True)
class Movement:
    """Vertices of a movement that is linear between them; times increase."""

    time_s: Floats
    east_m: Floats
    north_m: Floats

    def positions(self, time_s: Floats) -> tuple[Floats, Floats]:
        """Return metres east and north of home at times."""
        return np.interp(time_s, self.time_s, self.east_m), np.interp(time_s, self.time_s, self.north_m)

    def rests(self, time_s: Floats) -> Integers:
        """Return for each time the number of the rest that it is in, and -1 in motion."""
        interval = np.clip(np.searchsorted(self.time_s, time_s, "right") - 1, 0, len(self.time_s) - 2)
        return np.where(self._is_rest[interval], interval, -1)

    @cached_property
    def _is_rest(self) -> Flags:
        """Whether the person is at rest from each vertex to the next, for two minutes or longer."""
        moved: Floats = np.hypot(np.diff(self.east_m), np.diff(self.north_m))
        is_rest: Flags = (moved == 0) & (np.diff(self.time_s) >= _SHORTEST_REST_S)
        return is_rest

    def day(self, start_s: float) -> DayTruth:
        """Return the truth of the day that starts at midnight `start_s`."""
        seconds = start_s + np.arange(DAY_S, dtype=np.float64)
        km = haversine_km(*degrees(*self.positions(seconds)), HOME_POSITION.latitude, HOME_POSITION.longitude)
        states = np.where(km > AWAY_KM, AWAY, HOME).astype(np.int8)
        inside = (self.time_s > start_s) & (self.time_s < start_s + DAY_S)
        vertices = np.concatenate([[start_s], self.time_s[inside], [start_s + DAY_S]])
        path_km = float(segments_km(*degrees(*self.positions(vertices))).sum())
        return DayTruth(states, away_trips(states), path_km, km)


def segments_km(latitude: Floats, longitude: Floats) -> Floats:
    """Return the distance of each position but the first to the one before."""
    return haversine_km(latitude[1:], longitude[1:], latitude[:-1], longitude[:-1])


def winding(latitude: Floats, longitude: Floats) -> float:
    """Return the length of a path by that of straight lines between positions that are 600 m of path apart."""
    path_km = np.concatenate([[0], np.cumsum(segments_km(latitude, longitude))])
    steps_km = np.arange(0, path_km[-1], _STRAIGHT_KM)
    moving = np.concatenate([[True], np.diff(path_km) > 0])
    corners = (np.interp(steps_km, path_km[moving], column[moving]) for column in (latitude, longitude))
    return float(steps_km[-1] / segments_km(*corners).sum())


def away_trips(states: States) -> list[Trip]:
    """Return the trips of a day whose state is known for each second."""
    changes = np.diff(np.concatenate([[HOME], states, [HOME]]))
    starts, ends = np.flatnonzero(changes > 0).tolist(), np.flatnonzero(changes < 0).tolist()
    return [Trip(start, end, departed=start > 0, returned=end < DAY_S) for start, end in zip(starts, ends, strict=True)]


def degrees(east_m: Floats, north_m: Floats) -> tuple[Floats, Floats]:
    """Return latitude and longitude of positions on the plane."""
    scale = _DEGREES_PER_METRE / math.cos(math.radians(HOME_POSITION.latitude))
    return HOME_POSITION.latitude + _DEGREES_PER_METRE * north_m, HOME_POSITION.longitude + scale * east_m
