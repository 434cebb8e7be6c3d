"""One run from start to verdict: a system of its own under load, its parts killed, then time to rest."""

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
from local.ports import find_free_port
from shared.config.settings import Settings
from tests.chaos import days, observations, outcomes, workload
from tests.chaos import kills as killing
from tests.chaos.kills import Killer
from tests.chaos.load import Load
from tests.chaos.verdict import Verdict, verdict
from tests.chaos.watch import Watch

_MORE_THAN_WANTED = 1.15  # jobs asked for while the wanted number of parts is killed
_ENDED_WITHIN_SECONDS = 240  # of the last kill: a minute to the next sweep, and the three that are promised
_AFTER_A_SWEEP_SECONDS = 10
_READ_WITHIN_SECONDS = 60
_LOOK_SECONDS = 0.2
_TOLD_EVERY_SECONDS = 15


@dataclass(frozen=True)
class Plan:
    """What is wanted of a run."""

    seed: int
    jobs: int
    kills: int
    parts: tuple[str, ...] = killing.PARTS
    sweeps: int = 2  # full minutes to wait for after the last kill

    @property
    def storm_seconds(self) -> float:
        """How long the killing should take."""
        return self.kills * killing.SECONDS_A_KILL

    @property
    def longest_storm_seconds(self) -> float:
        """How long it may take."""
        return 30 + 1.3 * self.storm_seconds


@dataclass(frozen=True)
class Run:
    """What came of a plan."""

    plan: Plan
    seen: observations.Seen
    verdict: Verdict
    killer: Killer
    storm_seconds: float
    seconds: float

    @property
    def enough(self) -> bool:
        return (
            len(observations.job_ids(self.seen.wishes)) >= self.plan.jobs
            and self.killer.kills.total() >= self.plan.kills
        )


def run(plan: Plan, folder: Path) -> Run:
    """The run of `plan`, with all state of its system under `folder`."""
    expected = days.expected()
    with outcomes.received() as told, _system(folder, told.url) as system:
        with psycopg.connect(postgres.url(folder, system.plan.ports["postgres"]), autocommit=True) as connection:
            days.load(connection)
        started = time.monotonic()
        load = Load(system.url, workload.wishes(plan.seed), plan.storm_seconds / (plan.jobs * _MORE_THAN_WANTED))
        found = observations.Seen(load.wishes, told.by_job)
        killer = Killer(system.supervisor, killing.plan(plan.seed, plan.parts), system.plan.ports)
        watch = Watch(system.url, found)
        progress = _Progress(load, killer, watch)
        with _running(watch), _running(load), _running(killer):
            while not _reached(plan, load, killer) and time.monotonic() < started + plan.longest_storm_seconds:
                progress.tell()
                time.sleep(_LOOK_SECONDS)
            killer.stop()
            load.stop()
            calm = time.monotonic()
            ends = calm + _ENDED_WITHIN_SECONDS
            rested = time.time() // 60 * 60 + 60 * plan.sweeps + _AFTER_A_SWEEP_SECONDS if plan.sweeps else 0
            while (watch.unfinished or time.time() < rested) and time.monotonic() < ends:
                progress.tell()
                time.sleep(_LOOK_SECONDS)
            watch.stop()
            observations.gather(system.url, found, time.monotonic() + _READ_WITHIN_SECONDS)
    return Run(plan, found, verdict(found, expected), killer, calm - started, time.monotonic() - started)


def new_seed() -> int:
    return random.SystemRandom().randrange(1_000_000)


def _reached(plan: Plan, load: Load, killer: Killer) -> bool:
    return killer.kills.total() >= plan.kills and load.accepted >= plan.jobs


@contextlib.contextmanager
def _running(part: Watch | Load | Killer) -> Iterator[None]:
    """`part` runs in the block, and has stopped after it."""
    part.start()
    try:
        yield
    finally:
        part.stop()


@contextlib.contextmanager
def _system(folder: Path, subscriber: str) -> Iterator[stack.Stack]:
    """A stack on free ports with its own folder, for the time of the block; no setting of the caller's reaches it."""
    environ = {name: text for name, text in os.environ.items() if name not in Settings.model_fields}
    environ = {name: text for name, text in environ.items() if not name.startswith("AWS_")}
    own = {"PORT": str(find_free_port()), "DATA_DIR": str(folder), "SUBSCRIBER": subscriber}
    with stack.run_stack(options.read(environ | own)) as system:
        yield system


class _Progress:
    """Tells a waiting person now and then how far it is."""

    def __init__(self, load: Load, killer: Killer, watch: Watch) -> None:
        self._load, self._killer, self._watch = load, killer, watch
        self._started = self._told = time.monotonic()

    def tell(self) -> None:
        now = time.monotonic()
        if now - self._told < _TOLD_EVERY_SECONDS:
            return
        self._told = now
        unfinished = len(self._watch.unfinished)
        line = f"{self._killer.kills.total()} kills, {self._load.accepted} jobs accepted, {unfinished} not ended"
        print(f"{now - self._started:5.0f} s  {line}", file=sys.stderr, flush=True)
