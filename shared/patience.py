"""Work that has no bound of its own: the look-up of a name, an answer that trickles."""

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def in_time(work: Callable[[], T], seconds: float, late: Callable[[T], None] = lambda _: None) -> T:
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
