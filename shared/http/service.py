"""The HTTP service of a function: routing, authentication, concurrency limit, health endpoints and error responses."""

import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import flask
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import NotFound as RouteNotFound

from shared import errors
from shared.auth.authenticator import Authenticator, authenticator
from shared.config.settings import Settings
from shared.http import health, health_paths
from shared.http.cors import Cors
from shared.http.error_responses import dependency_error, error_response
from shared.http.instrumentation import RequestTelemetry, instrument_request, process_age
from shared.http.messages import Handler, Request, Response
from shared.http.routing import Router, Routes
from shared.telemetry import context, metrics, provider
from shared.telemetry.context import Trace, trace_of

MAX_BODY_BYTES = 64 << 10
MAX_CONCURRENCY = 32  # less than gunicorn.conf.py's threads: the others answer probes and reject requests
_DRAINED_BYTES = 1 << 20
_NO_HEADERS: Mapping[str, str] = {}

Check = health.AnyCheck


@dataclass(frozen=True)
class Options:
    """The options of a deployment. Authentication applies to all routes of the function, not to health endpoints."""

    cors: Cors | None = None
    auth: Authenticator | None = None
    health_details: bool = True

    @classmethod
    def from_settings(cls, settings: Settings) -> "Options":
        """The options of a service that callers reach; SettingsError where an optional library is missing."""
        cors = Cors(settings.cors_origins) if settings.cors_origins else None
        return cls(cors, authenticator(settings), settings.HEALTH_DETAILS)


_DEFAULTS = Options()


class Service:
    """The HTTP service of a function.

    `routes` need authentication where `options` has it, `public_routes` never do. `stats` returns the job counts of
    the status endpoints.
    """

    def __init__(
        self,
        name: str,
        routes: Routes,
        checks: Mapping[str, Check],
        *,
        public_routes: Routes | None = None,
        stats: health.StatsSource | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
        max_concurrency: int = MAX_CONCURRENCY,
        options: Options = _DEFAULTS,
    ) -> None:
        self.routes = routes
        self._name = name
        self._health = health.Health(name, checks, stats)
        self._max_body_bytes = max_body_bytes
        self._slots = threading.Semaphore(max_concurrency)
        self._options = options
        self._authenticated_paths = {path for _, path in routes}  # for every method: HEAD is routed as its GET
        self.router = self._build_router({**routes, **(public_routes or {})})
        if flask.has_app_context():  # functions-framework is loading the module of the function
            _replace_framework_errors(flask.current_app)
            if seconds := process_age():
                metrics.INIT_DURATION.record(seconds)

    def _build_router(self, routes: Routes) -> Router:
        endpoints: list[tuple[tuple[str, ...], Handler]] = [
            (health_paths.LIVE, lambda _: Response(200, {"status": "healthy", "service": self._name})),
            (health_paths.STARTUP, lambda _: Response(200, {"status": "started", "service": self._name})),
            (health_paths.READY, self._readiness),
        ]
        if self._options.health_details:
            endpoints += [
                (health_paths.HEALTH, self._health_report),
                (health_paths.STATUS, lambda _: Response(200, self._health.status())),
                (health_paths.PROMETHEUS, _prometheus_metrics),
            ]
            if self._health.stats:
                endpoints.append((health_paths.JOB_COUNTS, lambda _: Response(200, self._health.job_counts())))
        health_routes = {("GET", path): handler for paths, handler in endpoints for path in paths}
        return Router({**routes, **health_routes})

    def __call__(self, request: flask.Request) -> flask.Response:
        """Handle one HTTP request. Every error becomes an error response."""
        headers = {name.lower(): text for name, text in request.headers}
        trace = trace_of(headers)
        cors = self._options.cors
        if cors and (preflight := cors.preflight(request.method, headers)):
            return _flask_response(Response(204, headers=preflight), trace)
        is_probe = request.path in health_paths.PROBES
        with instrument_request(request.method, request.path, trace, is_probe=is_probe) as telemetry:
            try:
                response = self._handle_with_slot(request, headers, telemetry)
            except Exception as exc:  # noqa: BLE001 - the last resort: any exception becomes an error response
                telemetry.record_exception(exc)
                response = error_response(exc, telemetry.trace)
            telemetry.status = response.status
        added = telemetry.headers | (cors.response_headers(headers) if cors else {})
        return _flask_response(response, telemetry.trace, added)

    def _handle_with_slot(
        self, request: flask.Request, headers: Mapping[str, str], telemetry: RequestTelemetry
    ) -> Response:
        """Reject the request without reading it when all slots are in use. Liveness probes need no slot."""
        if request.path in health_paths.LIVENESS_PATHS:
            return self._handle(request, headers, telemetry)
        if not self._slots.acquire(blocking=False):
            raise errors.Overloaded("Too many requests at once")
        try:
            return self._handle(request, headers, telemetry)
        finally:
            self._slots.release()

    def _handle(self, request: flask.Request, headers: Mapping[str, str], telemetry: RequestTelemetry) -> Response:
        handler, template, variables = self.router.match(request.method, request.path)
        telemetry.set_route(template)
        with self._authenticated(request.method, template, headers, telemetry):
            body = self._read_body(request)
            return handler(Request(variables, request.args, headers, body, telemetry.trace, request.method))

    @contextmanager
    def _authenticated(
        self, method: str, route: str, headers: Mapping[str, str], telemetry: RequestTelemetry
    ) -> Iterator[None]:
        """Authenticate the caller and enforce its rate limit, before the body is read."""
        auth = self._options.auth
        if auth is None or route not in self._authenticated_paths:
            yield
            return
        caller = auth.authenticate(headers)
        telemetry.set_caller(caller)
        telemetry.headers.update(auth.enforce_rate_limit(caller, method, headers))
        token = context.caller.set(caller)
        try:
            yield
        finally:
            context.caller.reset(token)

    def _read_body(self, request: flask.Request) -> bytes:
        """Read the whole body, chunked or not. Werkzeug's own limit truncates chunked bodies without an error."""
        length, environ = request.content_length, request.environ
        if length is None and not environ.get("wsgi.input_terminated"):
            return b""
        limit = self._max_body_bytes
        try:
            body: bytes = environ["wsgi.input"].read(limit + 1 if length is None else min(length, limit + 1))
            if len(body) > limit:
                _drain(environ["wsgi.input"])
        except Exception as exc:  # servers raise their own errors for invalid chunks
            raise errors.InvalidRequest("Request body could not be read") from exc
        if len(body) > limit:
            raise errors.TooLarge(f"Request body is over {limit >> 10} KiB")
        if length is not None and len(body) < length:
            raise errors.InvalidRequest("Request body is incomplete")
        return body

    def _readiness(self, request: Request) -> Response:
        failures = self._health.readiness()
        states = {name: failure or "connected" for name, failure in failures.items()}
        failing = [name for name, failure in failures.items() if failure]
        if not failing:
            return Response(200, {"status": "ready", **states})
        return Response(503, {"status": "unavailable", **states, **dependency_error(failing, request.trace)})

    def _health_report(self, request: Request) -> Response:
        report = self._health.report()
        if report["overall_status"] != "unhealthy":
            return Response(200, report)
        checks = report["checks"].items()
        failing = [name for name, check in checks if check["critical"] and check["status"] != "healthy"]
        return Response(503, {**report, **dependency_error(failing, request.trace)})


