"""Where the code under test is given the world's chance, time and threads: the one place that reaches into it."""

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

from greenlet import GreenletExit

from functions.calculate import calculation
from functions.calculate.sweep import compaction, reconcile, retention
from functions.list import results
from shared import ids
from shared.job_index import index
from shared.storage import multipart
from tests.simulation.memoized import RememberedNumbers, RememberedRows, RememberedSegment
from tests.simulation.world import Death, Process, World, rng_of

_PART_BYTES = 400  # most CSVs are then sent in parts
_SEALED_ROWS = 3  # segments are then sealed, joined and emptied all the time
_BATCH_INTERVAL = timedelta(seconds=30)


def install(world: World) -> None:
    """From here on the code under test lives in `world`."""
    vars(ids)["rng"] = rng_of(world.seed, "ids")
    said = vars(calculation)
    said["time"] = SimpleNamespace(monotonic=lambda: world.now / 1000)
    said["DayAccumulator"], said["CsvFormatter"] = RememberedNumbers, RememberedRows
    vars(multipart)["_PART_BYTES"] = _PART_BYTES
    for module in (multipart, results):
        vars(module)["ThreadPoolExecutor"] = lambda *_, **__: _Threads(world)
    vars(index)["threading"] = SimpleNamespace(Lock=lambda: _Lock(world))
    for module in (compaction, index):
        vars(module)["Segment"] = RememberedSegment
    vars(reconcile)["Compaction"] = partial(compaction.Compaction, sealed_rows=_SEALED_ROWS)
    vars(retention)["_BATCH_INTERVAL"] = _BATCH_INTERVAL
    logging.disable(logging.CRITICAL)


class _Lock:
    """A lock between the processes of a pod: what waits for it lets the others go on."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._held = False
        self._waiting: list[Process] = []

    def __enter__(self) -> None:
        while self._held:
            self._waiting.append(self._world.current)
            self._world.park()
        self._held = True

    def __exit__(self, *_: object) -> None:
        self._held = False
        for process in self._waiting:
            self._world.wake(process)
        self._waiting.clear()


class _Sent:
    """The future of one call."""

    def __init__(self, world: World) -> None:
        self.outcome: Callable[[], Any] | None = None
        self._world = world
        self._waiting: Process | None = None

    def arrived(self, outcome: Callable[[], Any]) -> None:
        self.outcome = outcome
        if self._waiting is not None:
            self._world.wake(self._waiting)

    def wait(self) -> None:
        while self.outcome is None:
            self._waiting = self._world.current
            self._world.park()

    def result(self) -> Any:
        self.wait()
        return self.outcome and self.outcome()


class _Threads:
    """An executor whose threads are processes of the same pod."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._sent: list[_Sent] = []

    def submit(self, function: Callable[..., Any], *arguments: Any) -> _Sent:
        world, sent = self._world, _Sent(self._world)
        parent = world.current
        visit = parent.visit

        def run() -> None:
            child = world.current
            try:
                answer = function(*arguments)
            except Exception as exc:  # noqa: BLE001 - a future keeps whatever it was
                sent.arrived(cast("Callable[[], Any]", lambda exc=exc: _throw(exc)))
            except (Death, GreenletExit):
                sent.arrived(lambda: None)  # nobody will ask
            else:
                sent.arrived(lambda: answer)
            if visit is not None:
                visit.pod.inside.remove(child)

        world.spawn(f"{parent.name}'s thread", run, visit=visit)
        self._sent.append(sent)
        return sent

    def map(self, function: Callable[..., Any], *arguments: Iterable[Any], timeout: float) -> Iterator[Any]:
        """All at once; what hangs is waited for."""
        del timeout
        sent = [self.submit(function, *each) for each in zip(*arguments, strict=True)]
        return (one.result() for one in sent)

    def shutdown(self) -> None:
        for sent in self._sent:
            sent.wait()


def _throw(exc: Exception) -> Any:
    raise exc
