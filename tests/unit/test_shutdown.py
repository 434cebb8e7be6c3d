import signal
from collections.abc import Iterator

import pytest

from shared.errors import Unavailable
from shared.shutdown import Stop


class Seconds:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.mark.parametrize(("grace", "enough", "over"), [(600, 595, 595.1), (2, 1.8, 1.9)])
def test_what_is_in_flight_has_the_grace_time_less_a_margin(
    seconds: Seconds, grace: float, enough: float, over: float
) -> None:
    stop = Stop(grace, seconds)
    stop.note()
    seconds.now += enough
    stop.check()
    seconds.now += over - enough
    with pytest.raises(Unavailable, match="worker: stopping"):
        stop.check()


def test_without_a_signal_there_is_no_end(seconds: Seconds) -> None:
    stop = Stop(1, seconds)
    seconds.now += 1e9
    stop.check()


def test_a_second_signal_gives_no_more_time(seconds: Seconds) -> None:
    stop = Stop(10, seconds)
    stop.note()
    seconds.now += 9.5
    stop.note()
    with pytest.raises(Unavailable):
        stop.check()


@pytest.fixture
def heard() -> Iterator[list[int]]:
    """What the handler that was there first has heard."""
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    yield heard
    signal.signal(signal.SIGTERM, before)


def test_a_signal_is_noted_and_still_heard_by_whoever_listened_before(seconds: Seconds, heard: list[int]) -> None:
    stop = Stop(10, seconds)
    stop.listen()
    signal.raise_signal(signal.SIGTERM)
    assert heard == [signal.SIGTERM]
    seconds.now += 10
    with pytest.raises(Unavailable):
        stop.check()
