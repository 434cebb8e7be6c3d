import signal
from collections.abc import Iterator

import pytest

from shared.errors import Unavailable
from shared.shutdown import GracefulShutdown


class ManualClock:
    """A clock that tests advance."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.mark.parametrize(("grace", "before", "after"), [(600, 595, 595.1), (2, 1.8, 1.9)])
def test_deadline_is_grace_period_less_margin(clock: ManualClock, grace: float, before: float, after: float) -> None:
    shutdown = GracefulShutdown(grace, clock)
    shutdown.begin()
    clock.now += before
    shutdown.check()
    clock.now += after - before
    with pytest.raises(Unavailable, match="worker: stopping"):
        shutdown.check()


def test_no_deadline_without_signal(clock: ManualClock) -> None:
    shutdown = GracefulShutdown(1, clock)
    clock.now += 1e9
    shutdown.check()


def test_second_signal_does_not_extend_deadline(clock: ManualClock) -> None:
    shutdown = GracefulShutdown(10, clock)
    shutdown.begin()
    clock.now += 9.5
    shutdown.begin()
    with pytest.raises(Unavailable):
        shutdown.check()


@pytest.fixture
def received() -> Iterator[list[int]]:
    """Signals that the previous handler received."""
    received: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    yield received
    signal.signal(signal.SIGTERM, before)


def test_sigterm_starts_grace_period_and_calls_previous_handler(clock: ManualClock, received: list[int]) -> None:
    shutdown = GracefulShutdown(10, clock)
    shutdown.install_handler()
    signal.raise_signal(signal.SIGTERM)
    assert received == [signal.SIGTERM]
    clock.now += 10
    with pytest.raises(Unavailable):
        shutdown.check()
