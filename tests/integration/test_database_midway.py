"""Databases that fail during a read, and reads after the failure."""

import contextlib
import itertools
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from functions.calculate.fixes.blocks import BLOCK_ROWS, Block
from functions.calculate.fixes.connection import Timeouts
from functions.calculate.fixes.source import FixSource
from local import postgres
from shared.errors import LeaseLost, Unavailable
from shared.shutdown import GracefulShutdown
from tests.integration.conftest import SCHEMA
from tests.integration.fixes_read import (
    assert_no_connections,
    cause,
    day_query,
    fill,
    numbers,
    read,
    source,
)
from tests.integration.ports import free_port
from tests.integration.processes import Gate
from tests.integration.whole_stack import wait_until

MANY = 30 * BLOCK_ROWS  # more than the buffers on the way hold
SHORT_TIMEOUTS = Timeouts(idle_timeout=0.7, cancel_timeout=0.5)


def read_and_break(fixes: FixSource, break_connection: Callable[[], None]) -> str:
    """Return the cause of the error of a read that calls `break_connection` after the first block."""
    block_sizes: list[int] = []

    def read_blocks() -> None:
        with fixes.read_day(day_query()) as day:
            for block in day.blocks:
                if not block_sizes:
                    break_connection()
                block_sizes.append(len(block))

    with pytest.raises(Unavailable) as caught:
        read_blocks()
    assert 0 < sum(block_sizes) < MANY
    return caught.value.cause


@pytest.fixture(scope="module")
def filled(new_database: Callable[[str], str]) -> str:
    url = new_database(SCHEMA)
    fill(url, MANY)
    return url


@pytest.fixture
def gate(filled: str) -> Iterator[Gate]:
    with Gate(filled) as gate:
        yield gate


def test_terminated_session_raises_unavailable(filled: str) -> None:
    def terminate() -> None:
        with psycopg.connect(filled, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'otel-worker' AND datname = current_database()"
            )

    assert read_and_break(source(filled), terminate) in (
        "57P01",
        "08006",
    )  # the last message can be lost with the connection
    assert_no_connections(filled)


def test_closed_connection_raises_unavailable(filled: str, gate: Gate) -> None:
    assert read_and_break(source(gate.url), gate.close) == "08006"
    assert_no_connections(filled)


def test_silent_server_raises_unavailable(filled: str, gate: Gate) -> None:
    assert read_and_break(source(gate.url, SHORT_TIMEOUTS), gate.pause) == "silent"
    gate.close()
    assert_no_connections(filled)


def test_slow_server_raises_unavailable(filled: str, gate: Gate) -> None:
    timeouts = Timeouts(statement_timeout=0.5, idle_timeout=0.5, cancel_timeout=0.5)
    assert read_and_break(source(gate.url, timeouts), lambda: gate.slow(0.1)) == "slow"
    gate.close()
    assert_no_connections(filled)


def test_server_that_is_silent_before_the_first_row_raises_unavailable(filled: str, gate: Gate) -> None:
    with psycopg.connect(filled) as locking:
        locking.execute("LOCK TABLE locations")
        threading.Timer(0.3, gate.pause).start()
        assert cause(source(gate.url, SHORT_TIMEOUTS)) == "silent"
        gate.close()
    assert_no_connections(filled)


def test_check_can_interrupt_a_wait_for_rows(filled: str) -> None:
    checks: list[bool] = []

    def stop() -> None:
        checks.append(True)
        if len(checks) > 5:
            raise Unavailable("worker", "stopping")

    with psycopg.connect(filled) as locking:
        locking.execute("LOCK TABLE locations")
        with pytest.raises(Unavailable, match="worker: stopping"):
            read(source(filled, check=stop))
        assert_no_connections(filled, sockets=1)
    assert_no_connections(filled)


def test_shutdown_ends_reading_between_blocks(filled: str) -> None:
    stop = GracefulShutdown(1, clock=itertools.count().__next__)
    assert read_and_break(source(filled, check=stop.check), stop.begin) == "stopping"
    assert_no_connections(filled)


@pytest.mark.parametrize("after", [lambda _: None, next, list], ids=["at once", "midway", "at the end"])
def test_abandoned_read_leaves_no_session(filled: str, after: Callable[[Iterator[Block]], object]) -> None:
    with contextlib.suppress(ZeroDivisionError), source(filled).read_day(day_query()) as day:
        after(day.blocks)
        raise ZeroDivisionError
    assert_no_connections(filled)


def kill_server(folder: Path) -> None:
    """Kill the server in `folder` and all its processes."""
    server = psutil.Process(int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0]))
    for process in [server, *server.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    server.wait(60)


def test_reads_succeed_after_a_server_is_killed_and_restarted(tmp_path: Path) -> None:
    port = free_port()
    with postgres.run_server(tmp_path, port) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(SCHEMA.encode())
        fill(url, MANY)
        fixes = source(url)
        expected = numbers(read(fixes))
        assert read_and_break(fixes, lambda: kill_server(tmp_path)) == "08006"
    assert cause(fixes) == "08001"

    with postgres.run_server(tmp_path, port):
        assert numbers(read(fixes)) == expected
        assert_no_connections(url)

    (tmp_path / "postgres" / "standby.signal").touch()
    command = [*postgres.prepare(tmp_path).command(port), "-c", "hot_standby=off"]
    refusing = subprocess.Popen(command, env=postgres.environment(), stderr=subprocess.DEVNULL, process_group=0)
    try:
        wait_until(lambda: cause(fixes) == "57P03")
    finally:
        refusing.send_signal(signal.SIGINT)
        refusing.wait(60)
    with postgres.run_server(tmp_path, port):
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)
        assert numbers(read(fixes)) == expected
        fixes.ping()


def test_heartbeat_is_called_during_waits_and_its_error_ends_the_read(filled: str) -> None:
    renewed: list[None] = []

    def heartbeat() -> None:
        renewed.append(None)
        if len(renewed) == 5:
            raise LeaseLost("Another attempt has taken the job")

    with psycopg.connect(filled) as locking:
        locking.execute("LOCK TABLE locations")
        with (
            pytest.raises(LeaseLost),
            source(filled).read_day(day_query(), heartbeat) as day,
        ):
            next(day.blocks)
        locking.rollback()
    assert len(renewed) == 5
    assert_no_connections(filled)
