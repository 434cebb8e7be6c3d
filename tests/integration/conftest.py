"""Real servers for the integration tests, each in its own folder and on its own port.

Under pytest-xdist every worker starts the servers that its tests request.
"""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from local import postgres
from local.stack import Stack, run_stack
from tests.integration import external_servers
from tests.integration.ports import free_port
from tests.integration.whole_stack import stack_options

SCHEMA = (Path(postgres.__file__).parent / "schema.sql").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start PostgreSQL for the session, or use the server of TEST_POSTGRES_URL, and return a superuser's URL."""
    if external_servers.POSTGRES:
        yield external_servers.POSTGRES
        return
    with postgres.run_server(tmp_path_factory.mktemp("postgres"), free_port()) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")  # a test database need not survive a crash
            connection.execute("SELECT pg_reload_conf()")
        yield url


@pytest.fixture(scope="session")
def new_database(postgres_url: str) -> Iterator[Callable[[str], str]]:
    """Return a function that creates a database, runs the statements in it, and returns its URL."""
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
    if external_servers.POSTGRES:  # a server of the session is deleted as a whole
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            for name in made:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database_url(new_database: Callable[[str], str]) -> str:
    """Return the URL of a new database with an empty table of fixes."""
    return new_database(SCHEMA)


@pytest.fixture(params=["created_at", "timestamp"])
def day_column(request: pytest.FixtureRequest) -> str:
    """Return each value of the setting DAY_COLUMN."""
    return str(request.param)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run the whole system with sample fixes for the session. Tests that change its processes restore them."""
    with run_stack(stack_options(DATA_DIR=tmp_path_factory.mktemp("stack"))) as stack:
        yield stack
