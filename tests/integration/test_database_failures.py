"""A database that is away, slow, wrong or behind PgBouncer."""

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from functions.calculate.blocks import ROWS
from functions.calculate.fixes import FixSource
from local import postgres
from shared.errors import Unavailable
from tests.integration.conftest import free_port
from tests.integration.fixes_read import END, START, fill, insert, numbers, read, source


def unavailable(fixes: FixSource) -> str:
    began = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        read(fixes)
    assert time.monotonic() - began < 30
    with pytest.raises(Unavailable):
        fixes.ping()
    assert caught.value.dependency == "database"
    return caught.value.cause


def test_a_server_that_is_away_is_unavailable() -> None:
    assert unavailable(source(f"postgresql://u:p@127.0.0.1:{free_port()}/x")) == "OperationalError"


def test_a_server_that_never_answers_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert unavailable(source(f"postgresql://u:p@127.0.0.1:{silent.getsockname()[1]}/x")) == "ConnectionTimeout"


def test_a_wrong_password_is_unavailable_and_not_told(database_url: str) -> None:
    cause = unavailable(source(f"postgresql://postgres:wrong@{database_url.split('@')[1]}"))
    assert "wrong" not in cause


def test_a_missing_table_is_unavailable(new_database: Callable[[str], str]) -> None:
    assert unavailable(source(new_database("SELECT 1"))) == "42P01"


def test_a_statement_that_takes_too_long_is_unavailable(database_url: str) -> None:
    insert(database_url, (START, "p", 1, 1))
    with psycopg.connect(database_url) as locking:
        locking.execute("LOCK TABLE locations")
        with pytest.raises(Unavailable, match="57014"):
            source(database_url).ping()


def terminate(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'otel-worker'"
        )


def test_a_connection_that_breaks_midway_is_unavailable(database_url: str) -> None:
    fill(database_url, 20 * ROWS)
    found: list[int] = []

    def broken() -> None:
        with source(database_url).of_day(START, END, "") as blocks:
            for block in blocks:
                found.append(len(block))
                terminate(database_url)

    with pytest.raises(Unavailable):
        broken()
    assert 0 < sum(found) < 20 * ROWS


def test_no_connection_is_left_behind(database_url: str) -> None:
    fill(database_url, 20 * ROWS)

    def given_up() -> None:
        with source(database_url).of_day(START, END, "") as blocks:
            next(blocks)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        given_up()
    read(source(database_url))
    deadline = time.monotonic() + 10
    with psycopg.connect(database_url, autocommit=True) as connection:
        while connection.execute(
            "SELECT FROM pg_stat_activity WHERE application_name = 'otel-worker' AND datname = current_database()"
        ).rowcount:
            assert time.monotonic() < deadline


@pytest.fixture
def pgbouncer(database_url: str, tmp_path: Path) -> Iterator[str]:
    """The database through PgBouncer in transaction mode, with one connection to the server for all."""
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip("no pgbouncer on this machine (Debian's package of that name has it)")
    port = free_port()
    parts = psycopg.conninfo.conninfo_to_dict(database_url)
    target = " ".join(f"{name}={parts[name]}" for name in ("host", "port", "user", "password"))
    config = tmp_path / "pgbouncer.ini"
    config.write_text(
        f"[databases]\n{parts['dbname']} = {target}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n"
        "unix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 1\n"
    )
    command = [*postgres._run_as(), program, str(config)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert time.monotonic() < deadline
                assert server.poll() is None
        yield f"postgresql://anyone@127.0.0.1:{port}/{parts['dbname']}"
    finally:
        server.terminate()
        server.wait()


def test_behind_pgbouncer_in_transaction_mode_day_after_day_is_right(pgbouncer: str, database_url: str) -> None:
    fill(database_url, 2 * ROWS)
    wanted = numbers(read(source(database_url)))
    for _ in range(3):
        assert numbers(read(source(pgbouncer))) == wanted
        source(pgbouncer).ping()
    with psycopg.connect(pgbouncer) as connection:  # the one server connection is as it was
        for name, value in (("jit", "on"), ("statement_timeout", "0"), ("transaction_read_only", "off")):
            assert connection.execute(f"SHOW {name}").fetchone() == (value,)
