"""Brokers that take an event and then don't answer as they should."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator


class Raw:
    """A server that says what `answer` makes it say to each request, and counts them."""

    def __init__(self, answer: Callable[[socket.socket], None]) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self.requests = 0

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            received = b""
            while not received.endswith(b"}"):
                received += connection.recv(1 << 16)
            self.requests += 1
            self._answer(connection)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextlib.contextmanager
def raw(answer: Callable[[socket.socket], None]) -> Iterator[Raw]:
    server = Raw(answer)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()


def silent(connection: socket.socket) -> None:
    """Took it, and says nothing until the client goes."""
    connection.recv(1)


def cut(_: socket.socket) -> None:
    """Took it, and its answer is lost."""


def garbage(connection: socket.socket) -> None:
    connection.sendall(b"\x16\x03\x01 no HTTP at all\r\n\r\n")


def trickling(connection: socket.socket) -> None:
    """A header that never ends, a byte whenever the last one has been read for a while."""
    connection.sendall(b"HTTP/1.1 202 Accepted\r\nX-Long: ")
    hangs = threading.Event()
    while True:
        connection.sendall(b"x")
        hangs.wait(0.2)
