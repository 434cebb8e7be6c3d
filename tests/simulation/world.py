"""Virtual time, and the processes that share it: one greenlet goes on at a time, and chance says which."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import Any, NoReturn

from greenlet import GreenletExit, getcurrent, greenlet

from shared.shutdown import GracefulShutdown
from tests.simulation.faults import Weather

_GRACE_MS = 20_000  # from SIGTERM to SIGKILL
START = datetime(2026, 1, 26, 12, tzinfo=UTC)


class Death(BaseException):
    """The pod is gone: whatever its processes still do while they are torn down has no effect."""


class Broken(BaseException):
    """An invariant does not hold; not an Exception, so that no code under test can take it for its own."""


class Pod:
    """A running instance of one Service, with a clock that is off by up to two seconds."""

    def __init__(self, world: "World", name: str, skew_ms: int) -> None:
        self.name = name
        self.alive = True
        self.inside: list[Process] = []
        self.stop = GracefulShutdown(_GRACE_MS / 1000, lambda: world.now / 1000)
        self.stopping = False
        self._world = world
        self._skew_ms = skew_ms

    def clock(self) -> datetime:
        return START + timedelta(milliseconds=self._world.now + self._skew_ms)


@dataclass
class Visit:
    """One request being handled in a pod."""

    pod: Pod
    handler: str
    stepped_ms: int  # when it last asked for something
    gap_ms: int = 0  # the longest time from one request of its to the next
    hurt: bool = False  # a request of it met a fault: it need not have done all that it should
    outrun: bool = False  # another sweep changed the segments under it
    touched: str | None = None  # the job whose record it asked for last
    moved: dict[tuple[str, str], int] = field(default_factory=dict)  # jobs that it has moved, by position, and how far
    uploads: list[str] = field(default_factory=list)  # in parts, that it has started

    def step(self, now: int) -> None:
        """It asks for something at `now`."""
        self.gap_ms = max(self.gap_ms, now - self.stepped_ms)
        self.stepped_ms = now


class Process:
    """What goes on by itself: a caller, a reader, an event on its way; it visits pods with requests."""

    def __init__(self, name: str, run: Callable[[], None], parent: greenlet) -> None:
        self.name = name
        self.greenlet = greenlet(run, parent)
        self.visit: Visit | None = None
        self.turn = 0  # which entry of the world's agenda resumes it: any other is out of date


class World:
    """Milliseconds since START, an agenda, and one source of chance for everything."""

    def __init__(self, seed: int, weather: Weather, *, traced: bool = False) -> None:
        self.seed = seed
        self.rng = weather.rng
        self.weather = weather
        self.now = 0
        self.counts: Counter[str] = Counter()
        self.trace: list[tuple[int, str, str]] | None = [] if traced else None
        self.over = False
        self.broken: str | None = None
        self.current: Process = Process("nobody", lambda: None, getcurrent())
        self._agenda: list[tuple[int, int, Process]] = []
        self._turns = 0
        self._hub = getcurrent()
        self._all: list[Process] = []

    def note(self, text: str) -> None:
        """One line of the trace."""
        if self.trace is not None:
            self.trace.append((self.now, self.current.name, text))

    def spawn(self, name: str, run: Callable[[], None], after_ms: int = 0, visit: Visit | None = None) -> Process:
        """A process that begins `after_ms` from now, on its own or as a part of a visit."""
        made = Process(name, run, self._hub)
        if visit is not None:
            made.visit = visit
            visit.pod.inside.append(made)
        self._all.append(made)
        self.wake(made, after_ms)
        return made

    def wake(self, process: Process, after_ms: int = 0) -> None:
        """The process goes on `after_ms` from now, and not when it was to go on before."""
        self._turns += 1
        process.turn = self._turns
        heappush(self._agenda, (self.now + after_ms, self._turns, process))

    def sleep(self, ms: int) -> None:
        """Others go on; the current process after `ms`, unless its pod has died."""
        self.wake(self.current, ms)
        self.park()

    def park(self) -> None:
        """Others go on; the current process when it is woken, unless its pod has died."""
        process = self.current
        self._hub.switch()
        if self.over or (process.visit is not None and not process.visit.pod.alive):
            raise Death

    def step(self) -> Visit:
        """The current visit asks a server for something; Death if its pod is gone."""
        visit = self.current.visit
        if self.over or visit is None or not visit.pod.alive:
            raise Death
        visit.step(self.now)
        return visit

    def kill(self, pod: Pod) -> None:
        """The pod is gone, and so is what every process in it was about to do."""
        self.counts["deaths"] += 1
        pod.alive = False
        for process in pod.inside:
            if process is not self.current:
                self.wake(process)

    def terminate(self, pod: Pod) -> None:
        """Ask the pod to stop: it gets no new request, and what it has not ended in time dies."""

        def die() -> None:
            if pod.alive and pod.inside:
                self.counts["killed after its grace"] += 1
                self.kill(pod)
            pod.alive = False

        self.counts["terminated"] += 1
        self.note(f"SIGTERM to {pod.name}")
        pod.stop.begin()
        pod.stopping = True
        self.spawn(f"end of {pod.name}", die, _GRACE_MS)

    def run(self, until_ms: int) -> None:
        """Let everything happen that is due before `until_ms`."""
        agenda = self._agenda
        while agenda and agenda[0][0] < until_ms:
            when, turn, process = heappop(agenda)
            if process.turn == turn and not process.greenlet.dead:
                self.now = when
                self.current = process
                process.greenlet.switch()
        self.now = until_ms

    def fail(self, invariant: str) -> NoReturn:
        """An invariant does not hold: the run ends here."""
        if self.broken is None:
            self.broken = f"{invariant} (at {self.now / 1000:.3f} s, {self.current.name})"
            self.note(f"BROKEN {invariant}")
        raise Broken(self.broken)

    def close(self) -> None:
        """Tear down what is left: now, so that nothing of this world reaches into the next."""
        self.over = True
        for process in self._all:
            if not process.greenlet.dead:
                self.current = process
                process.greenlet.parent = getcurrent()
                process.greenlet.throw(GreenletExit)

    @property
    def busy(self) -> list[str]:
        """The names of the processes that have not ended."""
        return [process.name for process in self._all if not process.greenlet.dead]


def rng_of(seed: int, use: str) -> random.Random:
    """Chance for one use, the same in every interpreter."""
    return random.Random(f"{seed}/{use}")


Response = Any
