"""Databases that cannot be read from the start: the cause in the error, and the timeouts."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest

from functions.calculate.fixes.connection import CALCULATION, Timeouts
from shared.errors import Unavailable
from tests.integration.conftest import SCHEMA
from tests.integration.fixes_read import START, assert_no_connections, cause, fill, insert, numbers, read, source
from tests.integration.ports import free_port

SHORT_TIMEOUTS = Timeouts(open_timeout=1, lock_timeout=0.3, statement_timeout=5, idle_timeout=1, cancel_timeout=1)


def test_refused_connection_raises_unavailable() -> None:
    unreachable = source(f"postgresql://u:p@127.0.0.1:{free_port()}/x")
    assert cause(unreachable) == "08001"
    with pytest.raises(Unavailable, match="08001"):
        unreachable.ping()


def test_unknown_host_raises_unavailable() -> None:
    assert cause(source("postgresql://u:p@nowhere.invalid/x")) == "unknown-host"


@pytest.mark.parametrize("response", [b"", b"N", b"S"], ids=["nothing", "no TLS", "TLS"])
def test_silent_server_raises_unavailable(response: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, contextlib.ExitStack() as held:

        def respond() -> None:
            connection = held.enter_context(silent.accept()[0])
            connection.recv(1 << 10)
            connection.sendall(response)

        threading.Thread(target=respond, daemon=True).start()
        url = f"postgresql://u:p@127.0.0.1:{silent.getsockname()[1]}/x"
        assert cause(source(url, SHORT_TIMEOUTS)) == "timeout"


def test_other_protocol_raises_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def respond() -> None:
            with other.accept()[0] as connection:
                connection.recv(1 << 10)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=respond, daemon=True).start()
        assert cause(source(f"postgresql://u:p@127.0.0.1:{other.getsockname()[1]}/x", SHORT_TIMEOUTS)) == "08001"


@pytest.fixture
def role(database_url: str) -> Iterator[Callable[[str], str]]:
    """Create a role without privileges. The fixture runs statements as superuser and returns the role's URL."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")

        def make(statements: str) -> str:
            connection.execute(statements.replace("DATABASE this", f"DATABASE {connection.info.dbname}").encode())
            return f"postgresql://guest:guest@{database_url.split('@')[1]}"

        yield make
        connection.execute("DROP OWNED BY guest")
        connection.execute("DROP ROLE guest")


@pytest.mark.parametrize(
    ("statements", "code"),
    [
        ("SELECT 1", "42501"),
        ("GRANT SELECT ON locations TO guest; REVOKE CONNECT ON DATABASE this FROM public", "42501"),
        ("GRANT SELECT ON locations TO guest; ALTER ROLE guest CONNECTION LIMIT 0", "53300"),
        ("GRANT SELECT ON locations TO guest; ALTER ROLE guest NOLOGIN", "08001"),
        ("GRANT SELECT ON locations TO guest; ALTER ROLE guest PASSWORD 'another'", "28P01"),
    ],
)
def test_refused_role_raises_unavailable_with_its_cause(role: Callable[[str], str], statements: str, code: str) -> None:
    assert cause(source(role(statements))) == code


def test_select_privilege_on_the_table_is_sufficient(role: Callable[[str], str], database_url: str) -> None:
    fill(database_url, 100)
    reader = source(role("GRANT SELECT ON locations TO guest"))
    reader.ping()
    assert numbers(read(reader)) == numbers(read(source(database_url)))


def test_stricter_statement_timeout_of_the_role_takes_precedence(role: Callable[[str], str], database_url: str) -> None:
    strict = role("GRANT SELECT ON locations TO guest; ALTER ROLE guest SET statement_timeout = '300ms'")
    insert(database_url, (START, "p", 1, 1))
    assert len(read(source(strict))) == 1
    with psycopg.connect(database_url) as locking:
        locking.execute("LOCK TABLE locations")
        assert cause(source(strict)) == "57014"


def test_server_detects_clients_that_disappear(database_url: str) -> None:
    with source(database_url)._connect(CALCULATION, lambda: None) as connection:
        names = ("tcp_user_timeout", "tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count")
        values = [connection.execute(f"SHOW {name}").fetchone() for name in names]
    assert values == [("120000",), ("10",), ("5",), ("3",)]


def test_wrong_password_raises_unavailable(database_url: str) -> None:
    assert cause(source(f"postgresql://postgres:wrong@{database_url.split('@')[1]}")) == "28P01"


def test_missing_database_raises_unavailable(database_url: str) -> None:
    assert cause(source(database_url.rsplit("/", 1)[0] + "/none")) == "3D000"


def test_missing_table_raises_unavailable(new_database: Callable[[str], str]) -> None:
    assert cause(source(new_database("SELECT 1"))) == "42P01"


@pytest.mark.parametrize("column", ["created_at", "velocity", "id"])
def test_missing_column_raises_unavailable(new_database: Callable[[str], str], column: str) -> None:
    url = new_database(f"{SCHEMA}; ALTER TABLE locations DROP COLUMN {column} CASCADE")
    assert cause(source(url)) == "42703"


def test_server_without_free_connections_raises_unavailable(database_url: str) -> None:
    with contextlib.ExitStack() as others:
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                others.enter_context(psycopg.connect(database_url))
        assert cause(source(database_url)) == "53300"
    assert_no_connections(database_url)


@pytest.mark.parametrize(("lock", "code"), [(0.3, "55P03"), (9, "57014")], ids=["lock", "statement"])
def test_locked_table_raises_unavailable(database_url: str, lock: float, code: str) -> None:
    insert(database_url, (START, "p", 1, 1))
    with psycopg.connect(database_url) as locking:
        locking.execute("LOCK TABLE locations")
        assert cause(source(database_url, Timeouts(lock_timeout=lock, statement_timeout=0.6))) == code
        assert_no_connections(database_url, sockets=1)


def test_ping_of_a_locked_table_times_out(database_url: str) -> None:
    with psycopg.connect(database_url) as locking:
        locking.execute("LOCK TABLE locations")
        with pytest.raises(Unavailable, match="55P03"):
            source(database_url).ping()
    assert_no_connections(database_url)
