"""Timeouts for blocking calls that have none of their own, such as name resolution or a slow response body."""

import contextvars
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")

_MAX_IDLE_THREADS = 40  # gunicorn's threads: each of them waits for one call


def run_with_timeout(work: Callable[[], T], timeout_seconds: float, on_late: Callable[[T], None] = lambda _: None) -> T:
    """Run `work` in a thread, in the current context, and return its result.

    Raises TimeoutError after `timeout_seconds`. The thread continues until `work` ends; `on_late` then receives its
    result, for example to close a connection.
    """
    future: Future[T] = Future()

    def release(_: "Future[T]") -> None:
        if future.exception() is None:
            on_late(future.result())

    _start_thread(work, future)
    try:
        return future.result(timeout_seconds)
    except TimeoutError:
        if not future.done():  # else `work` itself raised it
            future.add_done_callback(release)
        raise


class SingleFlight(Generic[T]):
    """Runs `work` at most once at a time and shares the result among concurrent callers.

    A result is cached for `cache_seconds(result)` after the run ended, an exception is not. A caller waits for at most
    `timeout_seconds` after the start of the run. A run that hangs occupies one thread, and no other run starts
    meanwhile.
    """

    def __init__(
        self,
        work: Callable[[], T],
        timeout_seconds: float,
        cache_seconds: Callable[[T], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._work = work
        self._timeout_seconds = timeout_seconds
        self._cache_seconds = cache_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._future: Future[T] | None = None
        self._started = self._ended = 0.0

    def start(self) -> Callable[[], T]:
        """Start a run unless one is in progress or cached, and return a function that waits for its result.

        The function returns or raises what `work` does, or raises TimeoutError.
        """
        with self._lock:
            if self._future is None or (self._future.done() and self._is_expired(self._future)):
                self._future, self._started = self._start_run(), self._clock()
            future, deadline = self._future, self._started + self._timeout_seconds
        return lambda: future.result(max(0.0, deadline - self._clock()))

    def _is_expired(self, future: "Future[T]") -> bool:
        cache_seconds = 0.0 if future.exception() else self._cache_seconds(future.result())
        return self._clock() - self._ended >= cache_seconds

    def _start_run(self) -> "Future[T]":
        future: Future[T] = Future()

        def run() -> T:
            try:
                return self._work()
            finally:
                self._ended = self._clock()

        _start_thread(run, future)
        return future


def _start_thread(work: Callable[[], T], future: "Future[T]") -> None:
    """Run `work` in another thread, in a copy of the context: the trace, or the suppression of tracing, applies."""

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as exc:  # noqa: BLE001 - raised where the result is awaited
            future.set_exception(exc)

    _threads.run(partial(contextvars.copy_context().run, run))


class _Threads:
    """Daemon threads, of which idle ones are reused: a start takes as long as a small request.

    ThreadPoolExecutor limits their number, and waits for all of them when the process ends.
    """

    def __init__(self) -> None:
        self._idle: list[SimpleQueue[Callable[[], object]]] = []  # inboxes; append and pop are atomic

    def run(self, call: Callable[[], object]) -> None:
        try:
            inbox = self._idle.pop()
        except IndexError:
            inbox = SimpleQueue()
            threading.Thread(target=self._work, args=(inbox,), daemon=True).start()
        inbox.put(call)

    def _work(self, inbox: "SimpleQueue[Callable[[], object]]") -> None:
        while True:
            inbox.get()()
            if len(self._idle) >= _MAX_IDLE_THREADS:
                return
            self._idle.append(inbox)

    def forget(self) -> None:
        """Forget the threads of the parent process, which do not exist after a fork."""
        self._idle.clear()


_threads = _Threads()
os.register_at_fork(after_in_child=_threads.forget)
