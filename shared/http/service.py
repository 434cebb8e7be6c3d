"""HTTP as every function speaks it: routes, health, documents, and the door before them."""

import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Self

import flask
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import NotFound as NoRoute
from werkzeug.routing import Map, Rule

from shared import errors
from shared.auth.authenticator import Authenticator
from shared.http import health, health_paths
from shared.http.cors import Cors
from shared.http.error_responses import error_reply, unavailable
from shared.http.instrumentation import Request, served
from shared.http.messages import Call, Handler, Reply
from shared.telemetry import context, metrics, provider
from shared.telemetry.context import Trace, trace_of
from shared.telemetry.process_age import age

BODY_BYTES = 64 << 10
AT_ONCE = 32  # less than gunicorn.conf.py's threads: the others answer probes, and refuse
_DRAINED_BYTES = 1 << 20

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
        self._paths = {path for _, path in routes}  # whatever the method: a HEAD is as good as its GET
        self._cors: Cors | None = None
        self._guard: Authenticator | None = None
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

    def guarded(self, guard: Authenticator | None) -> Self:
        """The same, whose routes are answered to those only that the guard lets in, if there is one."""
        self._guard = guard
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
        if self._cors and (told := self._cors.preflight(request.method, headers)):
            return _response(Reply(204, headers=told), trace)
        with served(request.method, request.path, trace, probe=request.path in health_paths.PROBES) as serving:
            try:
                reply = self._admitted(request, serving)
            except Exception as exc:  # noqa: BLE001 - the last line of defence: whatever it is, callers get the envelope
                serving.failed(exc)
                reply = error_reply(exc, serving.trace)
            serving.status = reply.status
        response = _response(reply, serving.trace)
        response.headers.update(serving.headers | (self._cors.beside(headers) if self._cors else {}))
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
        rule, path = self._map.bind_to_environ(request.environ).match(return_rule=True)
        serving.matched(rule.rule)
        headers = {name.lower(): text for name, text in request.headers}
        with self._let_in(request.method, rule.rule, headers, serving):
            body = self._read(request)
            answer: Reply = rule.endpoint(Call(path, request.args, headers, body, serving.trace, request.method))
        return answer

    @contextmanager
    def _let_in(self, method: str, route: str, headers: Mapping[str, str], serving: Request) -> Iterator[None]:
        """Who asks for one of our routes, or an error before the body is read; what all services have is for all."""
        if self._guard is None or route not in self._paths:
            yield
            return
        caller = self._guard.caller(headers)
        serving.asked_by(caller)
        serving.headers.update(self._guard.counted(caller, method, headers))
        token = context.caller.set(caller)
        try:
            yield
        finally:
            context.caller.reset(token)

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
        failures = self._health.readiness()
        states = {name: failure or "connected" for name, failure in failures.items()}
        if not any(failures.values()):
            return Reply(200, {"status": "ready", **states})
        ready = {name: not failure for name, failure in failures.items()}
        return Reply(503, {"status": "unavailable", **states, **unavailable(ready, call.trace)})

    def _well(self, call: Call) -> Reply:
        report = self._health.report()
        if report["overall_status"] != "unhealthy":
            return Reply(200, report)
        failing = {name: one["status"] == "healthy" for name, one in report["checks"].items() if one["critical"]}
        return Reply(503, {**report, **unavailable(failing, call.trace)})


def _scraped(_: Call) -> Reply:
    text = provider.scraped()
    if text is None:
        raise NoRoute
    return Reply(200, text, {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


def _openapi(_: Call) -> Reply:
    from shared.openapi import document  # noqa: PLC0415 - who is not asked for it starts without it

    return Reply(200, document.document())


def _asyncapi(_: Call) -> Reply:
    from shared.openapi import asyncapi  # noqa: PLC0415 - the same

    return Reply(200, asyncapi.document())


def _read(_: Call) -> Reply:
    from shared.openapi.html import HEADERS, page  # noqa: PLC0415 - the same

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
