"""W3C trace context: extraction from requests, and propagation.

OpenTelemetry is imported at the first use, which a process that exports no spans may never have.
"""

import re
import secrets
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

_TRACEPARENT = re.compile("00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")


class Parent(NamedTuple):
    """The parent of a span: its ID, and whether another process has created it."""

    span_id: str
    is_remote: bool


@dataclass(frozen=True)
class Trace:
    """The trace context of a request or span. Its `traceparent` makes it the parent of the next hop.

    `parent` is the parent of the next span: the caller's span, until this hop has its own.
    """

    trace_id: str
    span_id: str
    flags: int = 1
    tracestate: str = ""
    parent: Parent | None = field(default=None, compare=False, repr=False)

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
        if sender := _extract(carrier):
            return Trace(
                sender.trace_id, span_id, sender.flags, sender.tracestate, Parent(sender.span_id, is_remote=True)
            )
    trace_id = headers.get("x-trace-id", "").lower()
    if re.fullmatch(r"(?!0{32})[0-9a-f]{32}", trace_id):
        return Trace(trace_id, span_id)
    return Trace(secrets.token_hex(16), span_id)


def _extract(carrier: Mapping[str, str]) -> Trace | None:
    """Return the context of the caller's span from the headers `traceparent` and `tracestate`, None if invalid."""
    if "traceparent" not in carrier:
        return None
    plain = _TRACEPARENT.fullmatch(carrier["traceparent"])
    if plain and "tracestate" not in carrier:
        return Trace(plain[1], plain[2], int(plain[3], 16))
    ids = _propagated(carrier)
    if not ids.is_valid:
        return None
    return Trace(f"{ids.trace_id:032x}", f"{ids.span_id:016x}", int(ids.trace_flags), ids.trace_state.to_header())


def _propagated(carrier: Mapping[str, str]) -> "SpanContext":
    from opentelemetry.trace import get_current_span  # noqa: PLC0415 - 7 ms
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415 - as above

    return get_current_span(TraceContextTextMapPropagator().extract(carrier)).get_span_context()


def span_context(traceparent: str) -> "SpanContext | None":
    """Parse a stored `traceparent`. Returns None if it is invalid."""
    parsed = _propagated({"traceparent": traceparent})
    return parsed if parsed.is_valid else None
