"""Reads through a real PgBouncer in transaction mode, and failures on either side of it."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from functions.calculate.fixes.blocks import BLOCK_ROWS
from functions.calculate.fixes.connection import Timeouts
from functions.calculate.fixes.source import FixSource
from shared.errors import Unavailable
from tests.integration.conftest import SCHEMA
from tests.integration.fixes_read import (
    assert_no_connections,
    cause,
    day_query,
    fill,
    numbers,
    read,
    read_context,
    source,
)
from tests.integration.pgbouncer import pooler_url, run_pgbouncer
from tests.integration.ports import free_port
from tests.integration.processes import Gate
from tests.integration.whole_stack import wait_until

SHORT_TIMEOUTS = Timeouts(open_timeout=1, idle_timeout=1, cancel_timeout=0.5)


@pytest.fixture(scope="module")
def filled(new_database: Callable[[str], str]) -> str:
    url = new_database(SCHEMA)
    fill(url, 20 * BLOCK_ROWS)
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO locations (device_id, latitude, longitude, accuracy, timestamp, created_at)"
            " SELECT device_id, latitude, longitude, accuracy, timestamp + shift, created_at + shift"
            " FROM locations, unnest(ARRAY[interval '-1 day', interval '1 day']) AS shift WHERE id % 1000 < 5"
        )
    return url


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def pool(filled: str, port: int, tmp_path: Path) -> Iterator[str]:
    """Return the URL of the database through a PgBouncer with a single server connection."""
    with run_pgbouncer(filled, tmp_path, port):
        yield pooler_url(filled, port)


def servers(url: str) -> list[int]:
    """Return the process ids of PgBouncer's sessions in the server."""
    with psycopg.connect(url) as connection:
        sessions = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return [row[0] for row in sessions]


def can_ping(fixes: FixSource) -> bool:
    with contextlib.suppress(Unavailable):
        fixes.ping()
        return True
    return False


def read_and_break(fixes: FixSource, break_connection: Callable[[], None]) -> None:
    with fixes.read_day(day_query()) as day:
        next(day.blocks)
        break_connection()
        list(day.blocks)


def test_reads_are_correct_and_leave_no_session_state(pool: str, filled: str) -> None:
    expected = numbers(read(source(filled)))
    context = read_context(source(filled))
    assert all(side.keys() == {"garmin", "iphone_stuart"} for side in context)
    read(source(pool))
    sessions = servers(filled)
    for _ in range(3):
        assert numbers(read(source(pool))) == expected
        assert read_context(source(pool)) == context
        source(pool).ping()
    assert servers(filled) == sessions
    with psycopg.connect(pool) as connection:
        settings = {"jit": "on", "statement_timeout": "0", "lock_timeout": "0", "transaction_read_only": "off"}
        settings |= {"tcp_user_timeout": "0"}
        for name, value in settings.items():
            assert connection.execute(f"SHOW {name}").fetchone() == (value,)


def test_unreachable_pooler_raises_unavailable(filled: str, port: int) -> None:
    assert cause(source(pooler_url(filled, port))) == "08001"


def test_unreachable_server_behind_the_pooler_raises_unavailable(filled: str, port: int, tmp_path: Path) -> None:
    with Gate(filled) as gate, run_pgbouncer(gate.url, tmp_path, port, server_login_retry=1):
        fixes = source(pooler_url(filled, port), SHORT_TIMEOUTS)
        read(fixes)
        gate.close()
        assert cause(fixes) in {"08P01", "08006", "silent", "timeout"}  # depends on what the pooler has detected
        with pytest.raises(Unavailable):
            fixes.ping()
        gate.open()
        wait_until(lambda: can_ping(fixes))
        assert len(read(fixes)) == 20


@pytest.mark.parametrize("wait_timeout", [120, 1], ids=["pooler waits", "pooler times out"])
def test_exhausted_pool_raises_unavailable(filled: str, port: int, tmp_path: Path, wait_timeout: int) -> None:
    with run_pgbouncer(filled, tmp_path, port, query_wait_timeout=wait_timeout):
        url = pooler_url(filled, port)
        with psycopg.connect(url) as other:
            other.execute("SELECT 1")
            timeouts = Timeouts(idle_timeout=1 if wait_timeout > 1 else 60)
            assert cause(source(url, timeouts)) == ("silent" if wait_timeout > 1 else "08P01")
        assert len(read(source(url))) == 20


def test_ping_of_an_exhausted_pool_times_out(pool: str) -> None:
    with psycopg.connect(pool) as other:
        other.execute("SELECT 1")
        started = time.monotonic()
        with pytest.raises(Unavailable, match="silent"):
            source(pool).ping()
        assert time.monotonic() - started < 100  # the pooler would wait for 120 s


def test_pooler_with_too_many_clients_raises_unavailable(filled: str, port: int, tmp_path: Path) -> None:
    with run_pgbouncer(filled, tmp_path, port, max_client_conn=1), psycopg.connect(pooler_url(filled, port)):
        assert cause(source(pooler_url(filled, port))) == "53300"


def test_killed_pooler_raises_unavailable_until_it_restarts(filled: str, port: int, tmp_path: Path) -> None:
    fixes = source(pooler_url(filled, port))
    with run_pgbouncer(filled, tmp_path, port) as process, pytest.raises(Unavailable, match="08006"):
        read_and_break(fixes, process.kill)
    assert cause(fixes) == "08001"
    wait_until(lambda: not servers(filled))
    with run_pgbouncer(filled, tmp_path, port):
        assert len(read(fixes)) == 20


def test_silent_server_behind_the_pooler_raises_unavailable(filled: str, port: int, tmp_path: Path) -> None:
    with Gate(filled) as gate, run_pgbouncer(gate.url, tmp_path, port):
        fixes = source(pooler_url(filled, port), SHORT_TIMEOUTS)
        with pytest.raises(Unavailable, match="silent"):
            read_and_break(fixes, gate.pause)
    assert_no_connections(filled)


def test_abandoned_read_is_cancelled_through_the_pooler(pool: str, filled: str) -> None:
    with psycopg.connect(filled) as locking:
        locking.execute("LOCK TABLE locations")
        assert cause(source(pool, Timeouts(idle_timeout=0.5))) == "silent"
        assert_no_connections(filled, sockets=1)
    assert len(read(source(pool))) == 20


def test_read_over_tls_is_equal(filled: str, port: int, tmp_path: Path) -> None:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("no openssl on this machine to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-days", "2"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    key.chmod(0o644)
    tls = {"client_tls_key_file": key, "client_tls_cert_file": certificate}
    with run_pgbouncer(filled, tmp_path, port, client_tls_sslmode="require", **tls):
        unverified = {"sslmode": "require", "sslrootcert": str(tmp_path / "none")}  # a root.crt in HOME would verify
        assert numbers(read(source(pooler_url(filled, port, **unverified)))) == numbers(read(source(filled)))
        assert cause(source(pooler_url(filled, port, sslmode="disable"))) == "08001"
        assert cause(source(pooler_url(filled, port, sslmode="verify-full", sslrootcert="system"))) == "08001"
