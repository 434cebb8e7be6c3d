"""Runs PgBouncer in transaction mode in front of the database."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from local import postgres
from tests.integration.whole_stack import wait_until


@contextmanager
def run_pgbouncer(
    url: str, folder: Path, port: int, **settings: str | int | Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run PgBouncer in front of the database at `url`, by default with one server connection."""
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip("no pgbouncer on this machine (Debian's package of that name has it)")
    parts = psycopg.conninfo.conninfo_to_dict(url)
    target = " ".join(f"{name}={parts[name]}" for name in ("host", "port", "user", "password"))
    fixed = {"listen_addr": "127.0.0.1", "listen_port": port, "unix_socket_dir": "", "auth_type": "any"}
    options = {**fixed, "pool_mode": "transaction", "default_pool_size": 1, **settings}
    config = folder / "pgbouncer.ini"
    lines = [f"{name} = {value}" for name, value in options.items()]
    config.write_text("\n".join(["[databases]", f"{parts['dbname']} = {target}", "[pgbouncer]", *lines, ""]))
    command = [*postgres._run_as(), program, str(config)]
    with (folder / "pgbouncer.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, process_group=0)

    def is_listening() -> bool:
        assert process.poll() is None, (folder / "pgbouncer.log").read_text()
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    try:
        wait_until(is_listening)
        yield process
    finally:
        process.kill()
        process.wait()


def pooler_url(url: str, port: int, **parameters: str) -> str:
    """Return the URL of the database at `url` through the PgBouncer on `port`."""
    query = "&".join(f"{name}={text}" for name, text in parameters.items())
    return f"postgresql://anyone@127.0.0.1:{port}/{url.rsplit('/', 1)[1]}?{query}"
