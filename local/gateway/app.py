"""A reverse proxy that routes each path to its service and leaves requests and responses unchanged."""

import http.client
import json
import os
import threading
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from local.gateway.health import HealthAggregator
from local.options import TARGETS
from shared.openapi.operations import OPERATIONS
from shared.openapi.routes import ROUTES as API_DOCUMENTS
from shared.telemetry.context import trace_of

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

SERVICES = (*TARGETS, "broker")
_PAGE_PATHS = ("/", "/config.json", "/assets/")
_MAX_BODY_BYTES = 1 << 20
_MAX_RESPONSE_BYTES = 16 << 20
_MAX_CONCURRENT_REQUESTS = 32  # less than the threads of gunicorn_config.py
_RESPONSE_TIMEOUT_SECONDS = 60
# Hop-by-hop headers (RFC 9110, 7.6.1), and those that the server of each connection sets itself.
_DROPPED_HEADERS = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "proxy-connection"} | {
    *("date", "server", "expect")
}


def _routes() -> dict[str, str]:
    """Return the service of each path, in decoded form; a path that ends in a slash is a prefix, except / itself."""
    routes = {"/broker": "broker", **dict.fromkeys(_PAGE_PATHS, "web"), **{path: "list" for _, path in API_DOCUMENTS}}
    for operation in OPERATIONS:
        service = operation.service.removeprefix("distance-")
        if service in SERVICES:
            routes |= {path.partition("{")[0]: service for path in (operation.path, *operation.aliases)}
    return routes


_ROUTES = _routes()


class Gateway:
    """A WSGI application. `services` maps each of SERVICES to its address (host:port).

    Health reports contain `instance`, so that the process that started the gateway recognises it.
    """

    def __init__(self, services: Mapping[str, str], instance: str) -> None:
        self._services = services
        self._health = HealthAggregator({name: services[name] for name in SERVICES}, instance)
        self._slots = threading.Semaphore(_MAX_CONCURRENT_REQUESTS)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        exchange = _Exchange(environ, start_response)
        path = environ["PATH_INFO"]
        if service := _service_of(path):
            if not self._slots.acquire(blocking=False):
                message = "Too many requests at once"
                return exchange.error(503, "SERVICE_UNAVAILABLE", message, {"Retry-After": "2"})
            try:
                return self._forward(exchange, service)
            finally:
                self._slots.release()
        if path not in self._health.paths:
            return exchange.error(404, "NOT_FOUND", "No such path")
        if exchange.method not in ("GET", "HEAD"):
            return exchange.error(405, "METHOD_NOT_ALLOWED", "Method not allowed", {"Allow": "GET, HEAD"})
        return self._health_response(exchange, path)

    def _forward(self, exchange: "_Exchange", service: str) -> Iterable[bytes]:
        try:
            body = exchange.body()
        except Exception:  # noqa: BLE001 - gunicorn raises its own errors for malformed chunks
            return exchange.error(400, "VALIDATION_ERROR", "Request body could not be read")
        if len(body) > _MAX_BODY_BYTES:
            return exchange.error(413, "PAYLOAD_TOO_LARGE", f"Request body is over {_MAX_BODY_BYTES >> 10} KiB")
        target = "/" if service == "broker" else exchange.target()
        # One connection per request: cheap on one machine, and never stale.
        connection = http.client.HTTPConnection(self._services[service], timeout=_RESPONSE_TIMEOUT_SECONDS)
        try:
            connection.putrequest(exchange.method, target, skip_host=True, skip_accept_encoding=True)
            for name, text in exchange.headers().items():
                connection.putheader(name, text)
            if body or exchange.method not in ("GET", "HEAD"):
                connection.putheader("content-length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            content = response.read(_MAX_RESPONSE_BYTES + 1)
            if len(content) > _MAX_RESPONSE_BYTES:
                raise http.client.HTTPException  # noqa: TRY301 - handled like any other invalid response
        except (OSError, http.client.HTTPException):
            return exchange.error(503, "SERVICE_UNAVAILABLE", f"Unavailable: {service}", {"Retry-After": "5"})
        finally:
            connection.close()
        headers = [(name, text) for name, text in response.getheaders() if name.lower() not in _DROPPED_HEADERS]
        exchange.start_response(f"{response.status} {response.reason}", headers)
        return [content]

    def _health_response(self, exchange: "_Exchange", path: str) -> Iterable[bytes]:
        failing, body = self._health.check(path)
        if failing:
            message = f"Unavailable: {', '.join(failing)}"
            return exchange.error(503, "SERVICE_UNAVAILABLE", message, fields=body)
        return exchange.respond(200, body)


def _service_of(path: str) -> str | None:
    """Return the service whose route is `path` or a prefix of it."""
    prefixes = (route for route in _ROUTES if route.endswith("/") and route != "/" and path.startswith(route))
    return _ROUTES.get(path) or _ROUTES.get(next(prefixes, ""))


class _Exchange:
    """One HTTP request and its response."""

    def __init__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> None:
        self._environ = environ
        self.start_response = start_response
        self.method: str = environ["REQUEST_METHOD"]

    def headers(self) -> dict[str, str]:
        """Return the headers to forward, with lower-case names."""
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): text
            for name, text in self._environ.items()
            if name.startswith("HTTP_") or (name == "CONTENT_TYPE" and text)
        }
        return {name: text for name, text in headers.items() if name not in _DROPPED_HEADERS}

    def target(self) -> str:
        """Return path and query as the client sent them: percent-decoding would change their meaning."""
        raw: str = self._environ["RAW_URI"]
        if raw.startswith("/"):
            return raw
        parts = urlsplit(raw)  # absolute form
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def body(self) -> bytes:
        """Return the body, up to one byte more than the limit; EOFError if the client closed the connection early."""
        body: bytes = self._environ["wsgi.input"].read(_MAX_BODY_BYTES + 1)
        if len(body) < min(int(self._environ.get("CONTENT_LENGTH") or 0), _MAX_BODY_BYTES):
            raise EOFError
        return body

    def error(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> Iterable[bytes]:
        """Respond with the API's error envelope and additional `fields`."""
        error = {"error": {"code": code, "message": message, "details": {}}}
        return self.respond(status, {**(fields or {}), **error}, headers)

    def respond(self, status: int, body: dict[str, Any], headers: Mapping[str, str] | None = None) -> Iterable[bytes]:
        trace_id = trace_of(self.headers()).trace_id
        if status != 200:
            body["trace_id"] = trace_id
        text = json.dumps(body).encode()
        defaults = {"Content-Type": "application/json", "Content-Length": str(len(text)), "X-Trace-Id": trace_id}
        self.start_response(f"{status} {HTTPStatus(status).phrase}", list({**defaults, **(headers or {})}.items()))
        return [text]


def from_environ(environ: Mapping[str, str] = os.environ) -> Gateway:
    """Return the gateway for gunicorn, configured by SUBMIT_ADDRESS and so on (host:port), and INSTANCE."""
    return Gateway({service: environ[f"{service.upper()}_ADDRESS"] for service in SERVICES}, environ["INSTANCE"])
