"""Runs the S3 server of moto."""

import contextlib
from collections.abc import Iterator

import urllib3
from moto.server import ThreadedMotoServer


@contextlib.contextmanager
def running() -> Iterator[str]:
    """Run an empty server for the duration of the block, and yield its URL."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        urllib3.request("POST", f"http://{host}:{port}/moto-api/reset")  # servers of one process share their state
        yield f"http://{host}:{port}"
    finally:
        server.stop()
