"""One port for the whole system: each path goes to its service, untouched."""

import json
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import urllib3

from shared.telemetry import trace_of

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

SERVICES = ("submit", "calculate", "status", "list", "broker")
# By the decoded path, as the services themselves read it; a prefix ends in a slash.
_ROUTES = {
    "/api/distance/calculate": "submit",
    "/api/distance/jobs": "list",
    "/api/distance/jobs/": "status",
    "/api/distance/download/": "status",
    "/broker": "broker",
}
_LARGEST_BODY = 1 << 20
# Of one connection only (RFC 9110, 7.6.1), or set by the server that speaks to the client.
_NOT_PASSED_ON = frozenset(
    ("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "proxy-connection", "date", "server")
)


class Gateway:
    """A WSGI application; `services` has the base URL of each of SERVICES."""

    def __init__(self, services: Mapping[str, str]) -> None:
        self._services = services
        self._http = urllib3.PoolManager(maxsize=32, retries=False, timeout=urllib3.Timeout(connect=2, read=60))
        self._probes = ThreadPoolExecutor(len(services))

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        exchange = _Exchange(environ, start_response)
        path = environ["PATH_INFO"].encode("latin-1").decode(errors="replace")
        service = _ROUTES.get(path) or next(
            (_ROUTES[it] for it in _ROUTES if it[-1] == "/" and path.startswith(it)), None
        )
        if service:
            return self._forward(exchange, service)
        if path not in ("/healthz", "/readyz"):
            return exchange.refuse(404, "NOT_FOUND", "No such path")
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return exchange.refuse(405, "METHOD_NOT_ALLOWED", "Method not allowed", {"Allow": "GET, HEAD"})
        return self._probe(exchange, path)

    def _forward(self, exchange: "_Exchange", service: str) -> Iterable[bytes]:
        body = exchange.body()
        if body is None:
            return exchange.refuse(413, "PAYLOAD_TOO_LARGE", f"Request body is over {_LARGEST_BODY >> 10} KiB")
        target = "/" if service == "broker" else exchange.target()
        url = self._services[service] + target
        headers = exchange.headers() | {"content-length": str(len(body))}
        try:
            answer = self._http.urlopen(
                exchange.method, url, body=body, headers=headers, redirect=False, decode_content=False
            )
        except urllib3.exceptions.HTTPError:
            return exchange.refuse(503, "SERVICE_UNAVAILABLE", f"Unavailable: {service}", {"Retry-After": "5"})
        passed_on = [(name, text) for name, text in answer.headers.items() if name.lower() not in _NOT_PASSED_ON]
        exchange.start_response(f"{answer.status} {answer.reason}", passed_on)
        return [answer.data]

    def _probe(self, exchange: "_Exchange", path: str) -> Iterable[bytes]:
        def answers(service: str) -> bool:
            try:
                return self._http.request("GET", self._services[service] + path, timeout=5).status == 200
            except urllib3.exceptions.HTTPError:
                return False

        failing = [name for name, ok in zip(SERVICES, self._probes.map(answers, SERVICES), strict=True) if not ok]
        if failing:
            return exchange.refuse(503, "SERVICE_UNAVAILABLE", f"Unavailable: {', '.join(failing)}")
        return exchange.answer(200, {"status": "healthy" if path == "/healthz" else "ready", "service": "gateway"})


class _Exchange:
    """One request and its answer."""

    def __init__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> None:
        self._environ = environ
        self.start_response = start_response
        self.method = environ["REQUEST_METHOD"]

    def headers(self) -> dict[str, str]:
        names = {"CONTENT_TYPE": "content-type"} | {
            name: name[5:].replace("_", "-").lower() for name in self._environ if name.startswith("HTTP_")
        }
        given = {names[name]: text for name, text in self._environ.items() if name in names and text}
        return {name: text for name, text in given.items() if name not in _NOT_PASSED_ON and name != "expect"}

    def target(self) -> str:
        """Path and query byte for byte: a decoded path would change its meaning on the way."""
        raw: str = self._environ["RAW_URI"]
        if raw.startswith("/"):
            return raw
        parts = urlsplit(raw)  # the absolute form
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def body(self) -> bytes | None:
        """The whole body, chunked or not; None if it is larger than any service takes."""
        body: bytes = self._environ["wsgi.input"].read(_LARGEST_BODY + 1)
        return body if len(body) <= _LARGEST_BODY else None

    def refuse(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Iterable[bytes]:
        return self.answer(status, {"error": {"code": code, "message": message, "details": {}}}, headers)

    def answer(self, status: int, body: dict[str, Any], headers: Mapping[str, str] | None = None) -> Iterable[bytes]:
        trace_id = trace_of(self.headers()).trace_id
        if status != 200:
            body["trace_id"] = trace_id
        text = json.dumps(body).encode()
        own = {"Content-Type": "application/json", "Content-Length": str(len(text)), "X-Trace-Id": trace_id}
        self.start_response(f"{status} ", list({**own, **(headers or {})}.items()))
        return [text]


def from_environ(environ: Mapping[str, str] = os.environ) -> Gateway:
    """The gateway that gunicorn serves; SUBMIT_URL and so on are the services' base URLs."""
    return Gateway({service: environ[f"{service.upper()}_URL"] for service in SERVICES})
