"""Brokers that accept an event and do not respond properly."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator


class RawServer:
    """A TCP server that calls `respond` for each request, and counts the requests."""

    def __init__(self, respond: Callable[[socket.socket], None]) -> None:
        self._respond = respond
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self.requests = 0

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._handle, args=(connection,), daemon=True).start()

    def _handle(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            received = b""
            while not received.endswith(b"}"):
                received += connection.recv(1 << 16)
            self.requests += 1
            self._respond(connection)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextlib.contextmanager
def raw(respond: Callable[[socket.socket], None]) -> Iterator[RawServer]:
    server = RawServer(respond)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()


def silent(connection: socket.socket) -> None:
    """Send no response until the client disconnects."""
    connection.recv(1)


def cut(_: socket.socket) -> None:
    """Close the connection without a response."""


def garbage(connection: socket.socket) -> None:
    connection.sendall(b"\x16\x03\x01 no HTTP at all\r\n\r\n")


def trickling(connection: socket.socket) -> None:
    """Send a header that never ends, one byte every 0.2 s."""
    connection.sendall(b"HTTP/1.1 202 Accepted\r\nX-Long: ")
    never = threading.Event()
    while True:
        connection.sendall(b"x")
        never.wait(0.2)
