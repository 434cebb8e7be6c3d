"""Sample fixes: two devices' fortnight from 2026-01-12 to 2026-01-25 (UTC days), the same on every machine."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

_FIRST_DAY = datetime(2026, 1, 12, tzinfo=UTC)  # a Monday
_DAYS = 14
_METRES_PER_DEGREE = 111_195
_SCHEMA = Path(__file__).with_name("schema.sql")

HOME = (40.736097, -74.039373)
_OFFICE = (40.752726, -73.977229)
_CAFE = (40.719843, -74.042610)
_BEACON = (41.504812, -73.969580)  # the weekend's trip, up the Hudson
_PARK = (40.708700, -74.055400)

COLUMNS = (
    "device_id, tid, latitude, longitude, accuracy, altitude, velocity, battery, battery_status, connection_type,"
    ' trigger, "timestamp", created_at'
)
Row = tuple[object, ...]


@dataclass(frozen=True)
class Leg:
    """From `start` to `end` hours of a day the device goes from one place to another, or stays where both are."""

    start: float
    end: float
    origin: tuple[float, float]
    target: tuple[float, float]

    @property
    def moves(self) -> bool:
        return self.origin != self.target

    def at(self, hour: float) -> tuple[float, float]:
        """Latitude and longitude at `hour`: slow at both ends, as trains and people are."""
        share = (hour - self.start) / (self.end - self.start)
        eased = share * share * (3 - 2 * share)
        return (
            self.origin[0] + (self.target[0] - self.origin[0]) * eased,
            self.origin[1] + (self.target[1] - self.origin[1]) * eased,
        )

    def velocity(self, hour: float) -> float:
        """Kilometres an hour at `hour`."""
        step = 1 / 3600
        (north, east), (there_north, there_east) = self.at(hour), self.at(min(hour + step, self.end))
        width = math.cos(math.radians(north))
        metres = math.hypot(there_north - north, (there_east - east) * width) * _METRES_PER_DEGREE
        return metres / 1000 / step


def _way(*stops: tuple[float, tuple[float, float]]) -> list[Leg]:
    """A day of legs; each stop is the hour of arrival and the place, beginning and ending at home."""
    legs, hour, place = [], 0.0, HOME
    for until, target in (*stops, (24.0, HOME)):
        legs.append(Leg(hour, until, place, target))
        hour, place = until, target
    return legs


def _day_of(device: str, weekday: int) -> list[Leg]:
    """Hours are UTC: five more than on the clocks of the place."""
    if device == "garmin":  # worn for a run
        return _way((12.0, HOME), (12.4, _PARK), (12.9, HOME)) if weekday in (1, 3, 6) else _way()
    if weekday < 5:
        return _way((12.8, HOME), (13.6, _OFFICE), (22.3, _OFFICE), (23.1, HOME))
    if weekday == 5:
        return _way((14.0, HOME), (15.6, _BEACON), (20.5, _BEACON), (22.2, HOME))
    return _way((16.0, HOME), (16.4, _CAFE), (18.0, _CAFE), (18.4, HOME))


def rows() -> Iterator[Row]:
    """Every fix as a row of the table, without its id, in the order of arrival of each device."""
    for device, seconds in ((("iphone_stuart", "SF"), 59.0), (("garmin", "GA"), 240.0)):
        chance = random.Random(f"{device[0]} 2026")  # noqa: S311 - the same numbers each time are the point
        battery = 88.0
        for number in range(_DAYS):
            day = _FIRST_DAY + timedelta(days=number)
            legs = _day_of(device[0], day.weekday())
            gap = chance.uniform(3, 11)  # without a network, or in a tunnel
            second = chance.uniform(0, seconds)
            while second < 86_400:
                hour = second / 3600
                if not gap < hour < gap + chance.uniform(0.0, 0.12):
                    leg = next(leg for leg in legs if hour < leg.end)
                    charging = 3.5 < hour < 10.5
                    battery = min(100.0, battery + 0.35) if charging else max(4.0, battery - 0.045)
                    yield _row(
                        chance, device, day + timedelta(seconds=int(second)), leg, -battery if charging else battery
                    )
                second += seconds * chance.uniform(0.94, 1.06)


def _row(chance: random.Random, device: tuple[str, str], instant: datetime, leg: Leg, battery: float) -> Row:
    """One fix on `leg`; `battery` is positive, or negative while it is being charged."""
    hour = instant.hour + instant.minute / 60 + instant.second / 3600
    accuracy = round(chance.choice((4, 5, 8, 12, 16, 35)) * (1.5 if leg.moves else 1.0))
    north, east = leg.at(hour)
    width = math.cos(math.radians(north)) * _METRES_PER_DEGREE
    noise = accuracy / 3
    latitude = round(north + chance.uniform(-noise, noise) / _METRES_PER_DEGREE, 6)
    longitude = round(east + chance.uniform(-noise, noise) / width, 6)
    velocity = max(0, round(leg.velocity(hour) * chance.uniform(0.85, 1.1))) if leg.moves else 0
    arrival = instant + timedelta(milliseconds=chance.randint(150, 2400))
    known = chance.random() > 0.03
    return (
        *(*device, latitude, longitude, accuracy, round(chance.uniform(6, 22), 1), velocity),
        *(
            round(abs(battery)) if known else None,
            2 if battery < 0 else 1,
            "m" if leg.moves else "w",
            "t" if leg.moves else "u",
        ),
        *(instant, arrival),
    )


def load(connection: psycopg.Connection) -> None:
    """The table with the sample fixes is there; made in one transaction by the first call."""
    found = connection.execute("SELECT to_regclass('public.locations')").fetchone()
    if found and found[0]:
        return
    connection.execute(_SCHEMA.read_bytes())
    with connection.cursor().copy(f"COPY public.locations ({COLUMNS}) FROM STDIN") as copy:
        for row in rows():
            copy.write_row(row)
    connection.execute("ANALYZE public.locations")
