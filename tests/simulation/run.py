"""One seed: a few virtual minutes with faults, then sweeps until all work is done, then the final checks."""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from tests.simulation import patches
from tests.simulation.broker import SimulatedBroker
from tests.simulation.bucket_state import BucketState
from tests.simulation.callers import Callers
from tests.simulation.faults import plan_faults
from tests.simulation.fixes import SimulatedFixes
from tests.simulation.oracle import Oracle
from tests.simulation.pods import SETTINGS, Services
from tests.simulation.quiescence import QuiescenceCheck
from tests.simulation.readers import Readers
from tests.simulation.s3 import S3
from tests.simulation.world import InvariantViolated, World, seeded_rng
from tests.simulation.write_checks import WriteChecks

_MINUTE_MS = 60_000
_MAX_MINUTES = 40
_SETTLING_MS = 120_000  # one or two sweeps process the jobs that ended last


@dataclass(frozen=True)
class SeedResult:
    """Result of a seed: the violated invariant or None, counts, and the trace if requested."""

    seed: int
    violation: str | None
    counts: Counter[str]
    trace: list[tuple[int, str, str]] | None


def run(seed: int, *, traced: bool = False) -> SeedResult:
    """Run one seed."""
    world = World(seed, plan_faults(seeded_rng(seed, "world")), traced=traced)
    patches.install(world)
    try:
        with suppress(InvariantViolated):
            _Run(world).execute()
    finally:
        world.close()
    world.counts[f"faults {world.faults.profile}"] += 1
    world.counts["steps"] += world.faults.requests
    return SeedResult(seed, world.violation, world.counts, world.trace)


class _Run:
    """The components of one run and its phases."""

    def __init__(self, world: World) -> None:
        rng = world.rng
        self._world = world
        self._faults_end_ms = rng.randint(2, 7) * _MINUTE_MS // 2
        self._sweep_offset_ms = sweep_offset_ms = rng.randrange(_MINUTE_MS)  # within each minute
        records, csvs = BucketState(SETTINGS.JOBS_BUCKET), BucketState(SETTINGS.CSV_BUCKET)
        buckets = {bucket.name: bucket for bucket in (records, csvs)}
        s3 = S3(world, buckets, rng.choice((2, 5, 1000)), rng.choice((404, 412)))
        job_age = timedelta(minutes=rng.randint(2, 6)) if rng.random() < 0.15 else None
        csv_age = timedelta(minutes=rng.randint(5, 8)) if rng.random() < 0.15 else None  # longer than any attempt
        self._oracle = oracle = Oracle(world, csvs, job_age, csv_age)
        WriteChecks(oracle, records, csvs)
        only_deaths = world.faults.only_deaths
        broker = SimulatedBroker(world, oracle, rng.choice((2, 4, 10)), [] if only_deaths else self._outages())
        block_ms = None if only_deaths else rng.choice((None, None, (5_500, 7_500), (0, 20_000)))
        self._services = services = Services(world, s3, SimulatedFixes(world, block_ms), broker, oracle)
        broker.services = services
        self._readers = Readers(world, services, oracle, sweep_offset_ms)
        self._callers = Callers(world, services, broker, oracle, sweep_offset_ms)
        self._quiescence = QuiescenceCheck(world, oracle, self._readers, records, csvs)

    def _outages(self) -> list[tuple[int, int]]:
        """Return start and end of the broker's outages in virtual milliseconds."""
        rng, start = self._world.rng, self._world.rng.randrange(self._faults_end_ms)
        return [(start, start + rng.randrange(90_000))] if rng.random() < 0.2 else []

    def execute(self) -> None:
        """Run callers and readers under faults, then sweeps until all work is done, then the final checks."""
        world, rng, faults = self._world, self._world.rng, self._world.faults
        self._readers.start(self._faults_end_ms)
        self._callers.start(rng.randint(3, 8), self._faults_end_ms * 3 // 4)
        if rng.random() < 0.1:
            for number in range(rng.randint(10, 25)):
                self._start_sweep(f"extra sweep {number}", self._sweep_offset_ms + number * rng.randrange(3_000))
        if rng.random() < 0.3 and not faults.only_deaths:
            world.spawn("autoscaler", self._scale_down)
        concurrent_sweeps = rng.random() < 0.3
        for minute in range(_MAX_MINUTES):
            at_ms = self._sweep_offset_ms + minute * _MINUTE_MS
            world.run(min(at_ms, max(self._faults_end_ms, world.now)))
            faults.over = world.now >= self._faults_end_ms
            world.run(at_ms)
            if faults.over and world.now > self._faults_end_ms + _SETTLING_MS and not self._quiescence.pending():
                break
            for number in range(rng.randint(2, 3) if concurrent_sweeps and not faults.over else 1):
                self._start_sweep(f"sweep {minute}.{number}", number * rng.randrange(1_000))
        else:
            pending = "; ".join(self._quiescence.pending())
            world.report_violation(f"not quiescent after {_MAX_MINUTES} minutes: {pending}")
        world.spawn("quiescence check", self._quiescence.check)
        world.run(world.now + _MINUTE_MS)

    def _start_sweep(self, name: str, after_ms: int) -> None:
        """Start a sweep as the PingSource does, without retries."""
        world, oracle = self._world, self._oracle

        def sweep() -> None:
            started_ms, ranks = world.now, oracle.ranks()
            response = self._services.send("calculate", "sweep")
            if response is not None and response.status not in (204, 503):
                world.report_violation(f"the response of sweep has status {response.status}")
            if response is not None and response.status == 204 and not self._services.last_invocation.lost_race:
                oracle.record_sweep(started_ms, ranks)

        world.spawn(name, sweep, after_ms)

    def _scale_down(self) -> None:
        """Terminate busy pods at random times until the faults end."""
        while not self._world.faults.over:
            self._world.sleep(self._world.rng.randrange(120_000))
            self._services.scale_down()
