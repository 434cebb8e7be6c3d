"""Trace context: a request's W3C trace is read, kept and passed on."""

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
    """Which trace a request belongs to; `traceparent` makes this hop the parent of the next.

    `parent` is the span under which the next one stands: the caller's, until this hop has one of its own.
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
        """What the next hop is told, over HTTP and as the extensions of an event."""
        return {"traceparent": self.traceparent} | ({"tracestate": self.tracestate} if self.tracestate else {})


current: ContextVar["Trace | None"] = ContextVar("trace", default=None)
caller: ContextVar[str] = ContextVar("caller", default="")  # a pseudonym; "" where nobody is asked who it is


def trace_of(headers: Mapping[str, str]) -> Trace:
    """The trace that a request belongs to, else a new one; names in lower case.

    `traceparent` says it, else an event's `ce-traceparent`, else `X-Trace-Id`.
    """
    span_id = secrets.token_hex(8)
    for prefix in ("", "ce-"):
        carrier = {name: headers[prefix + name] for name in ("traceparent", "tracestate") if prefix + name in headers}
        parent = get_current_span(_PROPAGATOR.extract(carrier)).get_span_context()
        if parent.is_valid:
            state = parent.trace_state.to_header()
            return Trace(f"{parent.trace_id:032x}", span_id, int(parent.trace_flags), state, parent)
    given = headers.get("x-trace-id", "").lower()
    if re.fullmatch(r"(?!0{32})[0-9a-f]{32}", given):
        return Trace(given, span_id)
    return Trace(secrets.token_hex(16), span_id)


def span_context(traceparent: str) -> SpanContext | None:
    """What a stored `traceparent` leads to, None where it leads nowhere."""
    found = get_current_span(_PROPAGATOR.extract({"traceparent": traceparent})).get_span_context()
    return found if found.is_valid else None
