"""Long days of several phones, generated from a seed: stays with noise, trips, jumps, gaps and bad rows."""

import math
from collections.abc import Sequence
from random import Random

from tests.unit.analysis.day import Day
from tests.unit.analysis.days import BAD_ACCURACIES, ODD_COORDINATES, move
from tests.unit.analysis.hand_made.builders import MIDNIGHT_US, WINDOW
from tests.unit.analysis.places import HOME, Position, at
from tests.unit.analysis.reference import Row

HALF_DAY_US = 12 * 3_600 * 1_000_000
PERIODS_SECONDS = (5, 30, 60, 300, 900)  # between the reports of a phone
# Where days near limits begin.
PLACES = (
    Position(0.0, 10.0),
    Position(50.0, 0.0),
    Position(-60.0, 179.9),
    Position(79.99, 10.0),
    Position(-84.95, 10.0),
    Position(89.9, 0.0),
)
SPEEDS_KMH = (4, 15, 50, 120)


def long_day(seed: int, devices: int = 3) -> Day:
    """Return a day of `devices` phones, each with a few hundred to some thousand fixes, and with context."""
    random = Random(seed)
    rows = [row for number in range(devices) for row in _phone(random, f"phone-{number}")]
    # Rows arrive in the order of their times, but for every 50th, which is up to ten minutes late.
    delays = [random.uniform(0, 600_000_000) if random.random() < 0.02 else 0 for _ in rows]
    arrivals = sorted(zip(rows, delays, strict=True), key=lambda arrival: arrival[0][1] + arrival[1])
    ordered = [row for row, _ in arrivals]
    start, end = WINDOW
    return Day(
        rows=[row for row in ordered if start <= row[1] < end],
        before=[row for row in ordered if row[1] < start],
        after=[row for row in ordered if row[1] >= end],
        window=WINDOW,
    )


def dense_day(seed: int, steps_km: Sequence[float], count: int = 6_000) -> Day:
    """Return a day of two phones that report every 28 seconds, and move by one of the steps from fix to fix."""
    random = Random(seed)
    rows: list[Row] = []
    kilometres = [0.0, 0.0]
    for number in range(count):
        device = number % 2
        kilometres[device] += random.choice(steps_km)
        position, accuracy = at(kilometres[device]), random.choice((0, 5, 20, 40, 80))
        time_us = MIDNIGHT_US + number * 14_000_000
        rows.append((f"device {device}", time_us, position.latitude, position.longitude, accuracy))
    return Day(rows=rows, window=WINDOW)


def day_near_limits(seed: int, start: Position, largest_accuracy: int = 10_000, count: int = 300) -> Day:
    """Return a day whose fixes are slightly nearer or farther than the limit of the robust path, in any direction."""
    random = Random(seed)
    position, accuracy = start, 0
    rows: list[Row] = []
    for number in range(count):
        previous, accuracy = accuracy, random.choice((0, 5, 40, 100, 1_000, largest_accuracy))
        limit_km = max(50, previous + accuracy) / 1000
        position = _towards(position, random.uniform(0, math.tau), limit_km * random.choice((0.999, 0.99999, 1.00001)))
        time_us = MIDNIGHT_US + number * 280_000_000
        rows.append(("phone", time_us, position.latitude, position.longitude, accuracy))
    return Day(rows=rows, window=WINDOW)


def _towards(start: Position, bearing: float, km: float) -> Position:
    """Return the end of a great-circle segment; the bearing is in radians, clockwise from north."""
    angle, latitude = km / 6371.0, math.radians(start.latitude)
    sine = math.sin(latitude) * math.cos(angle) + math.cos(latitude) * math.sin(angle) * math.cos(bearing)
    east = math.atan2(
        math.sin(bearing) * math.sin(angle) * math.cos(latitude), math.cos(angle) - math.sin(latitude) * sine
    )
    longitude = start.longitude + math.degrees(east)
    return Position(math.degrees(math.asin(sine)), (longitude + 180) % 360 - 180)


def _phone(random: Random, device: str) -> list[Row]:
    """Return the rows of a phone from 12 hours before the day to 12 hours after it."""
    period_us = random.choice(PERIODS_SECONDS) * 1_000_000
    noise_km = random.choice((0.005, 0.02, 0.1))
    time_us, end_us = MIDNIGHT_US - HALF_DAY_US, WINDOW[1] + HALF_DAY_US
    north_km, target_km, speed_kmh = 0.0, 0.0, 0.0
    rows: list[Row] = []
    while time_us < end_us:
        elapsed_us = round(period_us * random.uniform(0.5, 1.5))
        if random.random() < 0.003:
            elapsed_us += round(random.expovariate(1 / 7_200e6))  # switched off, for two hours on average
        if north_km == target_km and random.random() < elapsed_us / 10_800e6:  # it leaves every three hours
            target_km = 0.0 if north_km else random.choice((0.35, 0.6, 1.0, 3.0, 25.0))
            speed_kmh = random.choice(SPEEDS_KMH)
        reach_km = speed_kmh * elapsed_us / 3_600e6
        north_km = max(north_km - reach_km, min(north_km + reach_km, target_km))
        time_us += elapsed_us
        rows.append(_report(random, device, time_us, north_km, noise_km))
    return rows


def _report(random: Random, device: str, time_us: int, north_km: float, noise_km: float) -> Row:
    """Return a row near a position, or a bad row."""
    if random.random() < 0.01:
        return device, time_us, *random.choice(ODD_COORDINATES), 10
    if random.random() < 0.01:
        noise_km = 30.0  # a cell tower somewhere, or another place altogether
    north, east = random.gauss(north_km, noise_km), random.gauss(0, noise_km)
    position = move(HOME, north, east)
    accuracy = random.choice((None, 0, round(1000 * noise_km), round(3000 * noise_km), 10))
    if random.random() < 0.01:
        accuracy = random.choice(BAD_ACCURACIES)
    return device, time_us, position.latitude, position.longitude, accuracy
