"""The simulated database: a small table of fixes that is the same for every seed, and the expected results."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache

from functions.calculate.day.csv_rows import HEADER
from functions.calculate.fixes.blocks import Block, DayFixes, DayQuery
from shared import days
from shared.errors import Unavailable
from shared.models import Home
from tests.reference import EPOCH, Fix, block, context, written
from tests.reference import day as reference_day
from tests.simulation.faults import DEADLY, Fault
from tests.simulation.world import PodDied, World

DATES = ("2026-01-23", "2026-01-24", "2026-01-25")
DEVICES = ("", "phone", "watch", "nobody")
_ROWS = {("2026-01-23", "phone"): 3, ("2026-01-24", "phone"): 9, ("2026-01-24", "watch"): 4, ("2026-01-25", "watch"): 6}
_BLOCK_ROWS = 2
_LEASE_CHECK_MS = 5_000


def _table() -> list[Fix]:
    rng = random.Random(20_260_125)
    fixes = []
    for (day, device), rows in _ROWS.items():
        for _ in range(rows):
            at = datetime.fromisoformat(day + "T00:00:00+00:00") + timedelta(seconds=rng.randrange(86_400))
            place = (40.73 + rng.random() / 50, -74.03 - rng.random() / 50)
            fixes.append(Fix((at - EPOCH) // timedelta(microseconds=1), device, *place, rng.randrange(50), 80, None))
    fixes.append(Fix(fixes[4].time_us + 1, "phone", 91.0, 0.0))  # an invalid position
    return sorted(fixes, key=lambda fix: fix.time_us)


TABLE = _table()
LATEST = {fix.device: EPOCH + timedelta(microseconds=fix.time_us) for fix in TABLE}


@cache
def _fixes_of_day(start: datetime, end: datetime, device_id: str) -> list[Fix]:
    first, last = ((instant - EPOCH) // timedelta(microseconds=1) for instant in (start, end))
    return [fix for fix in TABLE if first <= fix.time_us < last and device_id in ("", fix.device)]


@cache
def _blocks(start: datetime, end: datetime, device_id: str) -> list[Block]:
    fixes, devices = _fixes_of_day(start, end, device_id), list[str]()
    return [block(fixes[at : at + _BLOCK_ROWS], devices) for at in range(0, len(fixes), _BLOCK_ROWS)]


@dataclass(frozen=True)
class ExpectedResult:
    """Expected numbers and CSV of a job, or None and b"" if the day has no data."""

    numbers: dict[str, float] | None
    csv: bytes


@cache
def expected(day: str, device_id: str, timezone: str, home: tuple[float, float], threshold: float) -> ExpectedResult:
    """Return the result of the reference implementation for a task."""
    start, end = days.interval(date.fromisoformat(day), timezone)
    result = reference_day(_fixes_of_day(start, end, device_id), Home(latitude=home[0], longitude=home[1]), threshold)
    if not result.numbers["total_locations"]:
        return ExpectedResult(None, b"")
    minutes = result.numbers.pop("away_minutes")
    numbers = {name: round(value, 6) for name, value in result.numbers.items()}
    return ExpectedResult({**numbers, "away_minutes": int(minutes * 100 + 0.5) / 100}, HEADER + written(result.rows))


class SimulatedFixes:
    """Source of fixes. Each block is a step that may meet a fault, and during which a lease may expire.

    `block_ms` is the range of a block's duration, or None for no delay.
    """

    def __init__(self, world: World, block_ms: tuple[int, int] | None) -> None:
        self._world = world
        self._block_ms = block_ms
        self._device_queries = 0

    @contextmanager
    def read_day(self, query: DayQuery, heartbeat: Callable[[], None]) -> Iterator[DayFixes]:
        """Yield the context and the blocks of a day as functions/calculate/fixes/source.py does."""
        self._step("connect", heartbeat)
        blocks = _blocks(query.start, query.end, query.device_id)
        yield DayFixes("created_at", *context(TABLE, query), self._iterate(blocks, heartbeat))

    def latest_fix_times(self, since: datetime, limit: int) -> dict[str, datetime]:
        """Return the latest fix of each device. A run is shorter than the hour between two refreshes."""
        self._device_queries += 1
        if self._device_queries > 1:
            self._world.report_violation("the devices are queried again")
        self._step("devices", lambda: None)
        latest = {name: at for name, at in LATEST.items() if at >= since}
        return dict(list(latest.items())[:limit])

    def _iterate(self, blocks: list[Block], heartbeat: Callable[[], None]) -> Iterator[Block]:
        for number, fixes in enumerate(blocks, 1):
            self._step(f"block {number}/{len(blocks)}", heartbeat)
            yield fixes

    def _step(self, name: str, heartbeat: Callable[[], None]) -> None:
        world = self._world
        invocation = world.step()
        invocation.pod.stop.check()
        heartbeat()
        fault = world.faults.next_fault(invocation.handler)
        world.note(f"database {name}" + ("" if fault is Fault.NONE else f" … {fault.name}"))
        if fault in DEADLY:
            world.counts[fault.name.lower()] += 1
            world.kill(invocation.pod)
            raise PodDied
        if fault in (Fault.FAIL, Fault.LOST, Fault.CONFLICT, Fault.GHOST):
            world.counts["database_" + fault.name.lower()] += 1
            world.sleep(world.faults.delay_ms())
            raise Unavailable("database", "57P01")
        if fault is Fault.HANG:
            world.counts["hang"] += 1
            world.sleep(world.faults.hang_ms())
        elif fault is not Fault.NONE:
            world.sleep(world.faults.delay_ms())
        remaining_ms = world.rng.randint(*self._block_ms) if self._block_ms else 0
        while remaining_ms > 0:
            world.sleep(min(remaining_ms, _LEASE_CHECK_MS))
            remaining_ms -= _LEASE_CHECK_MS
            invocation.pod.stop.check()
            heartbeat()

    def ping(self) -> None:
        """Succeed: the database is available."""
