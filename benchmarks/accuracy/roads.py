"""Journeys along winding roads, with speeds and stops."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_BEND = 0.15  # of the length of a road, by which its middle is beside the straight line; about 1.3 times as long
_STRAIGHT_M = 100  # roads are straight between bends
_CITY_M = 3_000  # the first and the last part of a journey are at the speed of a city


@dataclass(frozen=True)
class Place:
    """Metres east and north of home."""

    east_m: float
    north_m: float

    def distance_m(self, other: "Place") -> float:
        return math.hypot(self.east_m - other.east_m, self.north_m - other.north_m)


@dataclass(frozen=True)
class Speed:
    """How fast a journey is: a mean speed with a relative spread, and stops of some seconds about every `stop_m`."""

    city_kmh: float
    fast_kmh: float
    spread: float
    stop_m: float
    stop_s: tuple[float, float]


class Roads:
    """A network in which the road between two places is the same in both directions and at all times."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._roads: dict[tuple[Place, Place], list[Place]] = {}

    def journey(self, start: Place, end: Place, speed: Speed, time_s: float) -> list[tuple[float, float, float]]:
        """Return the vertices after the start of a journey that begins at `time_s`: time, metres east and north."""
        places = self._road(start, end)
        vertices = []
        pace = float(np.clip(self._random.normal(1, speed.spread), 0.6, 1.4))
        position = start
        for place in places[1:]:
            is_city = min(place.distance_m(start), place.distance_m(end)) < _CITY_M
            length_m = place.distance_m(position)
            time_s += length_m * 3.6 / (pace * (speed.city_kmh if is_city else speed.fast_kmh))
            vertices.append((time_s, place.east_m, place.north_m))
            if is_city and self._random.random() < length_m / speed.stop_m:
                time_s += self._random.uniform(*speed.stop_s)
                vertices.append((time_s, place.east_m, place.north_m))
            position = place
        return vertices

    def _road(self, start: Place, end: Place) -> list[Place]:
        if (end, start) in self._roads:
            return self._roads[end, start][::-1]
        if (start, end) not in self._roads:
            self._roads[start, end] = [start, *self._bends(start, end), end]
        return self._roads[start, end]

    def _bends(self, start: Place, end: Place) -> Iterator[Place]:
        """Yield the bends between two places: the middle is moved aside, then the middles of both halves."""
        if start.distance_m(end) < _STRAIGHT_M:
            return
        aside = self._random.normal(0, _BEND)
        middle = Place(
            (start.east_m + end.east_m) / 2 - aside * (end.north_m - start.north_m),
            (start.north_m + end.north_m) / 2 + aside * (end.east_m - start.east_m),
        )
        yield from self._bends(start, middle)
        yield middle
        yield from self._bends(middle, end)
