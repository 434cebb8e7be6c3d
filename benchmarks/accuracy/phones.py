"""Kinds of phones: when they report a position, and when the report arrives.

docs/concepts/accuracy-method.md has the sources of the parameters. positions.py has the errors of the positions.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.accuracy.movement import HOME_POSITION, Movement, degrees
from benchmarks.accuracy.positions import ACCURATE, INACCURATE, WITHOUT_GPS, Sensor, measure
from functions.calculate.day.distance import haversine_km
from functions.calculate.fixes.blocks import NULL, Block, Flags, Floats, Integers

DEVICE = "phone"
_DUPLICATES = 0.01  # a message that is delivered twice
_OFFLINE_A_DAY = 1.0  # times without a network, whose fixes arrive afterwards
_LIVE_FIRST = 0.2  # of these times, that end with a fix that arrives before the others
_DAY_S, _HOUR_S = 86_400, 3_600

Schedule = Callable[[Movement, np.random.Generator], Floats]


@dataclass(frozen=True)
class Kind:
    """A kind of phone: its name, a description, the times of its fixes, and the quality of its positions."""

    name: str
    description: str
    schedule: Schedule
    sensor: Sensor = ACCURATE


@dataclass(frozen=True)
class Recording:
    """The rows of a phone in the order of their ids, with own times and times of arrival."""

    rows: Block

    def day(self, start_us: int, end_us: int, *, by_arrival: bool = False) -> Block:
        """Return the rows of [start, end) by the day column, in the order of a job: day column, then id."""
        day_column = self._day_column(by_arrival=by_arrival)
        rows = np.flatnonzero((day_column >= start_us) & (day_column < end_us))
        ordered = rows[np.argsort(day_column[rows], kind="stable")]
        block = select(self.rows, ordered)
        return replace(block, time_us=day_column[ordered])

    def _day_column(self, *, by_arrival: bool) -> Integers:
        return self.rows.time_us if by_arrival else self.rows.own_time_us


def select(block: Block, rows: Integers) -> Block:
    """Return the rows with these indexes, in their order."""
    columns = {name: getattr(block, name)[rows] for name in Block.__dataclass_fields__ if name != "devices"}
    return replace(block, **columns)


def record(kind: Kind, movement: Movement, seed: int) -> Recording:
    """Return what a phone of a kind reports of a movement."""
    random = np.random.default_rng((seed, 1 + [each.name for each in KINDS].index(kind.name)))
    own_s = np.round(kind.schedule(movement, random), 3)
    east_m, north_m, accuracy = measure(movement, own_s, kind.sensor, random)
    twice = np.flatnonzero(random.random(len(own_s)) < _DUPLICATES)
    arrival_s = _arrivals(own_s, random)
    repeated_s = arrival_s[twice] + random.uniform(1, 60, len(twice))
    source = np.concatenate([np.arange(len(own_s)), twice])
    arrival_s = np.concatenate([arrival_s, repeated_s])
    order = np.argsort(arrival_s, kind="stable")
    source, arrival_s = source[order], arrival_s[order]
    latitude, longitude = degrees(east_m[source], north_m[source])
    none = np.full(len(source), NULL)
    rows = Block(
        time_us=_microseconds(arrival_s),
        own_time_us=_microseconds(own_s[source]),
        device=np.zeros(len(source), np.int64),
        latitude=latitude,
        longitude=longitude,
        accuracy=accuracy[source],
        battery=none,
        velocity=none,
        devices=[DEVICE],
    )
    return Recording(rows)


def _microseconds(time_s: Floats) -> Integers:
    return np.round(time_s * 1e6).astype(np.int64)


def _arrivals(own_s: Floats, random: np.random.Generator) -> Floats:
    """Return when fixes arrive: after some seconds, or after a time without a network, mostly in their order."""
    arrival_s = own_s + 1 + random.exponential(2, len(own_s))
    for start_s, end_s in _spans(own_s[0], own_s[-1], _OFFLINE_A_DAY, (10 * 60, 60 * 60), random):
        late = np.flatnonzero((own_s >= start_s) & (own_s < end_s))
        arrival_s[late] = np.maximum(arrival_s[late], end_s + 5 + 0.05 * np.arange(len(late)))
        if random.random() < _LIVE_FIRST:
            live = np.flatnonzero(own_s >= end_s)[:1]
            arrival_s[late] = np.maximum(arrival_s[late], own_s[live].max(initial=0) + 5 + 0.05 * np.arange(len(late)))
    return arrival_s


def _spans(
    start_s: float, end_s: float, a_day: float, length_s: tuple[float, float], random: np.random.Generator
) -> list[tuple[float, float]]:
    """Return random spans of time, `a_day` a day on average, with lengths between two limits."""
    count = random.poisson(a_day * (end_s - start_s) / _DAY_S)
    return [(start, start + random.uniform(*length_s)) for start in sorted(random.uniform(start_s, end_s, count))]


def _every(seconds: float, spread: float, lost: float) -> Schedule:
    """Return a schedule with a period that varies, of which a share is lost."""

    def schedule(movement: Movement, random: np.random.Generator) -> Floats:
        start_s, end_s = movement.time_s[0], movement.time_s[-1]
        periods = seconds * random.uniform(1 - spread, 1 + spread, int((end_s - start_s) / seconds / (1 - spread)))
        time_s = start_s + np.cumsum(periods)
        kept: Floats = time_s[(time_s < end_s) & (random.random(len(time_s)) >= lost)]
        return kept

    return schedule


def _on_movement(movement: Movement, random: np.random.Generator) -> Floats:
    """Report after 500 to 1,000 m, at most every five minutes, and at rest every three hours on average."""
    step_s = 15.0
    time_s = np.arange(movement.time_s[0], movement.time_s[-1], step_s)
    east_m, north_m = movement.positions(time_s)
    is_ping = random.random(len(time_s)) < step_s / (3 * _HOUR_S)
    reported, reach_m, found = 0, random.uniform(500, 1_000), [time_s[0]]
    for index in range(1, len(time_s)):
        moved_m = np.hypot(east_m[index] - east_m[reported], north_m[index] - north_m[reported])
        if is_ping[index] or (moved_m >= reach_m and time_s[index] - time_s[reported] >= 300):
            reported, reach_m = index, random.uniform(500, 1_000)
            found.append(time_s[index] + random.uniform(0, step_s))
    return np.array(found)


def _switched_off(movement: Movement, random: np.random.Generator) -> Floats:
    """Report every minute, but not for hours: at any time, and from within a trip until after its end."""
    time_s = _every(60, 0.1, 0.03)(movement, random)
    off = _spans(time_s[0], time_s[-1], 0.7, (_HOUR_S, 6 * _HOUR_S), random)
    for day_s in np.arange(movement.time_s[0], movement.time_s[-1], _DAY_S):
        for trip in movement.day(day_s).trips:
            if trip.end - trip.start > _HOUR_S and random.random() < 0.3:
                start_s = day_s + random.uniform(trip.start, trip.end)
                off.append((start_s, day_s + trip.end + random.uniform(0, 1.5 * _HOUR_S)))
    is_on: Flags = np.ones(len(time_s), np.bool_)
    for start_s, end_s in off:
        is_on &= (time_s < start_s) | (time_s >= end_s)
    return time_s[is_on]


KINDS = (
    Kind("every minute", "a fix a minute, 3 % of them lost", _every(60, 0.1, 0.03)),
    Kind("every 15 minutes", "a fix every 13 to 17 minutes, 3 % of them lost", _every(900, 0.13, 0.03)),
    Kind("on movement", "a fix after 500 to 1,000 m, and every three hours at rest", _on_movement, WITHOUT_GPS),
    Kind(
        "inaccurate",
        "a fix every two minutes, with large errors and accuracies that are wrong",
        _every(120, 0.2, 0.1),
        INACCURATE,
    ),
    Kind("switched off", "a fix a minute, but switched off for hours", _switched_off),
)


def home_km(block: Block) -> Floats:
    """Return the distances from home of the rows of a block."""
    return haversine_km(block.latitude, block.longitude, HOME_POSITION.latitude, HOME_POSITION.longitude)
