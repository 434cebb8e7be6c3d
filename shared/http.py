"""HTTP as every function speaks it: routes, health, and one envelope for every error."""

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Self

import flask
from werkzeug.datastructures import Headers, MultiDict
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.exceptions import NotFound as NoRoute
from werkzeug.routing import Map, Rule

from shared import errors, health, health_paths
from shared.cors import Cors
from shared.error_tracking import capture_error
from shared.process_age import age
from shared.served import Request, served
from shared.telemetry import context, metrics, provider
from shared.telemetry.context import Trace, trace_of

BODY_BYTES = 64 << 10
AT_ONCE = 32  # less than gunicorn.conf.py's threads: the others answer probes, and refuse
_DRAINED_BYTES = 1 << 20

# The most specific class comes first.
_STATUS: tuple[tuple[type[Exception], int, str], ...] = (
    (errors.TooLarge, 413, "PAYLOAD_TOO_LARGE"),
    (errors.InvalidRequest, 400, "VALIDATION_ERROR"),
    (errors.NotFound, 404, "NOT_FOUND"),
    (errors.KeyReused, 422, "CONFLICT"),
    (errors.JobHeld, 409, "CONFLICT"),
    (errors.LeaseLost, 409, "CONFLICT"),
    (errors.Overloaded, 503, "SERVICE_UNAVAILABLE"),
    (errors.Unavailable, 503, "SERVICE_UNAVAILABLE"),
)


@dataclass(frozen=True)
class Call:
    """One request: the variables of its path, its query, headers (lower case), body and trace."""

    path: Mapping[str, str]
    query: MultiDict[str, str]
    headers: Mapping[str, str]
    body: bytes
    trace: Trace


@dataclass(frozen=True)
class Reply:
    """One answer; a mapping is sent as JSON, bytes as they are."""

    status: int
    body: Mapping[str, Any] | bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Reply]
Check = health.AnyCheck


class Service:
    """A function's HTTP surface: `routes` by method and path template, its health, and the `numbers` that it counts."""

    def __init__(
        self,
        name: str,
        routes: Mapping[tuple[str, str], Handler],
        checks: Mapping[str, Check],
        body_limit: int = BODY_BYTES,
        numbers: health.Numbers | None = None,
    ) -> None:
        self._name = name
        self._health = health.Health(name, checks, numbers)
        self._body_limit = body_limit
        self._places = threading.Semaphore(AT_ONCE)
        self._routes = routes
        self._cors: Cors | None = None
        self._map = self._mapped(details=True)
        if flask.has_app_context():  # while functions-framework loads us
            _take_over(flask.current_app)
            if seconds := age():
                metrics.INIT_DURATION.record(seconds)

    def limited(self, at_once: int) -> Self:
        """The same, which works on no more than `at_once` requests at a time; before it has any."""
        self._places = threading.Semaphore(at_once)
        return self

    def detailed(self, *, shown: bool) -> Self:
        """The same, which answers 404 where details of its health are asked for, unless they are `shown`."""
        self._map = self._mapped(details=shown)
        return self

    def open_to(self, pages: Cors | None) -> Self:
        """The same, which pages of other origins may ask, if any."""
        self._cors = pages
        return self

    def _mapped(self, *, details: bool) -> Map:
        ways: list[tuple[tuple[str, ...], Handler]] = [
            (health_paths.LIVE, lambda _: Reply(200, {"status": "healthy", "service": self._name})),
            (health_paths.STARTUP, lambda _: Reply(200, {"status": "started", "service": self._name})),
            (health_paths.READY, self._ready),
            (("/openapi.json",), _openapi),
            (("/asyncapi.json",), _asyncapi),
            (("/docs",), _read),
        ]
        if details:
            ways += [
                (health_paths.HEALTH, self._well),
                (health_paths.STATUS, lambda _: Reply(200, self._health.status())),
                (health_paths.SCRAPED, _scraped),
            ]
        if details and self._health.numbers:
            ways.append((health_paths.NUMBERS, lambda _: Reply(200, self._health.counted())))
        own = {("GET", path): handler for paths, handler in ways for path in paths}
        every = {**self._routes, **own}.items()
        rules = [Rule(path, methods=[method], endpoint=handler) for (method, path), handler in every]
        return Map(rules, merge_slashes=False)

    def __call__(self, request: flask.Request) -> flask.Response:
        headers = {name.lower(): text for name, text in request.headers}
        trace = trace_of(headers)
        if self._cors and (told := self._cors.asked_first(request.method, headers)):
            return _response(Reply(204, headers=told), trace)
        with served(request.method, request.path, trace, probe=request.path in health_paths.PROBES) as serving:
            try:
                reply = self._admitted(request, serving)
            except Exception as exc:  # noqa: BLE001 - the last line of defence: whatever it is, callers get the envelope
                serving.failed(exc)
                reply = error_reply(exc, serving.trace)
            serving.status = reply.status
        response = _response(reply, serving.trace)
        response.headers.update(self._cors.beside(headers) if self._cors else {})
        return response

    def _admitted(self, request: flask.Request, serving: Request) -> Reply:
        """Overloaded, unread, when there is no place left; whether we live can always be asked."""
        if request.path in health_paths.UNTOUCHING:
            return self._dispatch(request, serving)
        if not self._places.acquire(blocking=False):
            raise errors.Overloaded("Too many requests at once")
        try:
            return self._dispatch(request, serving)
        finally:
            self._places.release()

    def _dispatch(self, request: flask.Request, serving: Request) -> Reply:
        body = self._read(request)
        rule, path = self._map.bind_to_environ(request.environ).match(return_rule=True)
        serving.matched(rule.rule)
        headers = {name.lower(): text for name, text in request.headers}
        answer: Reply = rule.endpoint(Call(path, request.args, headers, body, serving.trace))
        return answer

    def _read(self, request: flask.Request) -> bytes:
        """The whole body, chunked or not, up to the limit; werkzeug's own limit cuts chunked ones silently."""
        length, environ = request.content_length, request.environ
        if length is None and not environ.get("wsgi.input_terminated"):
            return b""
        limit = self._body_limit
        try:
            body: bytes = environ["wsgi.input"].read(limit + 1 if length is None else min(length, limit + 1))
            if len(body) > limit:
                _drain(environ["wsgi.input"])
        except Exception as exc:  # servers raise errors of their own on broken chunks
            raise errors.InvalidRequest("Request body could not be read") from exc
        if len(body) > limit:
            raise errors.TooLarge(f"Request body is over {limit >> 10} KiB")
        if length is not None and len(body) < length:
            raise errors.InvalidRequest("Request body is incomplete")
        return body

    def _ready(self, call: Call) -> Reply:
        ready = self._health.readiness()
        states = {name: "connected" if well else "unavailable" for name, well in ready.items()}
        if all(ready.values()):
            return Reply(200, {"status": "ready", **states})
        return Reply(503, {"status": "unavailable", **states, **_unavailable(ready, call.trace)})

    def _well(self, call: Call) -> Reply:
        report = self._health.report()
        if report["overall_status"] != "unhealthy":
            return Reply(200, report)
        failing = {name: one["status"] == "healthy" for name, one in report["checks"].items() if one["critical"]}
        return Reply(503, {**report, **_unavailable(failing, call.trace)})


