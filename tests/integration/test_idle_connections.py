"""Reads that reuse the connection of an earlier read, and connections that are lost between two reads."""

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import psycopg
import pytest

from functions.calculate.fixes.blocks import Block
from functions.calculate.fixes.connection import CALCULATION, Connection, Timeouts
from functions.calculate.fixes.idle_connections import IdleConnections
from functions.calculate.fixes.source import FixSource
from shared.errors import LeaseLost
from tests.integration.conftest import SCHEMA
from tests.integration.fixes_read import (
    START,
    assert_no_connections,
    cause,
    day_query,
    fill,
    numbers,
    read,
    source,
)
from tests.integration.pgbouncer import pooler_url, run_pgbouncer
from tests.integration.ports import free_port
from tests.integration.processes import Gate
from tests.integration.whole_stack import wait_until

_SESSIONS = "FROM pg_stat_activity WHERE application_name = 'otel-worker' AND datname = current_database()"


@pytest.fixture(scope="module")
def filled(new_database: Callable[[str], str]) -> str:
    url = new_database(SCHEMA)
    fill(url, 20_000)
    return url


@contextlib.contextmanager
def reusing_source(url: str, timeouts: Timeouts = CALCULATION) -> Iterator[FixSource]:
    """A source that keeps its connections for longer than a test, and closes them at the end of the block."""
    fixes = source(url, timeouts, max_idle_seconds=600)
    try:
        yield fixes
    finally:
        while connection := fixes._idle_connections.take():
            connection.close()


@pytest.fixture
def fixes(filled: str) -> Iterator[FixSource]:
    with reusing_source(filled) as fixes:
        yield fixes


def sessions(url: str) -> list[tuple[int, str]]:
    """Return process id and state of the sessions of FixSource."""
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(f"SELECT pid, state {_SESSIONS} ORDER BY pid").fetchall()


def terminate(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        assert connection.execute(f"SELECT pg_terminate_backend(pid, 60000) {_SESSIONS}").rowcount == 1


def test_reads_reuse_one_session_without_a_transaction(fixes: FixSource, filled: str) -> None:
    expected = numbers(read(source(filled)))
    for _ in range(3):
        assert numbers(read(fixes)) == expected
        fixes.ping()
        assert len(fixes.latest_fix_times(START, 10)) == 2
    ((_, state),) = sessions(filled)
    assert state == "idle"


def test_first_read_uses_the_connection_that_was_opened_in_the_background(fixes: FixSource, filled: str) -> None:
    fixes.connect()
    wait_until(lambda: len(sessions(filled)) == 1)
    before = sessions(filled)
    assert sum(map(len, read(fixes))) == 20_000
    assert sessions(filled) == before


def test_read_connects_after_a_failure_in_the_background(filled: str) -> None:
    with Gate(filled) as gate, reusing_source(gate.url) as fixes:
        gate.close()
        fixes.connect()
        assert cause(fixes) == "08001"
        gate.open()
        assert sum(map(len, read(fixes))) == 20_000


def test_read_sees_changes_since_the_last_read(new_database: Callable[[str], str]) -> None:
    url = new_database(SCHEMA)
    fill(url, 10)
    with reusing_source(url) as fixes:
        assert sum(map(len, read(fixes))) == 10
        fill(url, 5)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET lock_timeout = '10s'; ALTER TABLE locations ALTER COLUMN latitude TYPE numeric")
        assert sum(map(len, read(fixes))) == 15
        assert len(sessions(url)) == 1


def test_concurrent_reads_have_sessions_of_their_own(fixes: FixSource, filled: str) -> None:
    both = Barrier(2, timeout=60)

    def read_together() -> list[Block]:
        with fixes.read_day(day_query()) as day:
            first = next(day.blocks)
            both.wait()
            return [first, *day.blocks]

    for _ in range(2):
        with ThreadPoolExecutor() as pool:
            results = [numbers(future.result()) for future in [pool.submit(read_together) for _ in range(2)]]
        assert results[0] == results[1]
        assert len(sessions(filled)) == 2


def test_failed_job_does_not_lose_the_session(fixes: FixSource, filled: str) -> None:
    def fail_after_the_last_block() -> None:
        with fixes.read_day(day_query()) as day:
            list(day.blocks)
            raise KeyError

    read(fixes)
    before = sessions(filled)
    with pytest.raises(KeyError):
        fail_after_the_last_block()
    assert sessions(filled) == before


def test_abandoned_read_is_cancelled(fixes: FixSource, filled: str) -> None:
    with fixes.read_day(day_query()) as day:
        next(day.blocks)
    assert numbers(read(fixes)) == numbers(read(source(filled)))

    def lose_lease() -> None:
        raise LeaseLost

    def read_with(heartbeat: Callable[[], None]) -> None:
        with fixes.read_day(day_query(), heartbeat) as day:
            list(day.blocks)

    with pytest.raises(LeaseLost):
        read_with(lose_lease)
    assert_no_connections(filled)
    assert numbers(read(fixes)) == numbers(read(source(filled)))


def test_session_that_the_server_has_terminated_is_replaced(fixes: FixSource, filled: str) -> None:
    expected = numbers(read(fixes))
    terminate(filled)
    assert numbers(read(fixes)) == expected
    assert len(sessions(filled)) == 1


class UncheckedConnections(IdleConnections):
    """Connections of which the server can terminate each right after the check that it has sent nothing."""

    def take(self) -> Connection | None:
        return self._idle.pop()[1] if self._idle else None


def test_session_that_is_lost_after_the_check_is_replaced(fixes: FixSource, filled: str) -> None:
    fixes._idle_connections = UncheckedConnections(600)
    expected = numbers(read(fixes))
    terminate(filled)
    assert numbers(read(fixes)) == expected


def test_connection_that_the_network_has_closed_is_replaced(filled: str) -> None:
    with Gate(filled) as gate, reusing_source(gate.url) as fixes:
        expected = numbers(read(fixes))
        gate.close()
        assert cause(fixes) == "08001"
        gate.open()
        assert numbers(read(fixes)) == expected


def test_silent_connection_raises_unavailable_once(filled: str) -> None:
    timeouts = Timeouts(open_timeout=5, idle_timeout=0.7, cancel_timeout=0.5)
    with Gate(filled) as gate, reusing_source(gate.url, timeouts) as fixes:
        expected = numbers(read(fixes))
        gate.pause()
        assert cause(fixes) == "silent"
        gate.resume()
        assert numbers(read(fixes)) == expected


def test_idle_connection_is_closed_in_time(filled: str) -> None:
    fixes = source(filled, max_idle_seconds=0.5)
    read(fixes)
    assert_no_connections(filled)
    assert len(read(fixes)) > 0
    assert_no_connections(filled)


def test_idle_clients_share_a_server_connection_of_pgbouncer(filled: str, tmp_path: Path) -> None:
    port = free_port()
    with run_pgbouncer(filled, tmp_path, port) as process:
        url = pooler_url(filled, port)
        with reusing_source(url) as one, reusing_source(url) as other:
            expected = numbers(read(source(filled)))
            for _ in range(3):
                assert numbers(read(one)) == numbers(read(other)) == expected
            process.kill()
            process.wait()
            wait_until(lambda: not sessions(filled))
            assert cause(one) == "08001"
            with run_pgbouncer(filled, tmp_path, port):
                assert numbers(read(one)) == numbers(read(other)) == expected
