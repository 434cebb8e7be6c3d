"""One seed: a world, a few virtual minutes with faults, then rest, and what must hold there."""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from tests.simulation import patches
from tests.simulation.broker import SimBroker
from tests.simulation.callers import Callers
from tests.simulation.calls import call
from tests.simulation.disk import Disk
from tests.simulation.faults import weather_of
from tests.simulation.fixes import SimFixes
from tests.simulation.oracle import Oracle
from tests.simulation.pods import SETTINGS, Services
from tests.simulation.quiescence import Rest
from tests.simulation.readers import Readers
from tests.simulation.s3 import S3
from tests.simulation.world import Broken, World, rng_of
from tests.simulation.writes import Writes

_MINUTE_MS = 60_000
_REST_MINUTES = 40
_SETTLING_MS = 120_000  # even where nothing is under way: a sweep or two look at what has just ended


@dataclass(frozen=True)
class Outcome:
    """What became of a seed."""

    seed: int
    broken: str | None
    counts: Counter[str]
    trace: list[tuple[int, str, str]] | None


def run(seed: int, *, traced: bool = False) -> Outcome:
    """The whole life of a seed's world."""
    world = World(seed, weather_of(rng_of(seed, "world")), traced=traced)
    patches.install(world)
    try:
        with suppress(Broken):
            _Run(world).live()
    finally:
        world.close()
    world.counts[f"weather {world.weather.kind}"] += 1
    world.counts["steps"] += world.weather.asked
    return Outcome(seed, world.broken, world.counts, world.trace)


class _Run:
    """The parts of a world, and its course."""

    def __init__(self, world: World) -> None:
        rng = world.rng
        self._world = world
        self._stormy_ms = rng.randint(2, 7) * _MINUTE_MS // 2
        self._tick_ms = tick_ms = rng.randrange(_MINUTE_MS)  # when in a minute the sweep is called
        records, csvs = Disk(SETTINGS.JOBS_BUCKET), Disk(SETTINGS.CSV_BUCKET)
        s3 = S3(world, {disk.name: disk for disk in (records, csvs)}, rng.choice((2, 5, 1000)), rng.choice((404, 412)))
        job_age = timedelta(minutes=rng.randint(2, 6)) if rng.random() < 0.15 else None
        csv_age = timedelta(minutes=rng.randint(5, 8)) if rng.random() < 0.15 else None  # no attempt takes as long
        self._oracle = truth = Oracle(world, csvs, job_age, csv_age)
        Writes(truth, records, csvs)
        merely = world.weather.mere_deaths
        broker = SimBroker(world, truth, rng.choice((2, 4, 10)), [] if merely else self._outages())
        slowness_ms = None if merely else rng.choice((None, None, (5_500, 7_500), (0, 20_000)))
        self._services = services = Services(world, s3, SimFixes(world, slowness_ms), broker, truth)
        broker.services = services
        self._readers = Readers(world, services, truth, tick_ms)
        self._callers = Callers(world, services, broker, truth, tick_ms)
        self._rest = Rest(world, truth, self._readers, records, csvs)

    def _outages(self) -> list[tuple[int, int]]:
        """When the broker is away."""
        rng, start = self._world.rng, self._world.rng.randrange(self._stormy_ms)
        return [(start, start + rng.randrange(90_000))] if rng.random() < 0.2 else []

    def live(self) -> None:
        """Storm, then rest until nothing is under way, then what must hold."""
        world, rng, weather = self._world, self._world.rng, self._world.weather
        self._readers.start(self._stormy_ms)
        self._callers.start(rng.randint(3, 8), self._stormy_ms * 3 // 4)
        if rng.random() < 0.1:
            for number in range(rng.randint(10, 25)):
                self._sweep(f"extra sweep {number}", self._tick_ms + number * rng.randrange(3_000))
        if rng.random() < 0.3 and not weather.mere_deaths:
            world.spawn("autoscaler", self._scale_down)
        rivals = rng.random() < 0.3
        for minute in range(_REST_MINUTES):
            at_ms = self._tick_ms + minute * _MINUTE_MS
            world.run(min(at_ms, max(self._stormy_ms, world.now)))
            weather.fair = world.now >= self._stormy_ms
            world.run(at_ms)
            if weather.fair and world.now > self._stormy_ms + _SETTLING_MS and not self._rest.pending():
                break
            for number in range(rng.randint(2, 3) if rivals and not weather.fair else 1):
                self._sweep(f"sweep {minute}.{number}", number * rng.randrange(1_000))
        else:
            world.fail(f"not at rest after {_REST_MINUTES} minutes: {'; '.join(self._rest.pending())}")
        world.spawn("rest", self._rest.check)
        world.run(world.now + _MINUTE_MS)

    def _sweep(self, name: str, after_ms: int) -> None:
        """As the PingSource calls it: nobody tries again."""
        world, truth = self._world, self._oracle

        def sweep() -> None:
            began_ms, ranks = world.now, truth.ranks()
            reply = self._services.visit("calculate", "sweep", call(world))
            if reply is not None and reply.status not in (204, 503):
                world.fail(f"sweep answered {reply.status}")
            if reply is not None and reply.status == 204 and not self._services.last.outrun:
                truth.swept(began_ms, ranks)

        world.spawn(name, sweep, after_ms)

    def _scale_down(self) -> None:
        """Now and then a pod that works is asked to stop."""
        while not self._world.weather.fair:
            self._world.sleep(self._world.rng.randrange(120_000))
            self._services.scale_down()
