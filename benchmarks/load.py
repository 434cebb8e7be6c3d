"""An HTTP load generator: callers on raw sockets in one thread, and the first response of a server that starts."""

import selectors
import socket
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

_TIMEOUT_SECONDS = 60
_POLL_SECONDS = 0.001
_HOST = "127.0.0.1"


class Response(NamedTuple):
    """A response, and the seconds from the request to its last byte."""

    status: int
    body: bytes
    seconds: float


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """Return the bytes of a request. An underscore in the name of a header stands for a hyphen."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {_HOST}"]
    lines += [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
    if body or method == "POST":
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def send(port: int, message: bytes) -> Response:
    """Send one request on a new connection."""
    (response,) = run(port, [message], callers=1)
    return response


def run(port: int, messages: Iterable[bytes], callers: int) -> list[Response]:
    """Send each message once. Each of the `callers` waits for its response before it sends the next message.

    Connections are kept alive if the server does. One thread serves all callers, so that the generator uses little of
    the processor that it shares with the server.
    """
    responses: list[Response] = []
    remaining = iter(messages)
    with ExitStack() as connections, selectors.DefaultSelector() as selector:

        def connect() -> socket.socket:
            connection = connections.enter_context(socket.create_connection((_HOST, port), _TIMEOUT_SECONDS))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection

        def start(connection: socket.socket, message: bytes) -> None:
            caller = _Caller(connection)
            connection.sendall(message)
            selector.register(connection, selectors.EVENT_READ, caller)

        for message in islice(remaining, callers):
            start(connect(), message)
        while selector.get_map():
            ready = selector.select(_TIMEOUT_SECONDS)
            if not ready:
                raise TimeoutError(f"no response on port {port}")
            for key, _ in ready:
                caller: _Caller = key.data
                if not caller.receive():
                    continue
                responses.append(caller.response())
                selector.unregister(caller.connection)
                if caller.is_closing:
                    caller.connection.close()
                if message := next(remaining, b""):
                    start(connect() if caller.is_closing else caller.connection, message)
    return responses


def first_response(port: int, message: bytes) -> Response:
    """Send the request as soon as a server listens on `port`, and return its response.

    A refused connection costs some 50 microseconds of processor time each millisecond. Once the server listens, the
    request waits in its backlog.
    """
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        try:
            return send(port, message)
        except (ConnectionError, EOFError):
            time.sleep(_POLL_SECONDS)
    raise TimeoutError(f"no server on port {port}")


@dataclass
class _Caller:
    """A connection with one request in progress."""

    connection: socket.socket
    started: float = field(default_factory=time.perf_counter)
    received: bytes = b""
    head: bytes = b""
    size: int = -1  # of head and body

    def receive(self) -> bool:
        """Receive what has arrived, and return whether the response is complete. Raises EOFError."""
        data = self.connection.recv(1 << 18)
        if not data:
            raise EOFError
        self.received += data
        if self.size < 0 and (end := self.received.find(b"\r\n\r\n") + 4) > 3:
            self.head = self.received[:end].lower()
            _, found, length = self.head.partition(b"\r\ncontent-length:")
            self.size = end + (int(length.partition(b"\r")[0]) if found else 0)
        return 0 <= self.size <= len(self.received)

    @property
    def is_closing(self) -> bool:
        return b"\r\nconnection: close" in self.head

    def response(self) -> Response:
        body = self.received[len(self.head) :]
        return Response(int(self.head[9:12]), body, time.perf_counter() - self.started)
