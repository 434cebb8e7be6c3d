"""W3C trace context: extraction from requests, and propagation."""

import re
import secrets
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

from opentelemetry.trace import SpanContext, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROPAGATOR = TraceContextTextMapPropagator()


@dataclass(frozen=True)
class Trace:
    """The trace context of a request or span. Its `traceparent` makes it the parent of the next hop.

    `parent` is the parent of the next span: the caller's span, until this hop has its own.
    """

    trace_id: str
    span_id: str
    flags: int = 1
    tracestate: str = ""
    parent: SpanContext | None = field(default=None, compare=False, repr=False)

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"

    def headers(self) -> dict[str, str]:
        """Return the headers for the next hop, which are also extensions of events."""
        return {"traceparent": self.traceparent} | ({"tracestate": self.tracestate} if self.tracestate else {})


current: ContextVar["Trace | None"] = ContextVar("trace", default=None)
caller: ContextVar[str] = ContextVar("caller", default="")  # pseudonym; "" for anonymous callers


def trace_of(headers: Mapping[str, str]) -> Trace:
    """Extract the trace of a request, or start a new one. Names of `headers` are in lower case.

    The order of precedence is `traceparent`, `ce-traceparent` of an event, `X-Trace-Id`.
    """
    span_id = secrets.token_hex(8)
    for prefix in ("", "ce-"):
        carrier = {name: headers[prefix + name] for name in ("traceparent", "tracestate") if prefix + name in headers}
        parent = get_current_span(_PROPAGATOR.extract(carrier)).get_span_context()
        if parent.is_valid:
            state = parent.trace_state.to_header()
            return Trace(f"{parent.trace_id:032x}", span_id, int(parent.trace_flags), state, parent)
    trace_id = headers.get("x-trace-id", "").lower()
    if re.fullmatch(r"(?!0{32})[0-9a-f]{32}", trace_id):
        return Trace(trace_id, span_id)
    return Trace(secrets.token_hex(16), span_id)


def span_context(traceparent: str) -> SpanContext | None:
    """Parse a stored `traceparent`. Returns None if it is invalid."""
    parsed = get_current_span(_PROPAGATOR.extract({"traceparent": traceparent})).get_span_context()
    return parsed if parsed.is_valid else None
