"""Real servers for the integration tests, each in a folder and on a port of its own."""

import secrets
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from local import postgres
from local.stack import Stack, run_stack
from tests.integration import given_servers
from tests.integration.whole_stack import given

SCHEMA = (Path(postgres.__file__).parent / "schema.sql").read_text(encoding="utf-8")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A superuser's URL of a PostgreSQL that lives as long as the tests, or of the one that is given."""
    if given_servers.POSTGRES:
        yield given_servers.POSTGRES
        return
    with postgres.run_server(tmp_path_factory.mktemp("postgres"), free_port()) as url:
        yield url


@pytest.fixture(scope="session")
def new_database(postgres_url: str) -> Iterator[Callable[[str], str]]:
    """Makes a database of its own, with the given statements in it, and gives its URL."""
    made = []

    def make(statements: str = SCHEMA) -> str:
        name = f"test_{secrets.token_hex(4)}"
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        made.append(name)
        url = postgres_url.rsplit("/", 1)[0] + f"/{name}"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statements.encode())
        return url

    yield make
    if given_servers.POSTGRES:  # our own goes as a whole
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            for name in made:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database_url(new_database: Callable[[str], str]) -> str:
    """An empty table of fixes as the contract has it."""
    return new_database(SCHEMA)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole system, sample fixes in it: `url`, `plan` (ports, settings of each function), `supervisor.pids()`."""
    with run_stack(given(DATA_DIR=tmp_path_factory.mktemp("stack"))) as stack:
        yield stack
