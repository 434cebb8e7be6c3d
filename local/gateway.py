"""One port for the whole system: each path goes to its service, untouched."""

import http.client
import json
import os
import threading
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from local.probing import Probing
from shared.http.health_paths import JOB_COUNTS
from shared.telemetry.context import trace_of

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

SERVICES = ("submit", "calculate", "status", "list", "broker")
# By the decoded path, as the services themselves read it; a prefix ends in a slash.
_ROUTES = {
    "/api/distance/calculate": "submit",
    "/api/distance/jobs": "list",
    "/api/distance/stats": "list",
    "/api/distance/devices": "list",
    "/api/distance/jobs/": "status",
    "/api/distance/download/": "status",
    "/broker": "broker",
    **dict.fromkeys((*JOB_COUNTS, "/openapi.json", "/asyncapi.json", "/docs"), "list"),
}
_LARGEST_BODY = 1 << 20
_LARGEST_ANSWER = 16 << 20
_AT_ONCE = 32  # less than serving.py's threads
_ANSWER_SECONDS = 60
# Of one connection only (RFC 9110, 7.6.1), or made by the server that speaks to the client.
_NOT_PASSED_ON = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "proxy-connection"} | {
    *("date", "server", "expect")
}


class Gateway:
    """A WSGI application; `services` has the address (host:port) of each of SERVICES.

    Its health names `instance`: whoever started it can tell it from another on the same port.
    """

    def __init__(self, services: Mapping[str, str], instance: str) -> None:
        self._services = services
        self._probing = Probing({name: services[name] for name in SERVICES}, instance)
        self._places = threading.Semaphore(_AT_ONCE)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        exchange = _Exchange(environ, start_response)
        path = environ["PATH_INFO"]
        if service := _service(path):
            if not self._places.acquire(blocking=False):
                too_many = "Too many requests at once"
                return exchange.refuse(503, "SERVICE_UNAVAILABLE", too_many, {"Retry-After": "2"})
            try:
                return self._forward(exchange, service)
            finally:
                self._places.release()
        if path not in self._probing.paths:
            return exchange.refuse(404, "NOT_FOUND", "No such path")
        if exchange.method not in ("GET", "HEAD"):
            return exchange.refuse(405, "METHOD_NOT_ALLOWED", "Method not allowed", {"Allow": "GET, HEAD"})
        return self._probe(exchange, path)

    def _forward(self, exchange: "_Exchange", service: str) -> Iterable[bytes]:
        try:
            body = exchange.body()
        except Exception:  # noqa: BLE001 - servers raise errors of their own on broken chunks
            return exchange.refuse(400, "VALIDATION_ERROR", "Request body could not be read")
        if len(body) > _LARGEST_BODY:
            return exchange.refuse(413, "PAYLOAD_TOO_LARGE", f"Request body is over {_LARGEST_BODY >> 10} KiB")
        target = "/" if service == "broker" else exchange.target()
        # A connection for each request: on one machine it costs nothing, and is never a stale one.
        connection = http.client.HTTPConnection(self._services[service], timeout=_ANSWER_SECONDS)
        try:
            connection.putrequest(exchange.method, target, skip_host=True, skip_accept_encoding=True)
            for name, text in exchange.headers().items():
                connection.putheader(name, text)
            if body or exchange.method not in ("GET", "HEAD"):
                connection.putheader("content-length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            content = answer.read(_LARGEST_ANSWER + 1)
            if len(content) > _LARGEST_ANSWER:
                raise http.client.HTTPException  # noqa: TRY301 - it is one more way to answer wrongly
        except (OSError, http.client.HTTPException):
            return exchange.refuse(503, "SERVICE_UNAVAILABLE", f"Unavailable: {service}", {"Retry-After": "5"})
        finally:
            connection.close()
        passed_on = [(name, text) for name, text in answer.getheaders() if name.lower() not in _NOT_PASSED_ON]
        exchange.start_response(f"{answer.status} {answer.reason}", passed_on)
        return [content]

    def _probe(self, exchange: "_Exchange", path: str) -> Iterable[bytes]:
        failing, body = self._probing.answer(path)
        if failing:
            return exchange.refuse(503, "SERVICE_UNAVAILABLE", f"Unavailable: {', '.join(failing)}", more=body)
        return exchange.answer(200, body)


def _service(path: str) -> str | None:
    """The service whose route `path` is, or lies under."""
    prefixes = (route for route in _ROUTES if route.endswith("/") and path.startswith(route))
    return _ROUTES.get(path) or _ROUTES.get(next(prefixes, ""))


class _Exchange:
    """One request and its answer."""

    def __init__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> None:
        self._environ = environ
        self.start_response = start_response
        self.method: str = environ["REQUEST_METHOD"]

    def headers(self) -> dict[str, str]:
        """The request's headers that go on, names in lower case."""
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): text
            for name, text in self._environ.items()
            if name.startswith("HTTP_") or (name == "CONTENT_TYPE" and text)
        }
        return {name: text for name, text in headers.items() if name not in _NOT_PASSED_ON}

    def target(self) -> str:
        """Path and query byte for byte: a decoded path would change its meaning on the way."""
        raw: str = self._environ["RAW_URI"]
        if raw.startswith("/"):
            return raw
        parts = urlsplit(raw)  # the absolute form
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def body(self) -> bytes:
        """The whole body, chunked or not, or more than the largest; EOFError if the client broke off."""
        body: bytes = self._environ["wsgi.input"].read(_LARGEST_BODY + 1)
        if len(body) < min(int(self._environ.get("CONTENT_LENGTH") or 0), _LARGEST_BODY):
            raise EOFError
        return body

    def refuse(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> Iterable[bytes]:
        error = {"error": {"code": code, "message": message, "details": {}}}
        return self.answer(status, {**(more or {}), **error}, headers)

    def answer(self, status: int, body: dict[str, Any], headers: Mapping[str, str] | None = None) -> Iterable[bytes]:
        trace_id = trace_of(self.headers()).trace_id
        if status != 200:
            body["trace_id"] = trace_id
        text = json.dumps(body).encode()
        own = {"Content-Type": "application/json", "Content-Length": str(len(text)), "X-Trace-Id": trace_id}
        self.start_response(f"{status} {HTTPStatus(status).phrase}", list({**own, **(headers or {})}.items()))
        return [text]


def from_environ(environ: Mapping[str, str] = os.environ) -> Gateway:
    """The gateway that gunicorn serves; SUBMIT_ADDRESS and so on are host:port."""
    return Gateway({service: environ[f"{service.upper()}_ADDRESS"] for service in SERVICES}, environ["INSTANCE"])