def _scraped(_: Call) -> Reply:
    text = provider.scraped()
    if text is None:
        raise NoRoute
    return Reply(200, text, {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


def _openapi(_: Call) -> Reply:
    from shared.contract import openapi  # noqa: PLC0415 - who is not asked for it starts without it

    return Reply(200, openapi.document())


def _asyncapi(_: Call) -> Reply:
    from shared.contract import asyncapi  # noqa: PLC0415 - the same

    return Reply(200, asyncapi.document())


def _read(_: Call) -> Reply:
    from shared.contract.page import HEADERS, page  # noqa: PLC0415 - the same

    return Reply(200, page(), HEADERS)


def _drain(stream: IO[bytes]) -> None:
    """Take a little more from a client that is still sending: it would see a reset instead of the answer."""
    left = _DRAINED_BYTES
    while left > 0 and (data := stream.read(min(left, 1 << 16))):
        left -= len(data)


def _take_over(app: flask.Flask) -> None:
    """Make the framework's own answers ours: its 404 for robots.txt, its redirects for doubled slashes."""
    app.url_map.merge_slashes = False

    def refused(exc: HTTPException) -> flask.Response:
        trace = trace_of({name.lower(): text for name, text in flask.request.headers})
        context.current.set(trace)
        return _response(error_reply(exc, trace), trace)

    app.register_error_handler(HTTPException, refused)


def error_reply(exc: Exception, trace: Trace) -> Reply:
    headers = {}
    details: dict[str, Any] = {}
    status, code, message = 500, "INTERNAL_ERROR", "Internal error"
    if isinstance(exc, NoRoute):
        status, code, message = 404, "NOT_FOUND", "No such path"
    elif isinstance(exc, MethodNotAllowed):
        status, code, message = 405, "METHOD_NOT_ALLOWED", "Method not allowed"
        headers["Allow"] = ", ".join(sorted(exc.valid_methods or ()))
    elif isinstance(exc, HTTPException) and exc.code and 400 <= exc.code < 500:
        status, code, message = 400, "VALIDATION_ERROR", "Bad request"
    for kind, kind_status, kind_code in _STATUS:
        if isinstance(exc, kind):
            status, code, message = kind_status, kind_code, str(exc)
            break
    if isinstance(exc, errors.InvalidRequest) and exc.field is not None:
        details = {"field": exc.field} | ({} if exc.value is None else {"value": exc.value})
    if isinstance(exc, errors.Overloaded):
        headers["Retry-After"] = "2"
    elif isinstance(exc, errors.Unavailable):
        message = f"Unavailable: {exc.dependency}"
        headers["Retry-After"] = "5"
    if status >= 500:
        capture_error(exc)
    return Reply(status, _envelope(code, message, details, trace), headers)


def _envelope(code: str, message: str, details: Mapping[str, Any], trace: Trace) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "details": details}, "trace_id": trace.trace_id}


def _unavailable(well: Mapping[str, bool], trace: Trace) -> dict[str, Any]:
    """The envelope that names what is not well."""
    failing = ", ".join(name for name, is_well in well.items() if not is_well)
    return _envelope("SERVICE_UNAVAILABLE", f"Unavailable: {failing}", {}, trace)


def _response(reply: Reply, trace: Trace) -> flask.Response:
    headers = Headers({"X-Trace-Id": trace.trace_id})
    body = reply.body
    if not isinstance(body, bytes):
        headers["Content-Type"] = "application/json"
        body = json.dumps(body).encode()
    headers.update(reply.headers)
    headers["Content-Length"] = str(len(body))
    # A streamed answer, because the framework reads whatever is left of the request before any other.
    response = flask.Response(_once(body), reply.status, headers)
    if "Content-Type" not in headers:
        del response.headers["Content-Type"]
    return response


def _once(body: bytes) -> Iterable[bytes]:
    yield body
