"""What a method says of a day, in the form in which it is scored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DAY_S = 86_400
AWAY_KM = 0.5  # the default of AWAY_THRESHOLD_KM: a person farther from home is away

UNKNOWN, HOME, AWAY = 0, 1, 2
States = NDArray[np.int8]  # of each second of a day


@dataclass(frozen=True)
class Trip:
    """Seconds since midnight. A trip is open at an end where the device did not depart or return on this day.

    `departed_after` and `returned_after` are the last times before the changes, if a method says so.
    """

    start: float
    end: float
    departed: bool
    returned: bool
    departed_after: float | None = None
    returned_after: float | None = None


@dataclass(frozen=True)
class Estimate:
    """A method's account of a day."""

    states: States
    trips: list[Trip]
    path_km: float


@dataclass(frozen=True)
class Piece:
    """A stay, or a movement between stays: seconds since 1970, and the state AWAY or HOME."""

    start: float
    end: float
    state: int


def fill(states: States, start: float, end: float, state: int) -> None:
    """Set the state of the seconds from `start` to `end`, which may be outside the day."""
    first, last = (min(DAY_S, max(0, round(second))) for second in (start, end))
    states[first:last] = state


def trips_of_pieces(pieces: Sequence[Piece]) -> Iterable[Trip]:
    """Yield the trips between the pieces at home, in seconds since 1970; `pieces` are in the order of time."""
    start: float | None = None
    end = 0.0
    was_home = departed = False
    for piece in pieces:
        if piece.state == AWAY:
            if start is None:
                start, departed = piece.start, was_home
            end = piece.end
        elif start is not None:
            yield Trip(start, piece.start, departed=departed, returned=True)
            start = None
        was_home = piece.state == HOME
    if start is not None:
        yield Trip(start, end, departed=departed, returned=False)


def estimate_of_pieces(pieces: Sequence[Piece], day_s: float, path_km: float) -> Estimate:
    """Cut the pieces of a week to the day that starts at `day_s`."""
    states = np.full(DAY_S, UNKNOWN, np.int8)
    for piece in pieces:
        fill(states, piece.start - day_s, piece.end - day_s, piece.state)
    trips = []
    for trip in trips_of_pieces(pieces):
        start, end = trip.start - day_s, trip.end - day_s
        if start < DAY_S and end > 0:
            trips.append(
                Trip(
                    max(0.0, start),
                    min(float(DAY_S), end),
                    departed=trip.departed and start > 0,
                    returned=trip.returned and end < DAY_S,
                )
            )
    return Estimate(states, trips, path_km)
