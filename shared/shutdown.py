"""Graceful shutdown: jobs in progress may continue after SIGTERM until shortly before the end of the grace period."""

import signal
import time
from collections.abc import Callable
from types import FrameType

from shared.errors import Unavailable

_MAX_MARGIN_SECONDS = 5  # to release the lease and to respond


class GracefulShutdown:
    """The deadline of work in progress, `grace_seconds` after SIGTERM, less a margin. Without SIGTERM there is none."""

    def __init__(self, grace_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = grace_seconds - min(_MAX_MARGIN_SECONDS, grace_seconds / 10)
        self._clock = clock
        self._deadline: float | None = None

    def install_handler(self) -> None:
        """Handle SIGTERM, then call the previous handler (gunicorn's). Call this in the main thread."""
        previous = signal.getsignal(signal.SIGTERM)

        def handle(number: int, frame: FrameType | None) -> None:
            self.begin()
            if callable(previous):
                previous(number, frame)

        signal.signal(signal.SIGTERM, handle)
        signal.siginterrupt(signal.SIGTERM, False)  # noqa: FBT003 - positional only; restarts system calls, as gunicorn does

    def begin(self) -> None:
        """Start the grace period. Further calls have no effect."""
        if self._deadline is None:
            self._deadline = self._clock() + self._seconds

    def check(self) -> None:
        """Raise Unavailable if the deadline has passed."""
        if self._deadline is not None and self._clock() > self._deadline:
            raise Unavailable("worker", "stopping")
