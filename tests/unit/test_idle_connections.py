"""Idle connections: reuse of the latest one, and closing of those that are broken or expired."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

from functions.calculate.fixes.idle_connections import IdleConnections
from shared.errors import Unavailable


class FakeConnection:
    """A connection that is open until `close`, and quiet until the server closes it."""

    def __init__(self) -> None:
        self.is_closed = self.is_broken = False
        self.opened = 0.0

    def is_quiet(self) -> bool:
        return not self.is_broken

    def close(self) -> None:
        self.is_closed = True


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Timers:
    """The delays of the timers that were started; none of them runs."""

    def __init__(self) -> None:
        self.delays: list[float] = []

    def start(self, seconds: float, _: object) -> None:
        self.delays.append(seconds)


def connections(max_idle_seconds: float = 10) -> tuple[IdleConnections, Clock, Timers]:
    clock, timers = Clock(), Timers()
    return IdleConnections(max_idle_seconds, clock, timers.start), clock, timers


def put(idle: IdleConnections, count: int = 1) -> list[Any]:
    added: list[Any] = [FakeConnection() for _ in range(count)]
    for connection in added:
        idle.put(connection)
    return added


def test_latest_connection_is_taken_once() -> None:
    idle, *_ = connections()
    first, second = put(idle, 2)
    assert [idle.take(), idle.take(), idle.take()] == [second, first, None]
    assert not first.is_closed
    assert not second.is_closed


def test_broken_connection_is_closed_and_skipped() -> None:
    idle, *_ = connections()
    working, broken = put(idle, 2)
    broken.is_broken = True
    assert idle.take() is working
    assert broken.is_closed


def test_expired_connections_are_closed_by_one_timer_at_a_time() -> None:
    idle, clock, timers = connections()
    (old,) = put(idle)
    clock.seconds = 4
    (new,) = put(idle)
    assert timers.delays == [10]
    clock.seconds = 10
    idle.close_expired()
    assert [old.is_closed, new.is_closed] == [True, False]
    assert timers.delays == [10, 4]
    clock.seconds = 14
    idle.close_expired()
    assert new.is_closed
    assert timers.delays == [10, 4]
    assert idle.take() is None


def test_connection_is_kept_for_a_minute() -> None:
    idle, clock, _ = connections(max_idle_seconds=600)
    (connection,) = put(idle)
    clock.seconds = 60
    assert [idle.take()] == [connection]
    idle.put(connection)
    assert [idle.take()] == [connection]
    clock.seconds = 60.1
    idle.put(connection)
    assert connection.is_closed
    assert idle.take() is None


def test_no_connection_is_kept_without_idle_time() -> None:
    idle, _, timers = connections(max_idle_seconds=0)
    (connection,) = put(idle)
    assert connection.is_closed
    assert idle.take() is None
    assert timers.delays == []


def test_take_waits_for_the_connection_that_is_being_opened() -> None:
    idle, *_ = connections()
    connection: Any = FakeConnection()
    can_open = Event()

    def connect() -> Any:
        can_open.wait(60)
        return connection

    idle.open(connect)
    with ThreadPoolExecutor() as pool:
        taken = pool.submit(idle.take)
        assert not taken.done()
        can_open.set()
        assert taken.result(60) is connection


def test_failure_to_open_leaves_no_connection() -> None:
    idle, *_ = connections()

    def fail() -> Any:
        raise Unavailable("database", "timeout")

    idle.open(fail)
    assert idle.take() is None