def _prometheus_metrics(_: Request) -> Response:
    text = provider.prometheus_text()
    if text is None:
        raise RouteNotFound
    return Response(200, text, {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


def _drain(stream: IO[bytes]) -> None:
    """Read more of a body that is too large, so that the client receives the response instead of a reset."""
    remaining = _DRAINED_BYTES
    while remaining > 0 and (data := stream.read(min(remaining, 1 << 16))):
        remaining -= len(data)


def _replace_framework_errors(app: flask.Flask) -> None:
    """Replace the framework's own responses: its 404 for robots.txt and its redirects of doubled slashes."""
    app.url_map.merge_slashes = False

    def handle(exc: HTTPException) -> flask.Response:
        trace = trace_of({name.lower(): text for name, text in flask.request.headers})
        context.current.set(trace)
        return _flask_response(error_response(exc, trace), trace)

    app.register_error_handler(HTTPException, handle)


def _flask_response(response: Response, trace: Trace, added: Mapping[str, str] = _NO_HEADERS) -> flask.Response:
    """Return the response as Flask sends it, with the headers `added`."""
    headers = {"X-Trace-Id": trace.trace_id}
    body = response.body
    if not isinstance(body, bytes):
        headers["Content-Type"] = "application/json"
        body = json.dumps(body).encode()
    if response.status != 304:  # its length would be that of the representation, which is not sent
        headers["Content-Length"] = str(len(body))
    headers |= {**response.headers, **added}
    # Streamed, because the framework reads the rest of the request before it sends any other response.
    flask_response = flask.Response(_stream(body), response.status)
    flask_response.headers = Headers(list(headers.items()))  # replaces the Content-Type that Response has set
    return flask_response


def _stream(body: bytes) -> Iterable[bytes]:
    yield body
