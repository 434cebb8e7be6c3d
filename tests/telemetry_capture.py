"""Spans and metrics of the code under test, collected in memory by the real SDK."""

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import DataPointT, HistogramDataPoint, InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.telemetry import export, metrics, spans

Labels = dict[str, Any]


class TelemetryCapture:
    """Collects ended spans and current metric values."""

    def __init__(self) -> None:
        self._spans, self._metrics = InMemorySpanExporter(), InMemoryMetricReader()
        self._tracing = TracerProvider(id_generator=export.IdGenerator(), shutdown_on_exit=False)
        self._tracing.add_span_processor(SimpleSpanProcessor(self._spans))
        self._metering = MeterProvider([self._metrics], shutdown_on_exit=False)

    def __enter__(self) -> Self:
        spans.set_tracer(self._tracing.get_tracer("tests"))
        export.bind_instruments(self._metering.get_meter("tests"), metrics.all_metrics())
        return self

    def __exit__(self, *_: object) -> None:
        spans.set_tracer(None)
        for metric in metrics.all_metrics():
            metric.instrument = None
        self._tracing.shutdown()
        self._metering.shutdown()

    @property
    def spans(self) -> list[ReadableSpan]:
        """Return the ended spans in the order of their ends."""
        return list(self._spans.get_finished_spans())

    def clear_spans(self) -> None:
        self._spans.clear()

    def span(self, name: str) -> ReadableSpan:
        """Return the only span with this name."""
        (match,) = [span for span in self.spans if span.name == name]
        return match

    def tree(self) -> list[str]:
        """Return the names of the spans in the order of their starts, with their parents: `child < parent`."""
        by_id = {span.context.span_id: span for span in self.spans if span.context}
        lines = []
        for span in sorted(by_id.values(), key=lambda span: span.start_time or 0):
            parent = by_id.get(span.parent.span_id) if span.parent else None
            lines.append(f"{span.name} < {parent.name if parent else '-'}")
        return lines

    def points(self, metric: metrics.Metric) -> list[tuple[Labels, float]]:
        """Return the labels and values of a metric, the counts of a histogram. Zeros are omitted."""
        points = []
        for point in self._points().get(metric.name, ()):
            value = point.value if isinstance(point, NumberDataPoint) else point.count
            if value:
                points.append((dict(point.attributes or {}), value))
        return points

    def bucket_counts(self, metric: metrics.Histogram) -> dict[float, int]:
        """Return the number of values by the upper bound of their bucket. Zeros are omitted."""
        counts: Counter[float] = Counter()
        for point in self._points().get(metric.name, ()):
            assert isinstance(point, HistogramDataPoint)
            for bound, count in zip((*point.explicit_bounds, math.inf), point.bucket_counts, strict=True):
                counts[bound] += count
        return dict(+counts)

    def text(self) -> str:
        """Return all spans and metrics as JSON."""
        data = self._metrics.get_metrics_data()
        return "\n".join([*(span.to_json() for span in self.spans), *([data.to_json()] if data else [])])

    def _points(self) -> dict[str, list[DataPointT]]:
        """Return the current points by the name of their metric."""
        data = self._metrics.get_metrics_data()
        return {
            series.name: list(series.data.data_points)
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for series in scope.metrics
        }


@contextmanager
def capture_telemetry() -> Iterator[TelemetryCapture]:
    """Capture the telemetry of the block."""
    with TelemetryCapture() as telemetry:
        yield telemetry
