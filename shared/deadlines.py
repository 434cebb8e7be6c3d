"""Work that has no bound of its own: the look-up of a name, an answer that trickles."""

import contextvars
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from typing import Generic, TypeVar

T = TypeVar("T")


def run_with_timeout(work: Callable[[], T], seconds: float, late: Callable[[T], None] = lambda _: None) -> T:
    """What `work` returns or raises, or TimeoutError after `seconds`; `late` gets what comes after that.

    In a thread beside us, of the same trace, which goes on until `work` ends.
    """
    doing: Future[T] = Future()

    def run() -> None:
        try:
            doing.set_result(work())
        except BaseException as exc:  # noqa: BLE001 - it is raised where it is waited for
            doing.set_exception(exc)

    def done(_: "Future[T]") -> None:
        if doing.exception() is None:
            late(doing.result())

    threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True).start()
    try:
        return doing.result(seconds)
    except TimeoutError:
        if doing.done():  # it is the work's own
            raise
        doing.add_done_callback(done)
        raise


class SingleFlight(Generic[T]):
    """What `work` returns, for all who ask: one run at a time, whose result serves for `kept` seconds after its end.

    A run is waited for until `seconds` after it began. None is begun beside one that hangs: it costs one thread,
    however many ask meanwhile.
    """

    def __init__(
        self,
        work: Callable[[], T],
        seconds: float,
        kept: Callable[[T], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._work = work
        self._seconds = seconds
        self._kept = kept
        self._clock = clock
        self._lock = threading.Lock()
        self._run: Future[T] | None = None
        self._began = self._ended = 0.0

    def start(self) -> Callable[[], T]:
        """Begin a run where none serves; the call returned waits: what `work` returns or raises, or TimeoutError."""
        with self._lock:
            if self._run is None or (self._run.done() and self._is_old(self._run)):
                self._run, self._began = self._begun(), self._clock()
            run, ends = self._run, self._began + self._seconds
        return lambda: run.result(max(0.0, ends - self._clock()))

    def _is_old(self, run: "Future[T]") -> bool:
        kept = 0.0 if run.exception() else self._kept(run.result())
        return self._clock() - self._ended >= kept

    def _begun(self) -> "Future[T]":
        run: Future[T] = Future()

        def work() -> None:
            try:
                result = self._work()
            except BaseException as exc:  # noqa: BLE001 - it is raised where it is waited for
                self._ended = self._clock()
                run.set_exception(exc)
            else:
                self._ended = self._clock()
                run.set_result(result)

        # In the context of who asks first: what a probe asks for is no more traced than the probe itself.
        threading.Thread(target=copy_context().run, args=(work,), daemon=True).start()
        return run
