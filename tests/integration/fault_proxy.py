"""A proxy before a real server that breaks chosen requests in a chosen way."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Request:
    """What a client asked: `path` as it was sent, without its query."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """A status, headers and a body."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Exchange(BaseHTTPRequestHandler):
    """One connection of a client; the faults are made of these steps."""

    protocol_version = "HTTP/1.1"
    server: "FaultProxy"

    def _handle(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        query = parse_qs(parts.query, keep_blank_values=True)
        asked = Request(self.command, parts.path, query, {name.lower(): text for name, text in self.headers.items()})
        with contextlib.suppress(ConnectionError):  # a client that doesn't wait is what we are here for
            self.server.fault_of(asked)(self)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _handle  # noqa: N815 - http.server's names

    def forward(self) -> Answer:
        """What the server says; by now it has done what was asked."""
        connection = HTTPConnection(self.server.host, self.server.port, timeout=30)
        with contextlib.closing(connection):
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, text in self.headers.items():
                connection.putheader(name, text)
            connection.endheaders(self.body)
            answer = connection.getresponse()
            body = answer.read()
        headers = [(name, text) for name, text in answer.getheaders() if name.lower() != "transfer-encoding"]
        if answer.chunked:
            headers.append(("Content-Length", str(len(body))))
        return Answer(answer.status, headers, body)

    def begin(self, answer: Answer) -> None:
        """The head of an answer."""
        self.send_response_only(answer.status)
        for name, text in answer.headers:
            self.send_header(name, text)
        self.end_headers()

    def hang_up(self) -> None:
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        return


Fault = Callable[[Exchange], None]


def passed(exchange: Exchange) -> None:
    """No fault."""
    answer = exchange.forward()
    exchange.begin(answer)
    exchange.wfile.write(answer.body)


def dropped(exchange: Exchange) -> None:
    """The server never hears of it."""
    exchange.hang_up()


def answer_lost(exchange: Exchange) -> None:
    """The server does it, and nobody is told."""
    exchange.forward()
    exchange.hang_up()


def answer_cut(exchange: Exchange) -> None:
    """The server does it, and its answer ends in the middle of the body."""
    answer = exchange.forward()
    exchange.begin(answer)
    exchange.wfile.write(answer.body[: len(answer.body) // 2])
    exchange.hang_up()


def answer_late(exchange: Exchange) -> None:
    """The server does it, and its answer comes when nobody waits any more: as the proxy ends."""
    exchange.forward()
    silent(exchange)


def silent(exchange: Exchange) -> None:
    """The connection stands and nothing comes."""
    exchange.server.ending.wait()
    exchange.hang_up()


def trickling(exchange: Exchange) -> None:
    """The answer's body comes byte by byte."""
    answer = exchange.forward()
    exchange.begin(answer)
    for byte in answer.body:
        exchange.server.ending.wait(0.002)
        exchange.wfile.write(bytes([byte]))


def answered(status: int, body: str, kind: str = "text/html") -> Fault:
    """The proxy answers itself, and the server never hears of it."""

    def answer(exchange: Exchange) -> None:
        exchange.begin(Answer(status, [("Content-Type", kind), ("Content-Length", str(len(body)))], b""))
        exchange.wfile.write(body.encode())

    return answer


def refused(status: int, code: str) -> Fault:
    """The proxy answers as S3 would."""
    return answered(status, f"<Error><Code>{code}</Code><Message>secret text</Message></Error>", "application/xml")


class FaultProxy(ThreadingHTTPServer):
    """Each request takes the next fault of the first rule that chooses it and has one left, or passes."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(("127.0.0.1", 0), Exchange)
        self.host, self.port = host, port
        self.requests: list[Request] = []
        self.ending = threading.Event()
        self._rules: list[tuple[Callable[[Request], bool], list[Fault]]] = []
        self._lock = threading.Lock()

    def when(self, chooses: Callable[[Request], bool], *faults: Fault) -> None:
        self._rules.append((chooses, list(faults)))

    def forget(self) -> None:
        """Everything passes again."""
        self._rules.clear()

    def handle_error(self, *_: object) -> None:
        """A client that has gone away is no error here."""

    def fault_of(self, asked: Request) -> Fault:
        with self._lock:
            self.requests.append(asked)
            for chooses, faults in self._rules:
                if faults and chooses(asked):
                    return faults.pop(0)
        return passed

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextlib.contextmanager
def before(url: str) -> Iterator[FaultProxy]:
    """A proxy before the server at `url`, for the time of the block."""
    parts = urlsplit(url)
    proxy = FaultProxy(parts.hostname or "", parts.port or 80)
    serving = threading.Thread(target=proxy.serve_forever, args=[0.01])
    serving.start()
    try:
        yield proxy
    finally:
        proxy.ending.set()
        proxy.shutdown()
        serving.join()
        proxy.server_close()
