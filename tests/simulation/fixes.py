"""The table of fixes: the same for every seed, a few rows a day, so that a run costs milliseconds."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache

from functions.calculate.day.csv_rows import HEADER
from functions.calculate.fixes.blocks import Block
from shared import days
from shared.errors import Unavailable
from shared.models import Home
from tests.reference import EPOCH, Fix, block, written
from tests.reference import day as plainly
from tests.simulation.faults import Fate
from tests.simulation.world import Death, World

DATES = ("2026-01-23", "2026-01-24", "2026-01-25")
DEVICES = ("", "phone", "watch", "nobody")
_ROWS = {("2026-01-23", "phone"): 3, ("2026-01-24", "phone"): 9, ("2026-01-24", "watch"): 4, ("2026-01-25", "watch"): 6}
_BLOCK = 2
_LOOK_MS = 5_000  # how often a slow server is looked away from


def _table() -> list[Fix]:
    chance = random.Random(20_260_125)
    fixes = []
    for (day, device), rows in _ROWS.items():
        for _ in range(rows):
            at = datetime.fromisoformat(day + "T00:00:00+00:00") + timedelta(seconds=chance.randrange(86_400))
            place = (40.73 + chance.random() / 50, -74.03 - chance.random() / 50)
            fixes.append(Fix((at - EPOCH) // timedelta(microseconds=1), device, *place, chance.randrange(50), 80, None))
    fixes.append(Fix(fixes[4].time_us + 1, "phone", 91.0, 0.0))  # no place on Earth
    return sorted(fixes, key=lambda fix: fix.time_us)


TABLE = _table()
LATEST = {fix.device: EPOCH + timedelta(microseconds=fix.time_us) for fix in TABLE}


@cache
def _of_day(start: datetime, end: datetime, device_id: str) -> list[Fix]:
    first, last = ((instant - EPOCH) // timedelta(microseconds=1) for instant in (start, end))
    return [fix for fix in TABLE if first <= fix.time_us < last and device_id in ("", fix.device)]


@cache
def _blocks(start: datetime, end: datetime, device_id: str) -> list[Block]:
    found, devices = _of_day(start, end, device_id), list[str]()
    return [block(found[at : at + _BLOCK], devices) for at in range(0, len(found), _BLOCK)]


@dataclass(frozen=True)
class Expected:
    """What a job must come to: its numbers and its CSV, or None and b"" where there is no data."""

    numbers: dict[str, float] | None
    csv: bytes


@cache
def expected(day: str, device_id: str, timezone: str, home: tuple[float, float], threshold: float) -> Expected:
    """The plain reference's word on a task."""
    start, end = days.interval(date.fromisoformat(day), timezone)
    wanted = plainly(_of_day(start, end, device_id), Home(latitude=home[0], longitude=home[1]), threshold)
    if not wanted.numbers["total_locations"]:
        return Expected(None, b"")
    minutes = wanted.numbers.pop("away_minutes")
    numbers = {name: round(value, 6) for name, value in wanted.numbers.items()}
    return Expected({**numbers, "away_minutes": int(minutes * 100 + 0.5) / 100}, HEADER + written(wanted.rows))


class SimFixes:
    """The database: each block is a step at which the weather decides, and in which a lease may run out."""

    def __init__(self, world: World, slowness_ms: tuple[int, int] | None) -> None:
        self._world = world
        self._slowness_ms = slowness_ms  # the least and the most that a block takes
        self.looks = 0  # at the devices

    @contextmanager
    def read_day(
        self, start: datetime, end: datetime, device_id: str, heartbeat: Callable[[], None]
    ) -> Iterator[Iterator[Block]]:
        """The blocks of a day, as functions/calculate/fixes/source.py gives them."""
        self._step("connect", heartbeat)
        yield self._each(_blocks(start, end, device_id), heartbeat)

    def latest_fix_times(self, since: datetime, limit: int) -> dict[str, datetime]:
        """The latest fix of each device. A run is shorter than the hour between two refreshes."""
        self.looks += 1
        if self.looks > 1:
            self._world.fail("the database is asked for the devices again")
        self._step("devices", lambda: None)
        found = {name: at for name, at in LATEST.items() if at >= since}
        return dict(list(found.items())[:limit])

    def _each(self, blocks: list[Block], heartbeat: Callable[[], None]) -> Iterator[Block]:
        for number, found in enumerate(blocks, 1):
            self._step(f"block {number}/{len(blocks)}", heartbeat)
            yield found

    def _step(self, name: str, heartbeat: Callable[[], None]) -> None:
        world = self._world
        visit = world.step()
        visit.pod.stop.check()
        heartbeat()
        fate = world.weather.fate(visit.handler)
        world.note(f"database {name}" + ("" if fate is Fate.NOW else f" … {fate.name}"))
        if fate in (Fate.DIE_BEFORE, Fate.DIE_AFTER, Fate.DIE_GHOST):
            world.counts[fate.name.lower()] += 1
            world.kill(visit.pod)
            raise Death
        if fate in (Fate.FAIL, Fate.LOST, Fate.CONFLICT, Fate.GHOST):
            world.counts["database_" + fate.name.lower()] += 1
            world.sleep(world.weather.delay_ms())
            raise Unavailable("database", "57P01")
        if fate is Fate.HANG:
            world.counts["hang"] += 1
            world.sleep(world.weather.hang_ms())
        elif fate is not Fate.NOW:
            world.sleep(world.weather.delay_ms())
        left_ms = world.rng.randint(*self._slowness_ms) if self._slowness_ms else 0
        while left_ms > 0:
            world.sleep(min(left_ms, _LOOK_MS))
            left_ms -= _LOOK_MS
            visit.pod.stop.check()
            heartbeat()

    def ping(self) -> None:
        """The database is there."""
