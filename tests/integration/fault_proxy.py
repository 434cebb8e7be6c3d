"""A proxy in front of a real HTTP server that injects faults into selected requests."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Request:
    """A request of a client. `path` is as sent, without the query."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]


@dataclass(frozen=True)
class Response:
    """Status, headers and body."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Exchange(BaseHTTPRequestHandler):
    """One connection of a client, with the steps that faults consist of."""

    protocol_version = "HTTP/1.1"
    server: "FaultProxy"

    def _handle(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        query = parse_qs(parts.query, keep_blank_values=True)
        request = Request(self.command, parts.path, query, {name.lower(): text for name, text in self.headers.items()})
        with contextlib.suppress(ConnectionError):  # the client has timed out
            self.server.next_fault(request)(self)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _handle  # noqa: N815 - http.server's names

    def forward(self) -> Response:
        """Send the request to the server and return its response."""
        connection = HTTPConnection(self.server.host, self.server.port, timeout=30)
        with contextlib.closing(connection):
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, text in self.headers.items():
                connection.putheader(name, text)
            connection.endheaders(self.body)
            response = connection.getresponse()
            body = response.read()
        headers = [(name, text) for name, text in response.getheaders() if name.lower() != "transfer-encoding"]
        if response.chunked:
            headers.append(("Content-Length", str(len(body))))
        return Response(response.status, headers, body)

    def send_head(self, response: Response) -> None:
        """Send the status line and the headers of a response."""
        self.send_response_only(response.status)
        for name, text in response.headers:
            self.send_header(name, text)
        self.end_headers()

    def hang_up(self) -> None:
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        return


Fault = Callable[[Exchange], None]


def pass_through(exchange: Exchange) -> None:
    """No fault."""
    response = exchange.forward()
    exchange.send_head(response)
    exchange.wfile.write(response.body)


def drop_request(exchange: Exchange) -> None:
    """Close the connection. The request does not reach the server."""
    exchange.hang_up()


def lose_response(exchange: Exchange) -> None:
    """Close the connection after the server has processed the request."""
    exchange.forward()
    exchange.hang_up()


def truncate_response(exchange: Exchange) -> None:
    """Close the connection in the middle of the response body."""
    response = exchange.forward()
    exchange.send_head(response)
    exchange.wfile.write(response.body[: len(response.body) // 2])
    exchange.hang_up()


def delay_response(exchange: Exchange) -> None:
    """Send nothing after the server has processed the request, until the client times out."""
    exchange.forward()
    hang(exchange)


def hang(exchange: Exchange) -> None:
    """Keep the connection open and send nothing. The request does not reach the server."""
    exchange.server.closing.wait()
    exchange.hang_up()


def trickle_response(exchange: Exchange) -> None:
    """Send the response body byte by byte."""
    response = exchange.forward()
    exchange.send_head(response)
    for byte in response.body:
        exchange.server.closing.wait(0.002)
        exchange.wfile.write(bytes([byte]))


def respond_with(status: int, body: str, content_type: str = "text/html") -> Fault:
    """Respond in place of the server. The request does not reach it."""

    def respond(exchange: Exchange) -> None:
        headers = [("Content-Type", content_type), ("Content-Length", str(len(body)))]
        exchange.send_head(Response(status, headers, b""))
        exchange.wfile.write(body.encode())

    return respond


def respond_with_error(status: int, code: str) -> Fault:
    """Respond with an error of S3 in place of the server."""
    return respond_with(status, f"<Error><Code>{code}</Code><Message>secret text</Message></Error>", "application/xml")


class FaultProxy(ThreadingHTTPServer):
    """Applies to each request the next fault of the first matching rule that has one left, else passes it through."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(("127.0.0.1", 0), Exchange)
        self.host, self.port = host, port
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self._rules: list[tuple[Callable[[Request], bool], list[Fault]]] = []
        self._lock = threading.Lock()

    def inject(self, matches: Callable[[Request], bool], *faults: Fault) -> None:
        """Add a rule: the next matching requests meet these faults, one each."""
        self._rules.append((matches, list(faults)))

    def clear_faults(self) -> None:
        """Remove all rules."""
        self._rules.clear()

    def handle_error(self, *_: object) -> None:
        """Ignore clients that have closed the connection."""

    def next_fault(self, request: Request) -> Fault:
        with self._lock:
            self.requests.append(request)
            for matches, faults in self._rules:
                if faults and matches(request):
                    return faults.pop(0)
        return pass_through

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextlib.contextmanager
def proxy_to(url: str) -> Iterator[FaultProxy]:
    """Run a proxy in front of the server at `url` for the duration of the block."""
    parts = urlsplit(url)
    proxy = FaultProxy(parts.hostname or "", parts.port or 80)
    thread = threading.Thread(target=proxy.serve_forever, args=[0.01])
    thread.start()
    try:
        yield proxy
    finally:
        proxy.closing.set()
        proxy.shutdown()
        thread.join()
        proxy.server_close()
