"""Spans: what is timed, and what is told of it. Without a tracer nothing is made, and the trace is only passed on.

An exception is told by its class and by where in our code it came from, never by its text (logging_config.py `cause`).
"""

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer

from shared.errors import JobFailed, OtelWorkerError, Unavailable
from shared.telemetry.context import Trace, current, span_context, trace_of
from shared.telemetry.logging_config import cause

Value = str | bool | int | float
Attributes = Mapping[str, Value]

INTERNAL, SERVER, CLIENT = SpanKind.INTERNAL, SpanKind.SERVER, SpanKind.CLIENT
PRODUCER, CONSUMER = SpanKind.PRODUCER, SpanKind.CONSUMER

new_trace_id: ContextVar[str] = ContextVar("new_trace_id", default="")  # what a root span's trace is to be
_now: ContextVar["Span | None"] = ContextVar("span", default=None)
_silent: ContextVar[bool] = ContextVar("silent", default=False)
_tracer: Tracer | None = None


def use(tracer: Tracer | None) -> None:
    """Make spans by `tracer` from now on; None for none."""
    globals()["_tracer"] = tracer


class Span:
    """One span that is under way, or, without a tracer, its place in the trace only."""

    def __init__(self, own: trace.Span | None, place: Trace) -> None:
        self._own = own
        self.trace = place

    @property
    def is_recording(self) -> bool:
        """Whether anybody is told of it, so that what comes later may call it its parent."""
        return self._own is not None

    def set(self, attributes: Attributes) -> None:
        if self._own is not None:
            self._own.set_attributes(attributes)

    def set_name(self, name: str) -> None:
        if self._own is not None:
            self._own.update_name(name)

    def event(self, name: str, attributes: Attributes | None = None) -> None:
        if self._own is not None:
            self._own.add_event(name, attributes)

    def link(self, traceparent: str | None, why: str) -> None:
        """Point to a span of elsewhere, where `traceparent` is one."""
        target = span_context(traceparent) if self._own is not None and traceparent else None
        if self._own is not None and target is not None:
            self._own.add_link(target, {"distance.link": why})

    def set_error(self, error_type: str) -> None:
        """What it stands for did not succeed; `error_type` is a code or a class."""
        if self._own is not None:
            self._own.set_attribute("error.type", error_type)
            self._own.set_status(Status(StatusCode.ERROR, error_type))

    def record_exception(self, exc: BaseException) -> None:
        """An exception came out of it: told as an event; outcomes of ours that are no fault don't make it an error."""
        if self._own is None:
            return
        self.event("exception", {"exception.type": type(exc).__name__, "exception.stacktrace": cause(exc)})
        if isinstance(exc, Unavailable):
            self.set_error(f"{exc.dependency}: {exc.cause}")
        elif isinstance(exc, JobFailed):
            self.set_error(exc.code)
        elif not isinstance(exc, OtelWorkerError):
            self.set_error(type(exc).__name__)

    @contextlib.contextmanager
    def current(self) -> Iterator[None]:
        """The span under which others stand, and lines of the log, for the time of a block."""
        place, span = current.set(self.trace), _now.set(self)
        try:
            yield
        finally:
            _now.reset(span)
            current.reset(place)

    def end(self, end_ns: int | None = None) -> None:
        if self._own is not None:
            self._own.end(end_ns)


@contextlib.contextmanager
def suppress_tracing() -> Iterator[None]:
    """No spans for the time of a block: what nobody wants to be told of."""
    before = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(before)


def non_recording_span(place: Trace) -> Span:
    """A span that nobody is told of."""
    return Span(None, place)


def start_span(
    name: str,
    attributes: Attributes | None = None,
    *,
    kind: SpanKind = INTERNAL,
    within: Trace | None = None,
    start_ns: int | None = None,
) -> Span:
    """A span under the current one, or in the trace `within`; whoever starts it ends it."""
    place = within or current.get() or trace_of({})
    if _tracer is None or _silent.get():
        return Span(None, place)
    wanted = new_trace_id.set("" if place.parent else place.trace_id)
    try:
        context = trace.set_span_in_context(trace.NonRecordingSpan(place.parent)) if place.parent else Context()
        own = _tracer.start_span(name, context, kind, attributes, start_time=start_ns)
    finally:
        new_trace_id.reset(wanted)
    made = own.get_span_context()
    state = made.trace_state.to_header()
    return Span(own, Trace(f"{made.trace_id:032x}", f"{made.span_id:016x}", int(made.trace_flags), state, made))


@contextlib.contextmanager
def span(
    name: str, attributes: Attributes | None = None, *, kind: SpanKind = INTERNAL, within: Trace | None = None
) -> Iterator[Span]:
    """A span for the time of a block, the current one meanwhile; what comes out of the block is told of it."""
    made = start_span(name, attributes, kind=kind, within=within)
    with made.current():
        try:
            yield made
        except BaseException as exc:
            made.record_exception(exc)
            raise
        finally:
            made.end()


def current_span() -> Span:
    """The current span."""
    return _now.get() or non_recording_span(current.get() or trace_of({}))
