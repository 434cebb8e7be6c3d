"""One run: start a system, keep it under load and kill its parts, then let it recover and collect observations."""

import contextlib
import os
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from local import options, postgres, stack
from shared.config.settings import SETTING_NAMES
from tests.chaos import days, outcomes
from tests.chaos.kills import MEAN_SECONDS_PER_KILL, PARTS, Killer, plan_kills
from tests.chaos.load import Load
from tests.chaos.observations import Observations, accepted_job_ids, collect
from tests.chaos.verdict import Verdict, judge
from tests.chaos.watch import Watch
from tests.chaos.workload import plan_jobs
from tests.integration.ports import free_port

_LOAD_FACTOR = 1.15  # jobs submitted during the kills, relative to the required number
_RECOVERY_SECONDS = 240  # after the last kill: one minute until the next sweep, and the promised three
_SWEEP_SECONDS = 10
_COLLECT_SECONDS = 60
_POLL_SECONDS = 0.2
_PROGRESS_SECONDS = 15


@dataclass(frozen=True)
class Plan:
    """Parameters of a run."""

    seed: int
    jobs: int
    kills: int
    parts: tuple[str, ...] = PARTS
    sweeps: int = 2  # full minutes to wait for after the last kill

    @property
    def kill_seconds(self) -> float:
        """The expected duration of the kills."""
        return self.kills * MEAN_SECONDS_PER_KILL

    @property
    def max_kill_seconds(self) -> float:
        """The limit of the duration of the kills."""
        return 30 + 1.3 * self.kill_seconds


@dataclass(frozen=True)
class RunResult:
    """Result of a run."""

    plan: Plan
    observations: Observations
    verdict: Verdict
    killer: Killer
    kill_seconds: float
    total_seconds: float

    @property
    def is_complete(self) -> bool:
        """Whether the run had the required number of jobs and kills."""
        return (
            len(accepted_job_ids(self.observations.workload)) >= self.plan.jobs
            and self.killer.kills.total() >= self.plan.kills
        )


def run(plan: Plan, folder: Path) -> RunResult:
    """Run the plan with the system's state in `folder`."""
    expected = days.expected_results()
    with outcomes.subscriber() as events, _start_system(folder, events.url) as system:
        with psycopg.connect(postgres.url(folder, system.plan.ports["postgres"]), autocommit=True) as connection:
            days.load(connection)
        started = time.monotonic()
        load = Load(system.url, plan_jobs(plan.seed), plan.kill_seconds / (plan.jobs * _LOAD_FACTOR))
        observations = Observations(load.jobs, events.by_job)
        killer = Killer(system.supervisor, plan_kills(plan.seed, plan.parts), system.plan.ports)
        watch = Watch(system.url, observations)
        progress = _Progress(load, killer, watch)
        with _running(watch), _running(load), _running(killer):
            while not _is_reached(plan, load, killer) and time.monotonic() < started + plan.max_kill_seconds:
                progress.print()
                time.sleep(_POLL_SECONDS)
            killer.stop()
            load.stop()
            killed = time.monotonic()
            sweeps_done = time.time() // 60 * 60 + 60 * plan.sweeps + _SWEEP_SECONDS if plan.sweeps else 0
            while (watch.unfinished or time.time() < sweeps_done) and time.monotonic() < killed + _RECOVERY_SECONDS:
                progress.print()
                time.sleep(_POLL_SECONDS)
            watch.stop()
            collect(system.url, observations, time.monotonic() + _COLLECT_SECONDS)
    verdict = judge(observations, expected)
    return RunResult(plan, observations, verdict, killer, killed - started, time.monotonic() - started)


def random_seed() -> int:
    return random.SystemRandom().randrange(1_000_000)


def _is_reached(plan: Plan, load: Load, killer: Killer) -> bool:
    return killer.kills.total() >= plan.kills and load.accepted >= plan.jobs


@contextlib.contextmanager
def _running(part: Watch | Load | Killer) -> Iterator[None]:
    """Start `part` and stop it at the end of the block."""
    part.start()
    try:
        yield
    finally:
        part.stop()


@contextlib.contextmanager
def _start_system(folder: Path, subscriber: str) -> Iterator[stack.Stack]:
    """Run a system on free ports, without the settings in the environment."""
    environ = {name: text for name, text in os.environ.items() if name not in SETTING_NAMES}
    environ = {name: text for name, text in environ.items() if not name.startswith("AWS_")}
    settings = {"PORT": str(free_port()), "DATA_DIR": str(folder), "SUBSCRIBER": subscriber}
    with stack.run_stack(options.read(environ | settings)) as system:
        yield system


class _Progress:
    """Prints the progress of a run to stderr at intervals."""

    def __init__(self, load: Load, killer: Killer, watch: Watch) -> None:
        self._load, self._killer, self._watch = load, killer, watch
        self._started = self._printed = time.monotonic()

    def print(self) -> None:
        now = time.monotonic()
        if now - self._printed < _PROGRESS_SECONDS:
            return
        self._printed = now
        unfinished = len(self._watch.unfinished)
        line = f"{self._killer.kills.total()} kills, {self._load.accepted} jobs accepted, {unfinished} not ended"
        print(f"{now - self._started:5.0f} s  {line}", file=sys.stderr, flush=True)
