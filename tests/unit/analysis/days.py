"""Generated days that are hard to analyse: small ones for Hypothesis, and long ones from a seed.

Distances and times come close to the thresholds of the rules on both sides. Times can be equal to them, because they
are integers. Distances are not, because the last digits of a distance depend on the order of its calculation.
"""

import math
from collections.abc import Sequence
from typing import TypeVar

from hypothesis import strategies as st

from tests.unit.analysis.day import Day
from tests.unit.analysis.hand_made.builders import MIDNIGHT_US, WINDOW
from tests.unit.analysis.places import KM_PER_DEGREE, Position
from tests.unit.analysis.reference import Row

T = TypeVar("T")

SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US
DEVICES = ("phone", "tablet", "Watch")
HOMES = (
    Position(50.0, 10.0),
    Position(40.736097, -74.039373),
    Position(0.0, 0.0),
    Position(-17.0, 179.9999),
    Position(89.9, 0.0),
)
# The first of several values is the usual one.
WINDOWS = (
    WINDOW,
    (MIDNIGHT_US, MIDNIGHT_US + 25 * HOUR_US),
    (MIDNIGHT_US, MIDNIGHT_US + 10 * HOUR_US + 123_456),
    (MIDNIGHT_US, MIDNIGHT_US + 1_200 * SECOND_US),
    (MIDNIGHT_US, MIDNIGHT_US + 1),
    (MIDNIGHT_US, MIDNIGHT_US),
)
# Kilometres north of home. No difference is a whole number of metres, which accuracies and limits are.
HOME_KM = (0.0, 0.0, 0.03017, -0.03017, 0.05077, 0.10033, 0.19931, 0.20093, 0.25013)
NO_EVIDENCE_KM = (0.31007, 0.40079)
AWAY_KM = (2.00329, 2.00329, 2.03347, -2.00329, 0.52021, 0.90157, -0.90157, 5.01787, 50.30441, 4000.11937)
EAST_KM = (0.0, 0.02953, -1.27039)
ACCURACIES = (None, 0, 5, 50, 51, 65, 100, 145, 300, 400, 1_000, 4_000, 10_000)
BAD_ACCURACIES = (-1, -5, 10_001, 20_000, 2**31 - 1)
# Invalid coordinates, and valid ones that look invalid.
ODD_COORDINATES: Sequence[tuple[float | None, float | None]] = (
    (None, 10.0),
    (50.0, None),
    (math.nan, 10.0),
    (50.0, math.nan),
    (math.inf, math.nan),
    (math.inf, 10.0),
    (50.0, -math.inf),
    (90.000001, 10.0),
    (50.0, -180.000001),
    (0.0, 0.0),
    (-0.0, 0.0),
    (90.0, 180.0),
    (0.0, 10.0),
)
AWAY_THRESHOLDS_KM = (0.5, 0, 0.3, 20, 30_000)
PARAMETERS = {
    "home_radius_km": (0.3, 0, 0.1, 5, 30_000),
    "dwell_seconds": (180, 0, 0.5, 60, 86_400),
    "dwell_fixes": (2, 1, 3, 1_000),
    "gap_seconds": (1_800, 1, 600.5, 86_400),
    "max_accuracy_m": (10_000, 99.5, 0.5, 10_000_000_000),
    "jump_speed_kmh": (300, 0.001, 5, 1_000_000_000),
}
# Times between rows of a device, and a microsecond more and less.
SHORT_STEPS_SECONDS = (60, 1, 10, 30, 180, 300, 600, 1_200, 1_800)
LONG_STEPS_SECONDS = (3_600, 2 * 3_600, 5 * 3_600, 12 * 3_600, 24 * 3_600)


def move(origin: Position, north_km: float, east_km: float) -> Position:
    """Return the position at distances from a place; the latitude can be out of range near a pole."""
    latitude = origin.latitude + north_km / KM_PER_DEGREE
    degrees_east = east_km / (KM_PER_DEGREE * math.cos(math.radians(origin.latitude)))
    longitude = origin.longitude + degrees_east
    return Position(latitude, longitude - 360 if longitude > 180 else longitude)


def mostly(usual: T, *others: T, times: int = 3) -> st.SearchStrategy[T]:
    """Draw the usual value `times` as often as one of the others."""
    return st.sampled_from([usual] * (times * len(others)) + list(others))


