"""An in-memory store of spans; the oldest are evicted first."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage
from opentelemetry.proto.trace.v1.trace_pb2 import Status

_MAX_SPANS = 20_000
_POLL_SECONDS = 0.05

Attributes = dict[str, Any]


@dataclass(frozen=True)
class Span:
    """One span. Times are nanoseconds since 1970, ids are lower-case hex, `parent_id` is "" for a root span."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    start_ns: int
    end_ns: int
    failed: bool
    attributes: Attributes = field(default_factory=dict)
    events: tuple[str, ...] = ()

    @property
    def milliseconds(self) -> float:
        return (self.end_ns - self.start_ns) / 1e6


class TelemetryStore:
    """The latest spans of all services. Methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spans: deque[Span] = deque(maxlen=_MAX_SPANS)

    def add(self, request: ExportTraceServiceRequest) -> None:
        """Store every span of an OTLP export request."""
        spans = [
            _span(service_name(group.resource.attributes), message)
            for group in request.resource_spans
            for scope in group.scope_spans
            for message in scope.spans
        ]
        with self._lock:
            self._spans.extend(spans)

    def spans(self, trace_id: str = "") -> list[Span]:
        """Return the spans of one trace, or of all traces, ordered by start time."""
        with self._lock:
            spans = [span for span in self._spans if trace_id in ("", span.trace_id)]
        return sorted(spans, key=lambda span: span.start_ns)

    def wait_for_trace(
        self, trace_id: str, is_complete: Callable[[list[Span]], bool], timeout: float, quiet_period: float = 0
    ) -> list[Span]:
        """Return the spans of a trace once `is_complete(spans)` and no span arrived for `quiet_period` seconds.

        After `timeout` seconds, return the spans that have arrived.
        """
        deadline = time.monotonic() + timeout
        spans: list[Span] = []
        changed_at = time.monotonic()
        while time.monotonic() < deadline:
            current = self.spans(trace_id)
            if len(current) != len(spans):
                spans, changed_at = current, time.monotonic()
            if is_complete(spans) and time.monotonic() - changed_at >= quiet_period:
                break
            time.sleep(_POLL_SECONDS)
        return spans


def service_name(resource_attributes: Iterable[KeyValue]) -> str:
    return str(attribute_values(resource_attributes).get("service.name", "unknown"))


def attribute_values(pairs: Iterable[KeyValue]) -> Attributes:
    """Convert OTLP attributes to a dict; arrays become tuples, nested maps become text."""
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(message: AnyValue) -> Any:
    kind = message.WhichOneof("value")
    if kind == "array_value":
        return tuple(_value(item) for item in message.array_value.values)
    if kind == "kvlist_value":
        return str(attribute_values(message.kvlist_value.values))
    return getattr(message, kind) if kind else ""


def _span(service: str, message: SpanMessage) -> Span:
    return Span(
        service,
        message.name,
        message.trace_id.hex(),
        message.span_id.hex(),
        message.parent_span_id.hex(),
        message.start_time_unix_nano,
        message.end_time_unix_nano,
        message.status.code == Status.StatusCode.STATUS_CODE_ERROR,
        attribute_values(message.attributes),
        tuple(event.name for event in message.events),
    )
