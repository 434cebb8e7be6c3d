"""Metrics and log records of OTLP export requests, for tests that receive them."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from local.telemetry_store import attribute_values

Requests = Iterable[tuple[str, bytes]]  # signal and body, as the receiver passes them to its callback


class DataPoint(NamedTuple):
    metric: str
    labels: dict[str, Any]
    value: float


class LogRecord(NamedTuple):
    level: str
    text: str
    trace_id: str


def data_points(requests: Requests) -> list[DataPoint]:
    """Return every data point. The value of a histogram is its count."""
    return [
        DataPoint(metric.name, attribute_values(point.attributes), _value(point))
        for signal, body in list(requests)
        if signal == "metrics"
        for group in ExportMetricsServiceRequest.FromString(body).resource_metrics
        for scope in group.scope_metrics
        for metric in scope.metrics
        for point in getattr(metric, str(metric.WhichOneof("data"))).data_points
    ]


def _value(point: Any) -> float:
    return float(point.count if hasattr(point, "count") else point.as_double or point.as_int)


def log_records(requests: Requests) -> list[LogRecord]:
    """Return every log record, ordered by time."""
    records = [
        record
        for signal, body in list(requests)
        if signal == "logs"
        for group in ExportLogsServiceRequest.FromString(body).resource_logs
        for scope in group.scope_logs
        for record in scope.log_records
    ]
    records.sort(key=lambda record: record.time_unix_nano or record.observed_time_unix_nano)
    return [LogRecord(each.severity_text, each.body.string_value, each.trace_id.hex()) for each in records]