@st.composite
def days(draw: st.DrawFn, max_rows: int = 40) -> Day:
    """Generate a day of up to three interleaved devices, with context or without."""
    home = draw(mostly(*HOMES))
    window = draw(mostly(*WINDOWS))
    parameters = {name: draw(mostly(*values, times=5)) for name, values in PARAMETERS.items()}
    away_threshold_km = draw(mostly(*AWAY_THRESHOLDS_KM, times=5))
    thresholds_km = [away_threshold_km, min(away_threshold_km, parameters["home_radius_km"])]
    limits = (parameters["dwell_seconds"], parameters["gap_seconds"])
    seconds = st.sampled_from([*4 * SHORT_STEPS_SECONDS, *4 * limits, *LONG_STEPS_SECONDS])
    step_us = st.builds(lambda step, more: round(step * SECOND_US) + more, seconds, mostly(0, -1, 1))
    devices = st.sampled_from(DEVICES[: draw(st.integers(1, 3))])
    count = draw(st.integers(0, max_rows))
    clocks_us = {device: window[0] + draw(step_us) for device in DEVICES}
    rows = []
    for device in draw(st.lists(devices, min_size=count, max_size=count)):
        rows.append(draw(_rows(device, clocks_us[device], home, thresholds_km)))
        clocks_us[device] += draw(mostly(1, 0, -1, times=10)) * draw(step_us)
    before, after = (
        draw(_context_rows(edge_us, direction, step_us=step_us, home=home, thresholds_km=thresholds_km))
        for edge_us, direction in zip(window, (-1, 1), strict=True)
    )
    return Day(
        rows=rows,
        before=before,
        after=after,
        window=window,
        home=home,
        away_threshold_km=away_threshold_km,
        parameters=parameters,
        day_column=draw(st.sampled_from(("timestamp", "created_at"))),
    )


@st.composite
def _rows(draw: st.DrawFn, device: str, time_us: int, home: Position, thresholds_km: Sequence[float]) -> Row:
    accuracy = draw(st.sampled_from(ACCURACIES))
    flaw = draw(mostly("", "coordinates", "accuracy", times=10))
    if flaw == "coordinates":
        latitude, longitude = draw(st.sampled_from(ODD_COORDINATES))
        return device, time_us, latitude, longitude, draw(st.sampled_from((accuracy, -1, 20_000)))
    if flaw == "accuracy":
        accuracy = draw(st.sampled_from(BAD_ACCURACIES))
    close_km = _close_to(thresholds_km, max(0, accuracy or 0))
    distances_km = draw(st.sampled_from((HOME_KM, AWAY_KM, HOME_KM, AWAY_KM, NO_EVIDENCE_KM, close_km)))
    north_km = draw(st.sampled_from(distances_km or HOME_KM))
    east_km = 0.0 if distances_km is close_km else draw(mostly(*EAST_KM))
    position = move(home, north_km, east_km)
    return device, time_us, position.latitude, position.longitude, accuracy


def _close_to(thresholds_km: Sequence[float], accuracy: int) -> Sequence[float]:
    """Return distances a few millimetres from where one or two times the accuracy reaches a threshold.

    All millimetres differ, so that the distance between two of these positions is no limit either.
    """
    edges = [km + factor * accuracy / 1000 for km in thresholds_km for factor in (-2, -1, 1, 2) if km < 1_000]
    return [
        km + sign * (1.13e-6 + 0.1e-6 * number + 1.7e-10 * accuracy)
        for number, km in enumerate(edges)
        for sign in (-1, 1)
    ]


@st.composite
def _context_rows(
    draw: st.DrawFn,
    edge_us: int,
    direction: int,
    *,
    step_us: st.SearchStrategy[int],
    home: Position,
    thresholds_km: Sequence[float],
) -> Sequence[Row]:
    """Generate rows on one side of the window, mostly in the order of their times."""
    devices = draw(st.lists(st.sampled_from(DEVICES), max_size=4))
    times_us = [edge_us + direction * draw(step_us) for _ in devices]
    if draw(st.sampled_from((True, True, True, False))):
        times_us.sort()
    return [
        draw(_rows(device, time_us, home, thresholds_km)) for device, time_us in zip(devices, times_us, strict=True)
    ]
