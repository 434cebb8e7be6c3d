"""The fixes through a real PgBouncer in transaction mode, and what fails on either side of it."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from functions.calculate.fixes.blocks import ROWS
from functions.calculate.fixes.connection import PROBE, Bounds
from functions.calculate.fixes.source import FixSource
from shared.errors import Unavailable
from tests.integration.conftest import SCHEMA, free_port
from tests.integration.fixes_read import END, START, cause, fill, nothing_is_left, numbers, read, source
from tests.integration.pgbouncer import pooled, through
from tests.integration.processes import Gate
from tests.integration.whole_stack import until

IMPATIENT = Bounds(opening=1, silence=1, farewell=0.5)


@pytest.fixture(scope="module")
def filled(new_database: Callable[[str], str]) -> str:
    url = new_database(SCHEMA)
    fill(url, 20 * ROWS)
    return url


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def pool(filled: str, port: int, tmp_path: Path) -> Iterator[str]:
    """The address of the fixes behind PgBouncer with a single connection to the server."""
    with pooled(filled, tmp_path, port):
        yield through(filled, port)


def servers(url: str) -> list[int]:
    """The sessions that PgBouncer keeps in the server."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return [row[0] for row in found]


def pinged(fixes: FixSource) -> bool:
    with contextlib.suppress(Unavailable):
        fixes.ping()
        return True
    return False


def midway(fixes: FixSource, breaks: Callable[[], None]) -> None:
    with fixes.of_day(START, END, "") as blocks:
        next(blocks)
        breaks()
        list(blocks)


def test_day_after_day_is_right_and_leaves_the_one_connection_as_it_was(pool: str, filled: str) -> None:
    wanted = numbers(read(source(filled)))
    read(source(pool))
    kept = servers(filled)
    for _ in range(3):
        assert numbers(read(source(pool))) == wanted
        source(pool).ping()
    assert servers(filled) == kept
    with psycopg.connect(pool) as connection:
        settings = {"jit": "on", "statement_timeout": "0", "lock_timeout": "0", "transaction_read_only": "off"}
        settings |= {"tcp_user_timeout": "0"}
        for name, value in settings.items():
            assert connection.execute(f"SHOW {name}").fetchone() == (value,)


def test_a_pooler_that_is_away_is_unavailable(filled: str, port: int) -> None:
    assert cause(source(through(filled, port))) == "08001"


def test_a_server_that_is_away_behind_the_pooler_is_unavailable(filled: str, port: int, tmp_path: Path) -> None:
    with Gate(filled) as gate, pooled(gate.url, tmp_path, port, server_login_retry=1):
        fixes = source(through(filled, port), IMPATIENT)
        read(fixes)
        gate.shut()
        assert cause(fixes) in {"08P01", "08006", "silent", "timeout"}  # as far as the pooler has noticed
        with pytest.raises(Unavailable):
            fixes.ping()
        gate.open()
        until(lambda: pinged(fixes), 10)
        assert len(read(fixes)) == 20


@pytest.mark.parametrize("patience", [120, 1], ids=["pooler waits", "pooler gives up"])
def test_a_pool_with_no_connection_to_spare_is_unavailable(
    filled: str, port: int, tmp_path: Path, patience: int
) -> None:
    with pooled(filled, tmp_path, port, query_wait_timeout=patience):
        url = through(filled, port)
        with psycopg.connect(url) as other:
            other.execute("SELECT 1")
            bounds = Bounds(silence=1 if patience > 1 else 60)
            assert cause(source(url, bounds)) == ("silent" if patience > 1 else "08P01")
        assert len(read(source(url))) == 20


def test_a_probe_of_an_exhausted_pool_ends_by_itself(pool: str) -> None:
    with psycopg.connect(pool) as other:
        other.execute("SELECT 1")
        began = time.monotonic()
        with pytest.raises(Unavailable, match="silent"):
            source(pool).ping()
        assert time.monotonic() - began < 6 * PROBE.silence  # and not the pooler's 120 s


def test_a_pooler_with_too_many_clients_is_unavailable(filled: str, port: int, tmp_path: Path) -> None:
    with pooled(filled, tmp_path, port, max_client_conn=1), psycopg.connect(through(filled, port)):
        assert cause(source(through(filled, port))) == "53300"


def test_a_pooler_that_is_killed_midway_is_unavailable_until_it_is_back(filled: str, port: int, tmp_path: Path) -> None:
    fixes = source(through(filled, port))
    with pooled(filled, tmp_path, port) as process, pytest.raises(Unavailable, match="08006"):
        midway(fixes, process.kill)
    assert cause(fixes) == "08001"
    until(lambda: not servers(filled), 10)
    with pooled(filled, tmp_path, port):
        assert len(read(fixes)) == 20


def test_a_server_that_falls_silent_behind_the_pooler_is_unavailable(filled: str, port: int, tmp_path: Path) -> None:
    with Gate(filled) as gate, pooled(gate.url, tmp_path, port):
        fixes = source(through(filled, port), IMPATIENT)
        with pytest.raises(Unavailable, match="silent"):
            midway(fixes, gate.hold)
    nothing_is_left(filled)


def test_a_day_that_is_given_up_is_cancelled_through_the_pooler(pool: str, filled: str) -> None:
    with psycopg.connect(filled) as locking:
        locking.execute("LOCK TABLE locations")
        assert cause(source(pool, Bounds(silence=0.5))) == "silent"
        nothing_is_left(filled, sockets=1)
    assert len(read(source(pool))) == 20


def test_a_day_over_tls_is_the_same(filled: str, port: int, tmp_path: Path) -> None:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("no openssl on this machine to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = [program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-days", "2"]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    key.chmod(0o644)
    tls = {"client_tls_key_file": key, "client_tls_cert_file": certificate}
    with pooled(filled, tmp_path, port, client_tls_sslmode="require", **tls):
        unverified = {"sslmode": "require", "sslrootcert": str(tmp_path / "none")}  # a root.crt in HOME would verify
        assert numbers(read(source(through(filled, port, **unverified)))) == numbers(read(source(filled)))
        assert cause(source(through(filled, port, sslmode="disable"))) == "08001"
        assert cause(source(through(filled, port, sslmode="verify-full", sslrootcert="system"))) == "08001"
