"""Patches of the code under test: randomness, time, threads and sizes. No other module patches it."""

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
from tests.simulation.memoized import MemoizedCsvFormatter, MemoizedDayAccumulator, MemoizedSegment
from tests.simulation.world import PodDied, Process, World, seeded_rng

_PART_BYTES = 400  # most CSVs have several parts
_SEALED_ROWS = 3  # sweeps often seal, merge and empty segments
_BATCH_INTERVAL = timedelta(seconds=30)


def install(world: World) -> None:
    """Run the code under test in `world` from now on."""
    _replace(ids, rng=seeded_rng(world.seed, "ids"))
    _replace(
        calculation,
        time=SimpleNamespace(monotonic=lambda: world.now / 1000),
        DayAccumulator=MemoizedDayAccumulator,
        CsvFormatter=MemoizedCsvFormatter,
    )
    _replace(multipart, _PART_BYTES=_PART_BYTES)
    for module in (multipart, results):
        _replace(module, ThreadPoolExecutor=lambda *_, **__: _Executor(world))
    _replace(index, threading=SimpleNamespace(Lock=lambda: _Lock(world)))
    for module in (compaction, index):
        _replace(module, Segment=MemoizedSegment)
    _replace(reconcile, Compaction=partial(compaction.Compaction, sealed_rows=_SEALED_ROWS))
    _replace(retention, _BATCH_INTERVAL=_BATCH_INTERVAL)
    logging.disable(logging.CRITICAL)


def _replace(module: object, **attributes: object) -> None:
    """Set attributes of a module. Raises AttributeError if one does not exist."""
    for name, value in attributes.items():
        getattr(module, name)
        setattr(module, name, value)


class _Lock:
    """A lock between the processes of a pod. Other processes run while one waits for it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._locked = False
        self._waiting: list[Process] = []

    def __enter__(self) -> None:
        while self._locked:
            self._waiting.append(self._world.current)
            self._world.park()
        self._locked = True

    def __exit__(self, *_: object) -> None:
        self._locked = False
        for process in self._waiting:
            self._world.wake(process)
        self._waiting.clear()


class _Future:
    """The future of one call."""

    def __init__(self, world: World) -> None:
        self._outcome: Callable[[], Any] | None = None
        self._world = world
        self._waiting: Process | None = None

    def set_outcome(self, outcome: Callable[[], Any]) -> None:
        """Set a function that returns the result or raises the call's exception."""
        self._outcome = outcome
        if self._waiting is not None:
            self._world.wake(self._waiting)

    def wait(self) -> None:
        while self._outcome is None:
            self._waiting = self._world.current
            self._world.park()

    def result(self) -> Any:
        self.wait()
        return self._outcome and self._outcome()


class _Executor:
    """A thread pool whose threads are processes of the same pod."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._futures: list[_Future] = []

    def submit(self, function: Callable[..., Any], *arguments: Any) -> _Future:
        world, future = self._world, _Future(self._world)
        parent = world.current
        invocation = parent.invocation

        def run() -> None:
            thread = world.current
            try:
                result = function(*arguments)
            except Exception as exc:  # noqa: BLE001 - a future stores any exception
                future.set_outcome(cast("Callable[[], Any]", lambda exc=exc: _raise(exc)))
            except (PodDied, GreenletExit):
                future.set_outcome(lambda: None)  # the process that waits for the result dies as well
            else:
                future.set_outcome(lambda: result)
            if invocation is not None:
                invocation.pod.processes.remove(thread)

        world.spawn(f"{parent.name}'s thread", run, invocation=invocation)
        self._futures.append(future)
        return future

    def map(self, function: Callable[..., Any], *arguments: Iterable[Any], timeout: float) -> Iterator[Any]:
        """Run all calls concurrently and wait for each, without a timeout."""
        del timeout
        futures = [self.submit(function, *each) for each in zip(*arguments, strict=True)]
        return (future.result() for future in futures)

    def shutdown(self) -> None:
        for future in self._futures:
            future.wait()


def _raise(exc: Exception) -> Any:
    raise exc
