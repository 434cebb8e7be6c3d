"""A database that fails while a day is read from it, and what comes after it."""

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

from functions.calculate.fixes.blocks import ROWS, Block
from functions.calculate.fixes.connection import Bounds
from functions.calculate.fixes.source import FixSource
from local import postgres
from shared.errors import LeaseLost, Unavailable
from shared.shutdown import Stop
from tests.integration.conftest import SCHEMA, free_port
from tests.integration.fixes_read import END, START, cause, fill, nothing_is_left, numbers, read, source
from tests.integration.processes import Gate
from tests.integration.whole_stack import until

MANY = 30 * ROWS  # more than the buffers on the way hold
IMPATIENT = Bounds(silence=0.7, farewell=0.5)


def broken(fixes: FixSource, breaks: Callable[[], None]) -> str:
    """The cause that a day ends with, whose first block is followed by `breaks`."""
    found: list[int] = []

    def reading() -> None:
        with fixes.of_day(START, END, "") as blocks:
            for block in blocks:
                if not found:
                    breaks()
                found.append(len(block))

    with pytest.raises(Unavailable) as caught:
        reading()
    assert 0 < sum(found) < MANY
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


def test_a_session_that_is_ended_by_the_server_is_unavailable(filled: str) -> None:
    def terminate() -> None:
        with psycopg.connect(filled, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'otel-worker'"
            )

    assert broken(source(filled), terminate) in ("57P01", "08006")  # its last word may go down with the connection
    nothing_is_left(filled)


def test_a_connection_that_breaks_is_unavailable(filled: str, gate: Gate) -> None:
    assert broken(source(gate.url), gate.shut) == "08006"
    nothing_is_left(filled)


def test_a_server_that_falls_silent_is_unavailable(filled: str, gate: Gate) -> None:
    assert broken(source(gate.url, IMPATIENT), gate.hold) == "silent"
    gate.shut()
    nothing_is_left(filled)


def test_a_server_that_trickles_is_unavailable(filled: str, gate: Gate) -> None:
    patience = Bounds(statement=0.5, silence=0.5, farewell=0.5)
    assert broken(source(gate.url, patience), lambda: gate.slow(0.1)) == "slow"
    gate.shut()
    nothing_is_left(filled)


def test_a_server_that_falls_silent_before_the_first_row_is_unavailable(filled: str, gate: Gate) -> None:
    with psycopg.connect(filled) as locking:
        locking.execute("LOCK TABLE locations")
        threading.Timer(0.3, gate.hold).start()
        assert cause(source(gate.url, IMPATIENT)) == "silent"
        gate.shut()
    nothing_is_left(filled)


def test_a_wait_for_rows_can_be_interrupted(filled: str) -> None:
    asked: list[bool] = []

    def stop() -> None:
        asked.append(True)
        if len(asked) > 5:
            raise Unavailable("worker", "stopping")

    with psycopg.connect(filled) as locking:
        locking.execute("LOCK TABLE locations")
        with pytest.raises(Unavailable, match="worker: stopping"):
            read(source(filled, check=stop))
        nothing_is_left(filled, sockets=1)
    nothing_is_left(filled)


def test_reading_ends_between_blocks_when_the_worker_stops(filled: str) -> None:
    stop = Stop(1, clock=itertools.count().__next__)
    assert broken(source(filled, check=stop.check), stop.note) == "stopping"
    nothing_is_left(filled)


@pytest.mark.parametrize("after", [lambda _: None, next, list], ids=["at once", "midway", "at the end"])
def test_a_day_that_is_given_up_leaves_nothing_in_the_server(
    filled: str, after: Callable[[Iterator[Block]], object]
) -> None:
    with contextlib.suppress(ZeroDivisionError), source(filled).of_day(START, END, "") as blocks:
        after(blocks)
        raise ZeroDivisionError
    nothing_is_left(filled)


def killed(folder: Path) -> None:
    """The server in `folder` and all its processes, at once."""
    server = psutil.Process(int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0]))
    for process in [server, *server.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    server.wait(10)


def test_a_killed_server_is_followed_by_another_at_its_address_even_a_standby(tmp_path: Path) -> None:
    port = free_port()
    with postgres.run_server(tmp_path, port) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(SCHEMA.encode())
        fill(url, MANY)
        fixes = source(url)
        wanted = numbers(read(fixes))
        assert broken(fixes, lambda: killed(tmp_path)) == "08006"
    assert cause(fixes) == "08001"

    with postgres.run_server(tmp_path, port):
        assert numbers(read(fixes)) == wanted
        nothing_is_left(url)

    (tmp_path / "postgres" / "standby.signal").touch()
    command = [*postgres.prepare(tmp_path).command(port), "-c", "hot_standby=off"]
    refusing = subprocess.Popen(command, env=postgres.environment(), stderr=subprocess.DEVNULL, process_group=0)
    try:
        until(lambda: cause(fixes) == "57P03", 10)
    finally:
        refusing.send_signal(signal.SIGINT)
        refusing.wait(30)
    with postgres.run_server(tmp_path, port):
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)
        assert numbers(read(fixes)) == wanted
        fixes.ping()


def test_a_job_can_keep_its_lease_while_the_database_keeps_it_waiting_and_ends_when_it_lost_it(filled: str) -> None:
    renewed: list[None] = []

    def alive() -> None:
        renewed.append(None)
        if len(renewed) == 5:
            raise LeaseLost("Another attempt has taken the job")

    with psycopg.connect(filled) as locking:
        locking.execute("LOCK TABLE locations")
        with (
            pytest.raises(LeaseLost),
            source(filled).of_day(START, END, "", alive) as blocks,
        ):
            next(blocks)
        locking.rollback()
    assert len(renewed) == 5
    nothing_is_left(filled)
