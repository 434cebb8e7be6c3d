"""SIGTERM, as a job in flight sees it: time enough to be finished, or to be given back."""

import signal
import time
from collections.abc import Callable
from types import FrameType

from shared.errors import Unavailable

_LONGEST_MARGIN = 5  # seconds to give a lease back and to answer


class Stop:
    """Whether this process still has time to work, `grace` seconds after SIGTERM; before it there is no end."""

    def __init__(self, grace: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = grace - min(_LONGEST_MARGIN, grace / 10)
        self._clock = clock
        self._ends: float | None = None

    def listen(self) -> None:
        """Note SIGTERM from now on, and leave it to whoever listened before: gunicorn. For the main thread."""
        before = signal.getsignal(signal.SIGTERM)

        def noted(number: int, frame: FrameType | None) -> None:
            self.note()
            if callable(before):
                before(number, frame)

        signal.signal(signal.SIGTERM, noted)
        signal.siginterrupt(signal.SIGTERM, False)  # noqa: FBT003 - the signature; as gunicorn has it

    def note(self) -> None:
        """The process was asked to end now; asked again, the first time counts."""
        if self._ends is None:
            self._ends = self._clock() + self._patience

    def check(self) -> None:
        """Unavailable once what is in flight has to be given back."""
        if self._ends is not None and self._clock() > self._ends:
            raise Unavailable("worker", "stopping")
