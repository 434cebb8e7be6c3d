"""Virtual time, and processes as greenlets. One process runs at a time, and the seed decides the order."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import NoReturn

from greenlet import GreenletExit, getcurrent, greenlet

from shared.shutdown import GracefulShutdown
from tests.simulation.faults import FaultPlan

_GRACE_PERIOD_MS = 20_000  # from SIGTERM to SIGKILL
START = datetime(2026, 1, 26, 12, tzinfo=UTC)


class PodDied(BaseException):
    """The pod of the current process has died. What the process still does during teardown has no effect."""


class InvariantViolated(BaseException):
    """An invariant does not hold. It is not an Exception, so the code under test cannot handle it."""


class Pod:
    """A running instance of one Service, with a clock that deviates by up to two seconds."""

    def __init__(self, world: "World", name: str, skew_ms: int) -> None:
        self.name = name
        self.alive = True
        self.processes: list[Process] = []
        self.stop = GracefulShutdown(_GRACE_PERIOD_MS / 1000, lambda: world.now / 1000)
        self.terminating = False
        self._world = world
        self._skew_ms = skew_ms

    def clock(self) -> datetime:
        """Return the current time by the pod's clock."""
        return START + timedelta(milliseconds=self._world.now + self._skew_ms)


@dataclass
class Invocation:
    """One request that a pod is handling."""

    pod: Pod
    handler: str
    last_step_ms: int
    longest_gap_ms: int = 0  # between two steps
    faulted: bool = False  # a step met a fault, so the handler may not have done all of its work
    lost_race: bool = False  # another sweep changed the segments first
    job_id: str | None = None  # the job whose record it accessed last
    transitions: dict[tuple[str, str], int] = field(default_factory=dict)  # new rank by job position
    uploads: list[str] = field(default_factory=list)  # ids of the multipart uploads that it started

    def step(self, now_ms: int) -> None:
        """Note that the handler sends a request to a server."""
        self.longest_gap_ms = max(self.longest_gap_ms, now_ms - self.last_step_ms)
        self.last_step_ms = now_ms


class Process:
    """A concurrent activity: a caller, a reader or an event delivery. It may run a handler in a pod."""

    def __init__(self, name: str, run: Callable[[], object], parent: greenlet) -> None:
        self.name = name
        self.greenlet = greenlet(run, parent)
        self.invocation: Invocation | None = None
        self.wakeup = 0  # number of the schedule entry that resumes it; entries with other numbers are stale


class World:
    """Milliseconds since START, a schedule, and the only source of randomness."""

    def __init__(self, seed: int, faults: FaultPlan, *, traced: bool = False) -> None:
        self.seed = seed
        self.rng = faults.rng
        self.faults = faults
        self.now = 0
        self.counts: Counter[str] = Counter()
        self.trace: list[tuple[int, str, str]] | None = [] if traced else None
        self.closed = False
        self.violation: str | None = None
        self.current: Process = Process("main", lambda: None, getcurrent())
        self._schedule: list[tuple[int, int, Process]] = []
        self._wakeups = 0
        self._scheduler = getcurrent()
        self._processes: list[Process] = []

    def note(self, text: str) -> None:
        """Add a line to the trace."""
        if self.trace is not None:
            self.trace.append((self.now, self.current.name, text))

    def spawn(
        self, name: str, run: Callable[[], object], after_ms: int = 0, invocation: Invocation | None = None
    ) -> Process:
        """Start a process after `after_ms`, independently or as a thread of an invocation."""
        process = Process(name, run, self._scheduler)
        if invocation is not None:
            process.invocation = invocation
            invocation.pod.processes.append(process)
        self._processes.append(process)
        self.wake(process, after_ms)
        return process

    def wake(self, process: Process, after_ms: int = 0) -> None:
        """Resume the process after `after_ms` instead of at the time scheduled before."""
        self._wakeups += 1
        process.wakeup = self._wakeups
        heappush(self._schedule, (self.now + after_ms, self._wakeups, process))

    def sleep(self, ms: int) -> None:
        """Suspend the current process for `ms`. Raises PodDied if its pod has died meanwhile."""
        self.wake(self.current, ms)
        self.park()

    def park(self) -> None:
        """Suspend the current process until it is woken. Raises PodDied if its pod has died meanwhile."""
        process = self.current
        self._scheduler.switch()
        if self.closed or (process.invocation is not None and not process.invocation.pod.alive):
            raise PodDied

    def step(self) -> Invocation:
        """Note a request of the current invocation to a server. Raises PodDied if its pod has died."""
        invocation = self.current.invocation
        if self.closed or invocation is None or not invocation.pod.alive:
            raise PodDied
        invocation.step(self.now)
        return invocation

    def kill(self, pod: Pod) -> None:
        """Kill the pod with all of its processes."""
        self.counts["deaths"] += 1
        pod.alive = False
        for process in pod.processes:
            if process is not self.current:
                self.wake(process)

    def terminate(self, pod: Pod) -> None:
        """Send SIGTERM: the pod gets no new request and is killed after its grace period."""

        def kill() -> None:
            if pod.alive and pod.processes:
                self.counts["killed after grace period"] += 1
                self.kill(pod)
            pod.alive = False

        self.counts["terminated"] += 1
        self.note(f"SIGTERM to {pod.name}")
        pod.stop.begin()
        pod.terminating = True
        self.spawn(f"end of {pod.name}", kill, _GRACE_PERIOD_MS)

    def run(self, until_ms: int) -> None:
        """Run everything that is scheduled before `until_ms`."""
        schedule = self._schedule
        while schedule and schedule[0][0] < until_ms:
            when, wakeup, process = heappop(schedule)
            if process.wakeup == wakeup and not process.greenlet.dead:
                self.now = when
                self.current = process
                process.greenlet.switch()
        self.now = until_ms

    def report_violation(self, invariant: str) -> NoReturn:
        """End the run because an invariant does not hold."""
        if self.violation is None:
            self.violation = f"{invariant} (at {self.now / 1000:.3f} s, {self.current.name})"
            self.note(f"VIOLATION {invariant}")
        raise InvariantViolated(self.violation)

    def close(self) -> None:
        """Terminate the remaining processes, so that none of them affects the next run."""
        self.closed = True
        for process in self._processes:
            if not process.greenlet.dead:
                self.current = process
                process.greenlet.parent = getcurrent()
                process.greenlet.throw(GreenletExit)

    @property
    def running(self) -> list[str]:
        """The names of the processes that have not ended."""
        return [process.name for process in self._processes if not process.greenlet.dead]


def seeded_rng(seed: int, purpose: str) -> random.Random:
    """Return a random generator for one purpose. It is the same in every interpreter."""
    return random.Random(f"{seed}/{purpose}")
