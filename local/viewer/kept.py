"""What has been received, bounded: the oldest goes first."""

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_DELTA, HistogramDataPoint, Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage
from opentelemetry.proto.trace.v1.trace_pb2 import Status

_SPANS = 20_000
_LINES = 5_000
_SERIES = 5_000

Attributes = dict[str, Any]


@dataclass(frozen=True)
class Event:
    """Something that happened within a span."""

    name: str
    at_ns: int
    attributes: Attributes


@dataclass(frozen=True)
class Span:
    """One span; times in ns since 1970, ids in lower-case hex, `parent_id` "" where it has none."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    start_ns: int
    end_ns: int
    failed: bool
    attributes: Attributes = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)  # (trace_id, span_id)

    @property
    def milliseconds(self) -> float:
        return (self.end_ns - self.start_ns) / 1e6


@dataclass(frozen=True)
class Line:
    """One line of a log, and the span it was written in."""

    service: str
    at_ns: int
    level: str
    text: str
    trace_id: str
    span_id: str
    attributes: Attributes


@dataclass
class Series:
    """One metric of one service under one set of labels: a number, or how many values and their sum."""

    service: str
    name: str
    unit: str
    labels: Attributes
    value: float = 0
    count: int | None = None


class Kept:
    """The latest spans and log lines, and every series as it stands."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spans: deque[Span] = deque(maxlen=_SPANS)
        self._lines: deque[Line] = deque(maxlen=_LINES)
        self._series: dict[tuple[Any, ...], Series] = {}

    def spans(self, trace_id: str = "") -> list[Span]:
        """All of a trace, or of all traces, by their starts."""
        with self._lock:
            found = [span for span in self._spans if trace_id in ("", span.trace_id)]
        return sorted(found, key=lambda span: span.start_ns)

    def lines(self, trace_id: str = "") -> list[Line]:
        """All log lines of a trace, or of all, by their times."""
        with self._lock:
            found = [line for line in self._lines if trace_id in ("", line.trace_id)]
        return sorted(found, key=lambda line: line.at_ns)

    def series(self) -> list[Series]:
        """Every series, by name and service."""
        with self._lock:
            found = list(self._series.values())
        return sorted(found, key=lambda each: (each.name, each.service, str(each.labels)))

    def take(self, signal: str, body: bytes) -> None:
        """Keep one OTLP request of `signal` (traces, metrics or logs); google.protobuf's DecodeError if it is none."""
        match signal:
            case "traces":
                self._take_spans(ExportTraceServiceRequest.FromString(body))
            case "metrics":
                self._take_metrics(ExportMetricsServiceRequest.FromString(body))
            case "logs":
                self._take_lines(ExportLogsServiceRequest.FromString(body))

    def _take_spans(self, request: ExportTraceServiceRequest) -> None:
        found = [
            _span(_service(group.resource.attributes), message)
            for group in request.resource_spans
            for scope in group.scope_spans
            for message in scope.spans
        ]
        with self._lock:
            self._spans.extend(found)

    def _take_lines(self, request: ExportLogsServiceRequest) -> None:
        found = [
            Line(
                _service(group.resource.attributes),
                record.time_unix_nano or record.observed_time_unix_nano,
                record.severity_text,
                str(_value(record.body)),
                record.trace_id.hex(),
                record.span_id.hex(),
                _attributes(record.attributes),
            )
            for group in request.resource_logs
            for scope in group.scope_logs
            for record in scope.log_records
        ]
        with self._lock:
            self._lines.extend(found)

    def _take_metrics(self, request: ExportMetricsServiceRequest) -> None:
        with self._lock:
            for group in request.resource_metrics:
                instance = _attributes(group.resource.attributes).get("service.instance.id", "")
                for scope in group.scope_metrics:
                    for metric in scope.metrics:
                        self._take_metric(_service(group.resource.attributes), instance, metric)

    def _take_metric(self, service: str, instance: str, metric: Metric) -> None:
        data = getattr(metric, str(metric.WhichOneof("data")))
        added = getattr(data, "aggregation_temporality", None) == AGGREGATION_TEMPORALITY_DELTA
        for point in data.data_points:
            labels = _attributes(point.attributes)
            key = (service, metric.name, *sorted(labels.items()), *(() if added else (instance,)))
            if key not in self._series and len(self._series) >= _SERIES:
                del self._series[next(iter(self._series))]
            kept = self._series.setdefault(key, Series(service, metric.name, metric.unit, labels))
            if isinstance(point, HistogramDataPoint):
                kept.count = point.count + ((kept.count or 0) if added else 0)
                kept.value = point.sum + (kept.value if added else 0)
            else:
                kept.value = (point.as_double or point.as_int) + (kept.value if added else 0)


def _span(service: str, message: SpanMessage) -> Span:
    return Span(
        service,
        message.name,
        SpanMessage.SpanKind.Name(message.kind).removeprefix("SPAN_KIND_").lower(),
        message.trace_id.hex(),
        message.span_id.hex(),
        message.parent_span_id.hex(),
        message.start_time_unix_nano,
        message.end_time_unix_nano,
        message.status.code == Status.StatusCode.STATUS_CODE_ERROR,
        _attributes(message.attributes),
        [Event(event.name, event.time_unix_nano, _attributes(event.attributes)) for event in message.events],
        [(link.trace_id.hex(), link.span_id.hex()) for link in message.links],
    )


def _service(resource: Iterable[KeyValue]) -> str:
    return str(_attributes(resource).get("service.name", "unknown"))


def _attributes(pairs: Iterable[KeyValue]) -> Attributes:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(message: AnyValue) -> Any:
    kind = message.WhichOneof("value")
    if kind == "array_value":
        return tuple(_value(each) for each in message.array_value.values)
    if kind == "kvlist_value":
        return str(_attributes(message.kvlist_value.values))
    return getattr(message, kind) if kind else ""
