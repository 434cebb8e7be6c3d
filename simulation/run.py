"""One seed: a world, a few virtual minutes with faults, then rest, and what must hold there."""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from simulation import seams
from simulation.broker import SimBroker
from simulation.callers import Callers
from simulation.calls import call
from simulation.disk import Disk
from simulation.fixes import SimFixes
from simulation.pods import SETTINGS, Services
from simulation.readers import Readers
from simulation.rest import at_rest, unsettled
from simulation.s3 import S3
from simulation.truth import Truth
from simulation.weather import weather_of
from simulation.world import Broken, World, rng_of
from simulation.writes import Writes

_MINUTE_MS = 60_000
_REST_MINUTES = 40


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
    seams.install(world)
    try:
        _live(world)
    except Broken:
        pass
    finally:
        world.close()
    world.counts[f"weather: {world.weather.kind}"] += 1
    world.counts["requests"] += world.weather.asked
    return Outcome(seed, world.broken, world.counts, world.trace)


def _live(world: World) -> None:
    rng, weather = world.rng, world.weather
    records, csvs = Disk(SETTINGS.JOBS_BUCKET), Disk(SETTINGS.CSV_BUCKET)
    s3 = S3(world, {disk.name: disk for disk in (records, csvs)}, rng.choice((2, 5, 1000)), rng.choice((404, 412)))
    job_age = timedelta(minutes=rng.randint(2, 6)) if rng.random() < 0.15 else None
    csv_age = timedelta(minutes=rng.randint(5, 8)) if rng.random() < 0.15 else None  # no attempt takes as long
    truth = Truth(world, csvs, job_age, csv_age)
    Writes(truth, records, csvs)
    stormy_ms = rng.randint(2, 8) * _MINUTE_MS // 2
    away = [(start, start + rng.randrange(90_000)) for start in [rng.randrange(stormy_ms)] if rng.random() < 0.2]
    broker = SimBroker(world, truth, rng.choice((2, 4, 10)), [] if weather.mere_deaths else away)
    slowness_ms = None if weather.mere_deaths else rng.choice((None, None, (5_500, 7_500), (0, 20_000)))
    services = Services(world, s3, SimFixes(world, slowness_ms), broker, truth)
    broker.services = services
    readers = Readers(world, services, truth)
    tick = rng.randrange(_MINUTE_MS)
    readers.start(stormy_ms, tick)
    Callers(world, services, broker, truth).start(rng.randint(3, 8), stormy_ms * 3 // 4, tick)

    def sweep() -> None:
        started, ranks = world.now, truth.ranks()
        reply = services.visit("calculate", "sweep", call(world))
        if reply is not None and reply.status not in (204, 503):
            world.fail(f"sweep answered {reply.status}")
        if reply is not None and reply.status == 204 and not services.last.outrun:
            truth.swept(started, ranks)

    def scale_down() -> None:
        while not weather.fair:
            world.sleep(rng.randrange(120_000))
            services.scale_down()

    if rng.random() < 0.3 and not weather.mere_deaths:
        world.spawn("autoscaler", scale_down)
    if rng.random() < 0.08:
        for number in range(rng.randint(10, 25)):
            world.spawn(f"extra sweep {number}", sweep, tick + number * rng.randrange(3_000))
    rivals = rng.random() < 0.3
    for minute in range(_REST_MINUTES):
        at = tick + minute * _MINUTE_MS
        world.run(min(at, max(stormy_ms, world.now)))
        weather.fair = world.now >= stormy_ms
        world.run(at)
        if weather.fair and world.now - stormy_ms > 2 * _MINUTE_MS and not unsettled(world, truth, records, csvs):
            break
        for number in range(rng.randint(2, 3) if rivals and not weather.fair else 1):
            world.spawn(f"sweep {minute}.{number}", sweep, number * rng.randrange(1_000))
    else:
        world.fail(f"not at rest after {_REST_MINUTES} minutes: {'; '.join(unsettled(world, truth, records, csvs))}")
    world.spawn("rest", lambda: at_rest(world, truth, readers))
    world.run(world.now + _MINUTE_MS)
