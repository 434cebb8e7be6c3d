"""Spans. Without a tracer, no spans are created and the trace context is only propagated.

Spans record the class and location of an exception, never its text (`cause` in logging_config.py).
"""

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING

from shared.errors import JobFailed, OtelWorkerError, Unavailable
from shared.telemetry.context import Parent, Trace, current, span_context, trace_of
from shared.telemetry.logging_config import cause

if TYPE_CHECKING:
    from opentelemetry import trace
    from opentelemetry.context import Context

Value = str | bool | int | float
Attributes = Mapping[str, Value]

# Names of OpenTelemetry's SpanKind.
INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"

new_trace_id: ContextVar[str] = ContextVar("new_trace_id", default="")  # trace ID of the next root span
_current: ContextVar["Span | None"] = ContextVar("span", default=None)
_suppressed: ContextVar[bool] = ContextVar("suppress_tracing", default=False)
_tracer: "trace.Tracer | None" = None


def set_tracer(tracer: "trace.Tracer | None") -> None:
    """Set the tracer of this process. None disables spans."""
    globals()["_tracer"] = tracer


class Span:
    """A span in progress. Without a tracer, it only has a position in the trace."""

    def __init__(self, span: "trace.Span | None", position: Trace) -> None:
        self._span = span
        self.trace = position

    @property
    def is_recording(self) -> bool:
        """Whether the span is created, so that later spans can refer to it."""
        return self._span is not None

    def set(self, attributes: Attributes) -> None:
        if self._span is not None:
            self._span.set_attributes(attributes)

    def set_name(self, name: str) -> None:
        if self._span is not None:
            self._span.update_name(name)

    def event(self, name: str, attributes: Attributes | None = None) -> None:
        if self._span is not None:
            self._span.add_event(name, attributes)

    def link(self, traceparent: str | None, reason: str) -> None:
        """Link to the span of another trace. An invalid `traceparent` is ignored."""
        target = span_context(traceparent) if self._span is not None and traceparent else None
        if self._span is not None and target is not None:
            self._span.add_link(target, {"distance.link": reason})

    def set_error(self, error_type: str) -> None:
        """Mark the span as failed. `error_type` is a code or a class name."""
        if self._span is not None:
            from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 - only where spans are exported

            self._span.set_attribute("error.type", error_type)
            self._span.set_status(Status(StatusCode.ERROR, error_type))

    def record_exception(self, exc: BaseException) -> None:
        """Record an exception as a span event. Expected domain errors do not mark the span as failed."""
        if self._span is None:
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
        """Make the span the parent of spans and log records for the duration of a block."""
        trace_token, span_token = current.set(self.trace), _current.set(self)
        try:
            yield
        finally:
            _current.reset(span_token)
            current.reset(trace_token)

    def end(self, end_ns: int | None = None) -> None:
        if self._span is not None:
            self._span.end(end_ns)


@contextlib.contextmanager
def suppress_tracing() -> Iterator[None]:
    """Create no spans for the duration of a block."""
    token = _suppressed.set(True)
    try:
        yield
    finally:
        _suppressed.reset(token)


def non_recording_span(position: Trace) -> Span:
    """Return a span that is not exported."""
    return Span(None, position)


def start_span(
    name: str,
    attributes: Attributes | None = None,
    *,
    kind: str = INTERNAL,
    within: Trace | None = None,
    start_ns: int | None = None,
) -> Span:
    """Start a span as a child of the current one, or in the trace `within`. The caller ends it."""
    position = within or current.get() or trace_of({})
    if _tracer is None or _suppressed.get():
        return Span(None, position)
    from opentelemetry.trace import SpanKind  # noqa: PLC0415 - only where spans are exported

    token = new_trace_id.set("" if position.parent else position.trace_id)
    try:
        context = _parent_context(position)
        otel_span = _tracer.start_span(name, context, SpanKind[kind], attributes, start_time=start_ns)
    finally:
        new_trace_id.reset(token)
    ids = otel_span.get_span_context()
    state, span_id = ids.trace_state.to_header(), f"{ids.span_id:016x}"
    parent = Parent(span_id, is_remote=False)
    return Span(otel_span, Trace(f"{ids.trace_id:032x}", span_id, int(ids.trace_flags), state, parent))


def _parent_context(position: Trace) -> "Context":
    """Return the context in which a span starts: with its parent, or empty for a root span."""
    from opentelemetry import trace  # noqa: PLC0415 - only where spans are exported
    from opentelemetry.context import Context  # noqa: PLC0415 - as above

    if position.parent is None:
        return Context()
    state = trace.TraceState.from_header([position.tracestate]) if position.tracestate else None
    parent = trace.SpanContext(
        int(position.trace_id, 16),
        int(position.parent.span_id, 16),
        position.parent.is_remote,
        trace.TraceFlags(position.flags),
        state,
    )
    return trace.set_span_in_context(trace.NonRecordingSpan(parent))


@contextlib.contextmanager
def span(
    name: str, attributes: Attributes | None = None, *, kind: str = INTERNAL, within: Trace | None = None
) -> Iterator[Span]:
    """Create a span for the duration of a block, and make it the current one. It records exceptions of the block."""
    started = start_span(name, attributes, kind=kind, within=within)
    with started.current():
        try:
            yield started
        except BaseException as exc:
            started.record_exception(exc)
            raise
        finally:
            started.end()


def current_span() -> Span:
    """Return the current span; a non-recording one if there is none."""
    return _current.get() or non_recording_span(current.get() or trace_of({}))
