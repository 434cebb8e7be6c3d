"""moto's S3 as a real server."""

import contextlib
import importlib.util
import sys
from collections.abc import Iterator
from types import ModuleType

if importlib.util.find_spec("flask_cors") is None:
    # moto's server imports it for browsers on other hosts; none of ours is one.
    sys.modules["flask_cors"] = ModuleType("flask_cors")
    sys.modules["flask_cors"].CORS = lambda app: None  # type: ignore[attr-defined] # made on the line above

from moto.server import ThreadedMotoServer


@contextlib.contextmanager
def running() -> Iterator[str]:
    """An empty server for the time of the block; its URL."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()
