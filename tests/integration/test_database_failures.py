"""A database that doesn't let itself be read, from the start: what the operator is told, and that it ends."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest

from functions.calculate.fixes.connection import DAY, Bounds
from shared.errors import Unavailable
from tests.integration.conftest import SCHEMA, free_port
from tests.integration.fixes_read import START, cause, fill, insert, nothing_is_left, numbers, read, source

BRIEF = Bounds(opening=1, lock=0.3, statement=5, silence=1, farewell=1)


def test_a_server_that_is_away_is_unavailable() -> None:
    away = source(f"postgresql://u:p@127.0.0.1:{free_port()}/x")
    assert cause(away) == "08001"
    with pytest.raises(Unavailable, match="08001"):
        away.ping()


def test_a_name_that_nobody_knows_is_unavailable() -> None:
    assert cause(source("postgresql://u:p@nowhere.invalid/x")) == "unknown-host"


@pytest.mark.parametrize("said", [b"", b"N", b"S"], ids=["nothing", "no TLS", "TLS"])
def test_a_server_that_accepts_and_says_no_more_is_unavailable(said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, contextlib.ExitStack() as held:

        def answer() -> None:
            connection = held.enter_context(silent.accept()[0])
            connection.recv(1 << 10)
            connection.sendall(said)

        threading.Thread(target=answer, daemon=True).start()
        url = f"postgresql://u:p@127.0.0.1:{silent.getsockname()[1]}/x"
        assert cause(source(url, BRIEF)) == "timeout"


def test_a_server_that_speaks_another_language_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer() -> None:
            with other.accept()[0] as connection:
                connection.recv(1 << 10)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        assert cause(source(f"postgresql://u:p@127.0.0.1:{other.getsockname()[1]}/x", BRIEF)) == "08001"


@pytest.fixture
def role(database_url: str) -> Iterator[Callable[[str], str]]:
    """Makes a role with a password and no right, runs statements as superuser, gives the role's URL."""
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
def test_a_role_that_is_refused_is_unavailable(role: Callable[[str], str], statements: str, code: str) -> None:
    assert cause(source(role(statements))) == code


def test_select_on_the_table_is_all_that_a_role_needs(role: Callable[[str], str], database_url: str) -> None:
    fill(database_url, 100)
    reader = source(role("GRANT SELECT ON locations TO guest"))
    reader.ping()
    assert numbers(read(reader)) == numbers(read(source(database_url)))


def test_a_stricter_statement_timeout_of_the_role_stands(role: Callable[[str], str], database_url: str) -> None:
    strict = role("GRANT SELECT ON locations TO guest; ALTER ROLE guest SET statement_timeout = '300ms'")
    insert(database_url, (START, "p", 1, 1))
    assert len(read(source(strict))) == 1
    with psycopg.connect(database_url) as locking:
        locking.execute("LOCK TABLE locations")
        assert cause(source(strict)) == "57014"


def test_the_server_gives_up_a_client_that_is_gone_without_a_farewell(database_url: str) -> None:
    with source(database_url)._connected(DAY, lambda: None) as connection:
        names = ("tcp_user_timeout", "tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count")
        found = [connection.execute(f"SHOW {name}").fetchone() for name in names]
    assert found == [("120000",), ("10",), ("5",), ("3",)]


def test_a_wrong_password_is_unavailable_and_not_told(database_url: str) -> None:
    assert cause(source(f"postgresql://postgres:wrong@{database_url.split('@')[1]}")) == "28P01"


def test_a_missing_database_is_unavailable(database_url: str) -> None:
    assert cause(source(database_url.rsplit("/", 1)[0] + "/none")) == "3D000"


def test_a_missing_table_is_unavailable(new_database: Callable[[str], str]) -> None:
    assert cause(source(new_database("SELECT 1"))) == "42P01"


@pytest.mark.parametrize("column", ["created_at", "velocity", "id"])
def test_a_missing_column_is_unavailable(new_database: Callable[[str], str], column: str) -> None:
    url = new_database(f"{SCHEMA}; ALTER TABLE locations DROP COLUMN {column} CASCADE")
    assert cause(source(url)) == "42703"


def test_a_server_with_no_connection_to_spare_is_unavailable(database_url: str) -> None:
    with contextlib.ExitStack() as others:
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                others.enter_context(psycopg.connect(database_url))
        assert cause(source(database_url)) == "53300"
    nothing_is_left(database_url)


@pytest.mark.parametrize(("lock", "code"), [(0.3, "55P03"), (9, "57014")], ids=["lock", "statement"])
def test_a_table_that_somebody_locks_is_unavailable(database_url: str, lock: float, code: str) -> None:
    insert(database_url, (START, "p", 1, 1))
    with psycopg.connect(database_url) as locking:
        locking.execute("LOCK TABLE locations")
        assert cause(source(database_url, Bounds(lock=lock, statement=0.6))) == code
        nothing_is_left(database_url, sockets=1)


def test_a_probe_of_a_locked_table_ends_by_itself(database_url: str) -> None:
    with psycopg.connect(database_url) as locking:
        locking.execute("LOCK TABLE locations")
        with pytest.raises(Unavailable, match="55P03"):
            source(database_url).ping()
    nothing_is_left(database_url)
