"""The errors of positions: noise that is correlated in time, drift at rest, jumps to a radio cell, wrong accuracies."""

import math
from dataclasses import dataclass

import numpy as np

from benchmarks.accuracy.movement import Movement
from functions.calculate.fixes.blocks import Flags, Floats, Integers

_MEDIAN_OF_SIGMA = 1.1774  # the median of a two-dimensional normal error, in standard deviations of one axis
_RADIUS_OF_SIGMA = 1.5096  # the radius that 68 % of such errors are within, which phones report as accuracy
_MOVING_MEDIAN_M = 8.0
_CORRELATION_S = (60.0, 600.0)  # of errors in motion and at rest
_WHITE_M = 2.0
_DRIFTS_A_DAY, _DRIFT_S, _DRIFT_FACTOR = 4.0, (600.0, 2_400.0), (3.0, 6.0)
_HONEST_DRIFT = 0.5
_CELL_MEDIAN_M, _CELL_SIGMA = 600.0, 0.8
_CELLS = 6  # of the neighbourhood: a phone jumps to the same positions again and again
_SECOND_JUMP = 0.2  # of jumps that are followed by another
_WRONG_M = (10, 65)  # the accuracy that a phone reports for a position that is wrong
_SMALLEST_M = 4


@dataclass(frozen=True)
class Sensor:
    """The quality of a phone's positions: the median error at rest in metres, and shares of fixes.

    `jumps` is the share of fixes that are at the position of a radio cell, and `wrong` the share of these that report
    the accuracy of a good fix. `coarse` is the share of fixes that have large errors and say so.
    """

    rest_median_m: float
    jumps: float
    wrong: float
    coarse: float = 0.0


ACCURATE = Sensor(rest_median_m=15, jumps=0.002, wrong=0.3)
WITHOUT_GPS = Sensor(rest_median_m=40, jumps=0.01, wrong=0.3, coarse=0.1)
INACCURATE = Sensor(rest_median_m=74, jumps=0.03, wrong=0.3)


def measure(
    movement: Movement, time_s: Floats, sensor: Sensor, random: np.random.Generator
) -> tuple[Floats, Floats, Integers]:
    """Return metres east and north of home as a phone reports them at times, and its accuracies in metres."""
    rest = movement.rests(time_s)
    sigma_m = _sigmas(rest, sensor, random)
    drift = _drifts(time_s, rest, random)
    error_m = _correlated(time_s, rest, random) * (sigma_m * drift) + random.normal(0, _WHITE_M, (2, len(time_s)))
    is_honest = (drift == 1) | (random.random(len(time_s)) < _HONEST_DRIFT)
    radius_m = _RADIUS_OF_SIGMA * sigma_m * np.where(is_honest, drift, 1) * random.lognormal(0, 0.25, len(time_s))
    jump = _jumps(len(time_s), sensor, random)
    distance_m = _CELL_MEDIAN_M * random.lognormal(0, _CELL_SIGMA, _CELLS)
    angle = random.uniform(0, 2 * math.pi, _CELLS)
    cell = random.integers(_CELLS, size=len(time_s))
    error_m[:, jump] += (distance_m * np.array([np.cos(angle), np.sin(angle)]))[:, cell[jump]]
    is_wrong = random.random(len(time_s)) < sensor.wrong
    honest_m = distance_m[cell] * random.uniform(0.7, 2, len(time_s))
    radius_m[jump] = np.where(is_wrong, random.uniform(*_WRONG_M, len(time_s)), honest_m)[jump]
    coarse = np.flatnonzero((random.random(len(time_s)) < sensor.coarse) & ~jump)
    coarse_m = random.uniform(150, 500, len(coarse))
    error_m[:, coarse] += random.normal(0, 1, (2, len(coarse))) * coarse_m
    radius_m[coarse] = _RADIUS_OF_SIGMA * coarse_m
    east_m, north_m = np.array(movement.positions(time_s)) + error_m
    return east_m, north_m, np.maximum(_SMALLEST_M, np.round(radius_m)).astype(np.int64)


def _sigmas(rest: Integers, sensor: Sensor, random: np.random.Generator) -> Floats:
    """Return the standard deviation of each fix: one for all of a rest, and that of open sky in motion."""
    stays, number = np.unique(rest, return_inverse=True)
    of_stays = sensor.rest_median_m / _MEDIAN_OF_SIGMA * random.lognormal(0, 0.4, len(stays))
    moving_m = max(_MOVING_MEDIAN_M, sensor.rest_median_m / 3) / _MEDIAN_OF_SIGMA
    return np.where(rest >= 0, of_stays[number], moving_m)


def _drifts(time_s: Floats, rest: Integers, random: np.random.Generator) -> Floats:
    """Return a factor of the errors that is 1, or more in the minutes of a drift at rest."""
    factor = np.ones(len(time_s))
    count = random.poisson(_DRIFTS_A_DAY * (time_s[-1] - time_s[0]) / 86_400)
    for start_s in random.uniform(time_s[0], time_s[-1], count):
        inside = (time_s >= start_s) & (time_s < start_s + random.uniform(*_DRIFT_S)) & (rest >= 0)
        factor[inside] = random.uniform(*_DRIFT_FACTOR)
    return factor


def _correlated(time_s: Floats, rest: Integers, random: np.random.Generator) -> Floats:
    """Return an Ornstein-Uhlenbeck process of variance 1 at times, for two axes."""
    steps_s = np.diff(time_s, prepend=-np.inf)
    decay = np.exp(-steps_s / np.where(rest >= 0, _CORRELATION_S[1], _CORRELATION_S[0]))
    normal = random.normal(0, 1, (2, len(time_s))) * np.sqrt(1 - decay**2)
    values = np.zeros((2, len(time_s)))
    value = np.zeros(2)
    for index in range(len(time_s)):
        value = decay[index] * value + normal[:, index]
        values[:, index] = value
    return values


def _jumps(count: int, sensor: Sensor, random: np.random.Generator) -> Flags:
    """Return which fixes are jumps: single ones, some followed by another."""
    first = random.random(count) < sensor.jumps
    second = np.roll(first, 1) & (random.random(count) < _SECOND_JUMP)
    jumps: Flags = first | second
    return jumps
