"""Positions on the meridian of a home, where distances add up."""

import math
from dataclasses import dataclass

KM_PER_DEGREE = math.radians(6371.0)


@dataclass(frozen=True)
class Position:
    """WGS84 degrees."""

    latitude: float
    longitude: float


HOME = Position(50.0, 10.0)


def at(km_north_of_home: float) -> Position:
    """Return the position on the meridian of home; the distance of two of them is the difference of their km."""
    return Position(HOME.latitude + km_north_of_home / KM_PER_DEGREE, HOME.longitude)
