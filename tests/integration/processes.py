"""One function in a separate gunicorn, and a TCP proxy that can interrupt the connections to a server."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from local.environment import component_environment
from local.options import TARGETS
from tests.integration.ports import free_port
from tests.integration.whole_stack import Response, send_request, wait_until

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "functions_framework:create_app()"]


@dataclass
class Function:
    """A running function."""

    process: "subprocess.Popen[bytes]"
    url: str

    def send_request(self, method: str, path: str, *args: object, **kwargs: object) -> Response:
        return send_request(method, self.url + path, *args, **kwargs)  # type: ignore[arg-type] # as ask takes them

    def deliver(self, job_id: str, day: str = "2026-01-21", device_id: str = "iphone_stuart") -> Response:
        """Deliver a request event in binary mode."""
        attributes = {"specversion": "1.0", "type": "otelworker.distance.requested.v1", "source": "/test", "id": job_id}
        headers = {f"ce-{name}": text for name, text in attributes.items()}
        return self.send_request("POST", "/", {"job_id": job_id, "date": day, "device_id": device_id}, headers)

    def kill(self) -> None:
        """Kill gunicorn and its worker."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def environment(target: str, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the function: its settings and the variables that every component inherits."""
    return (
        component_environment(os.environ)
        | {"FUNCTION_TARGET": target, "FUNCTION_SOURCE": TARGETS[target], "BIND_HOST": "127.0.0.1"}
        | dict(settings)
    )


@contextlib.contextmanager
def function(target: str, settings: Mapping[str, str], log: Path, folder: Path = ROOT) -> Iterator[Function]:
    """Run the function in `folder` for the duration of the block, and append its output to `log`."""
    port = free_port()
    with log.open("ab") as output:
        process = subprocess.Popen(
            COMMAND,
            cwd=folder,
            env=environment(target, {**settings, "PORT": str(port)}),
            stdout=output,
            stderr=output,
            process_group=0,
        )
    running = Function(process, f"http://127.0.0.1:{port}")
    try:
        wait_until(lambda: running.send_request("GET", "/healthz").status == 200 or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        yield running
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(60)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


class Gate:
    """A TCP proxy in front of a server.

    `close` closes all connections and refuses new ones until `open`. `pause` stops the traffic until `resume` and keeps
    the connections open. `slow` forwards 4 KiB every `seconds`.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname, parts.port)
        self._listener: socket.socket | None = None
        self._port = free_port()
        self._open: set[socket.socket] = set()
        self._resumed = threading.Event()
        self._delay = 0.0
        self.url = url.replace(f":{parts.port}", f":{self._port}")

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        self._resumed.set()
        self._listener = socket.create_server(("127.0.0.1", self._port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for end in list(self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._resumed.set()

    def pause(self) -> None:
        self._resumed.clear()

    def resume(self) -> None:
        self._resumed.set()

    def slow(self, seconds: float) -> None:
        self._delay = seconds

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(self._target)
                for source, target in ((near, far), (far, near)):
                    self._open.add(source)
                    threading.Thread(target=self._forward, args=(source, target), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 12 if self._delay else 1 << 16):
                self._resumed.wait()
                time.sleep(self._delay)
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._open.discard(source)
        source.close()
