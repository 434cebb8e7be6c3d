"""What the code under test tells of itself, gathered in memory: spans and metrics by the real SDK."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.telemetry import export, metrics, spans

Labels = dict[str, Any]


class Watched:
    """The spans that have ended, and the metrics as they stand."""

    def __init__(self) -> None:
        self._spans, self._metrics = InMemorySpanExporter(), InMemoryMetricReader()
        self._tracing = TracerProvider(id_generator=export.Ids(), shutdown_on_exit=False)
        self._tracing.add_span_processor(SimpleSpanProcessor(self._spans))
        self._metering = MeterProvider([self._metrics], shutdown_on_exit=False)

    def __enter__(self) -> Self:
        spans.use(self._tracing.get_tracer("tests"))
        export.bind_instruments(self._metering.get_meter("tests"), metrics.every())
        return self

    def __exit__(self, *_: object) -> None:
        spans.use(None)
        for metric in metrics.every():
            metric.instrument = None
        self._tracing.shutdown()
        self._metering.shutdown()

    @property
    def spans(self) -> list[ReadableSpan]:
        """In the order of their ends."""
        return list(self._spans.get_finished_spans())

    def forget(self) -> None:
        self._spans.clear()

    def span(self, name: str) -> ReadableSpan:
        """The one of that name."""
        (found,) = [span for span in self.spans if span.name == name]
        return found

    def tree(self) -> list[str]:
        """Names by their starts, each with the name of its parent: `child < parent`."""
        by_id = {span.context.span_id: span for span in self.spans if span.context}
        told = []
        for span in sorted(by_id.values(), key=lambda span: span.start_time or 0):
            above = by_id.get(span.parent.span_id) if span.parent else None
            told.append(f"{span.name} < {above.name if above else '-'}")
        return told

    def points(self, metric: metrics.Metric) -> list[tuple[Labels, float]]:
        """Each set of labels with its value, or with the count of a histogram; zeros are left out."""
        data = self._metrics.get_metrics_data()
        found = []
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for told in scope.metrics:
                    if told.name != metric.name:
                        continue
                    for point in told.data.data_points:
                        value = point.value if isinstance(point, NumberDataPoint) else point.count
                        if value:
                            found.append((dict(point.attributes or {}), value))
        return found


@contextmanager
def watched() -> Iterator[Watched]:
    with Watched() as watching:
        yield watching
