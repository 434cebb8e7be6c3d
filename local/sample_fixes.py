"""Sample fixes of two devices from 2026-01-12 to 2026-01-25 (UTC), the same on every machine."""

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
_BEACON = (41.504812, -73.969580)  # the trip on Saturday
_PARK = (40.708700, -74.055400)

COLUMNS = (
    "device_id, tid, latitude, longitude, accuracy, altitude, velocity, battery, battery_status, connection_type,"
    ' trigger, "timestamp", created_at'
)
Row = tuple[object, ...]


@dataclass(frozen=True)
class Leg:
    """A movement from `origin` to `target` between two hours of a day, or a stay if both are the same."""

    start: float
    end: float
    origin: tuple[float, float]
    target: tuple[float, float]

    @property
    def is_moving(self) -> bool:
        return self.origin != self.target

    def position(self, hour: float) -> tuple[float, float]:
        """Return latitude and longitude at `hour`, with acceleration at the start and braking at the end."""
        share = (hour - self.start) / (self.end - self.start)
        eased = share * share * (3 - 2 * share)
        return (
            self.origin[0] + (self.target[0] - self.origin[0]) * eased,
            self.origin[1] + (self.target[1] - self.origin[1]) * eased,
        )

    def velocity(self, hour: float) -> float:
        """Return the speed at `hour` in km/h."""
        step = 1 / 3600
        latitude, longitude = self.position(hour)
        next_latitude, next_longitude = self.position(min(hour + step, self.end))
        scale = math.cos(math.radians(latitude))
        metres = math.hypot(next_latitude - latitude, (next_longitude - longitude) * scale) * _METRES_PER_DEGREE
        return metres / 1000 / step


def _legs(*stops: tuple[float, tuple[float, float]]) -> list[Leg]:
    """Return the legs of a day that starts and ends at home; each stop is an hour of arrival and a location."""
    legs, hour, origin = [], 0.0, HOME
    for until, target in (*stops, (24.0, HOME)):
        legs.append(Leg(hour, until, origin, target))
        hour, origin = until, target
    return legs


def _legs_of(device: str, weekday: int) -> list[Leg]:
    """Return a day's legs; hours are UTC, five ahead of local time."""
    if device == "garmin":  # worn for a run
        return _legs((12.0, HOME), (12.4, _PARK), (12.9, HOME)) if weekday in (1, 3, 6) else _legs()
    if weekday < 5:
        return _legs((12.8, HOME), (13.6, _OFFICE), (22.3, _OFFICE), (23.1, HOME))
    if weekday == 5:
        return _legs((14.0, HOME), (15.6, _BEACON), (20.5, _BEACON), (22.2, HOME))
    return _legs((16.0, HOME), (16.4, _CAFE), (18.0, _CAFE), (18.4, HOME))


def rows() -> Iterator[Row]:
    """Yield every fix as a row of COLUMNS, by device and in order of arrival."""
    for device, seconds in ((("iphone_stuart", "SF"), 59.0), (("garmin", "GA"), 240.0)):
        rng = random.Random(f"{device[0]} 2026")  # noqa: S311 - reproducible by design
        battery = 88.0
        for number in range(_DAYS):
            day = _FIRST_DAY + timedelta(days=number)
            legs = _legs_of(device[0], day.weekday())
            gap = rng.uniform(3, 11)  # a gap without reception
            second = rng.uniform(0, seconds)
            while second < 86_400:
                hour = second / 3600
                if not gap < hour < gap + rng.uniform(0.0, 0.12):
                    leg = next(leg for leg in legs if hour < leg.end)
                    charging = 3.5 < hour < 10.5
                    battery = min(100.0, battery + 0.35) if charging else max(4.0, battery - 0.045)
                    yield _row(
                        rng, device, day + timedelta(seconds=int(second)), leg, -battery if charging else battery
                    )
                second += seconds * rng.uniform(0.94, 1.06)


def _row(rng: random.Random, device: tuple[str, str], instant: datetime, leg: Leg, battery: float) -> Row:
    """Return one fix on `leg`; `battery` is negative while charging."""
    hour = instant.hour + instant.minute / 60 + instant.second / 3600
    accuracy = round(rng.choice((4, 5, 8, 12, 16, 35)) * (1.5 if leg.is_moving else 1.0))
    true_latitude, true_longitude = leg.position(hour)
    metres_per_degree_of_longitude = math.cos(math.radians(true_latitude)) * _METRES_PER_DEGREE
    noise = accuracy / 3
    latitude = round(true_latitude + rng.uniform(-noise, noise) / _METRES_PER_DEGREE, 6)
    longitude = round(true_longitude + rng.uniform(-noise, noise) / metres_per_degree_of_longitude, 6)
    velocity = max(0, round(leg.velocity(hour) * rng.uniform(0.85, 1.1))) if leg.is_moving else 0
    arrival = instant + timedelta(milliseconds=rng.randint(150, 2400))
    battery_known = rng.random() > 0.03
    return (
        *(*device, latitude, longitude, accuracy, round(rng.uniform(6, 22), 1), velocity),
        *(
            round(abs(battery)) if battery_known else None,
            2 if battery < 0 else 1,
            "m" if leg.is_moving else "w",
            "t" if leg.is_moving else "u",
        ),
        *(instant, arrival),
    )


def load(connection: psycopg.Connection) -> None:
    """Create and fill the table in the connection's transaction, unless it exists."""
    row = connection.execute("SELECT to_regclass('public.locations')").fetchone()
    if row and row[0]:
        return
    connection.execute(_SCHEMA.read_bytes())
    with connection.cursor().copy(f"COPY public.locations ({COLUMNS}) FROM STDIN") as copy:
        for row in rows():
            copy.write_row(row)
    connection.execute("ANALYZE public.locations")
