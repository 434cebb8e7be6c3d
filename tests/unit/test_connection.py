"""Opening a connection where the look-up of a name hangs."""

import threading
from typing import cast

import psycopg
import pytest

from functions.calculate.connection import Connection, in_time


class Late:
    """A connection that comes when nobody waits for it any more."""

    def __init__(self) -> None:
        self.hangs, self.closed = threading.Event(), threading.Event()

    def connect(self) -> Connection:
        self.hangs.wait()
        return cast("Connection", self)

    def close(self) -> None:
        self.closed.set()


def test_a_look_up_that_hangs_is_given_up_and_what_comes_of_it_is_closed() -> None:
    late = Late()
    with pytest.raises(psycopg.errors.ConnectionTimeout):
        in_time(late.connect, 0.01)
    assert not late.closed.is_set()
    late.hangs.set()
    assert late.closed.wait(10)


def test_a_failure_to_connect_is_raised_where_it_is_waited_for() -> None:
    def fail() -> Connection:
        raise psycopg.OperationalError

    with pytest.raises(psycopg.OperationalError):
        in_time(fail, 10)
