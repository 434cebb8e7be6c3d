"""Runs Redis or Valkey where it is installed."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.integration.ports import free_port
from tests.integration.whole_stack import wait_until

PROGRAM = shutil.which("redis-server") or shutil.which("valkey-server")


@contextmanager
def redis_server() -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Run the server without persistence, and yield its URL and its process."""
    assert PROGRAM is not None
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", "/tmp"]
    process = subprocess.Popen([PROGRAM, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def listens() -> bool:
        assert process.poll() is None
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    try:
        wait_until(listens)
        yield f"valkey://127.0.0.1:{port}/0", process
    finally:
        process.kill()
        process.wait()
