"""SDK components: lazy exporters, the ID generator and the instruments. Imported only if telemetry is enabled.

The import of the OTLP exporter takes a third of the start-up time of telemetry, so it is deferred to the first batch.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from opentelemetry import metrics as api
from opentelemetry.sdk.metrics import Counter, Histogram, ObservableCounter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricExporter,
    MetricExportResult,
    MetricReader,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from shared.telemetry import metrics
from shared.telemetry.spans import new_trace_id

_LOG = logging.getLogger(__name__)
_MAX_INITIALIZED_SERIES = 9
_LOG_INTERVAL_SECONDS = 60


class IdGenerator(RandomIdGenerator):
    """Generates random IDs. A root span gets the trace ID that the response contains."""

    def generate_trace_id(self) -> int:
        trace_id = new_trace_id.get()
        return int(trace_id, 16) if trace_id else super().generate_trace_id()


class LazyExporter:
    """Creates an exporter at its first use, and logs failures at most once per minute, without their text."""

    def __init__(self, signal: str, factory: Callable[[], Any]) -> None:
        self._signal = signal
        self._factory = factory
        self._exporter: Any = None
        self._lock = threading.Lock()
        self._logged_at = float("-inf")

    def get(self) -> Any:
        """Return the exporter."""
        with self._lock:
            if self._exporter is None:
                self._exporter = self._factory()
            return self._exporter

    def log_failure(self) -> None:
        if time.monotonic() - self._logged_at > _LOG_INTERVAL_SECONDS:
            self._logged_at = time.monotonic()
            _LOG.warning("telemetry not exported", extra={"signal": self._signal})

    def shutdown(self) -> None:
        if self._exporter is not None:
            self._exporter.shutdown()


class OtlpSpanExporter(SpanExporter):
    """Exports spans by OTLP over HTTP."""

    def __init__(self) -> None:
        self._exporter = LazyExporter("traces", _otlp_spans)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result: SpanExportResult = self._exporter.get().export(spans)
        if result is not SpanExportResult.SUCCESS:
            self._exporter.log_failure()
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class OtlpMetricExporter(MetricExporter):
    """Exports metrics by OTLP over HTTP, with delta temporality by default, because pods are short-lived."""

    def __init__(self) -> None:
        super().__init__(preferred_temporality=_temporality())
        self._exporter = LazyExporter("metrics", _otlp_metrics)

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:
        result: MetricExportResult = self._exporter.get().export(metrics_data, timeout_millis, **kwargs)
        if result is not MetricExportResult.SUCCESS:
            self._exporter.log_failure()
        return result

    def force_flush(self, timeout_millis: float = 10_000) -> bool:  # noqa: ARG002 - no buffer
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:  # noqa: ARG002 - the SDK's signature
        self._exporter.shutdown()


def _otlp_spans() -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - slow

    return OTLPSpanExporter()


def _otlp_metrics() -> MetricExporter:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415 - slow

    return OTLPMetricExporter()


def _temporality() -> dict[type, AggregationTemporality]:
    """Read the temporality preference, which the deferred OTLP exporter would read too late."""
    kinds: dict[str, tuple[type, ...]] = {
        "delta": (Counter, Histogram, ObservableCounter),
        "lowmemory": (Counter, Histogram),
    }
    preference = os.environ.get("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "").strip().lower()
    return dict.fromkeys(kinds.get(preference, ()), AggregationTemporality.DELTA)


def readers(exporters: str) -> list[MetricReader]:
    """Create the readers of `exporters`, a result of provider.exporters_of."""
    created: list[MetricReader] = []
    if "otlp" in exporters:
        created.append(PeriodicExportingMetricReader(OtlpMetricExporter()))
    if "prometheus" in exporters:
        from opentelemetry.exporter.prometheus import PrometheusMetricReader  # noqa: PLC0415 - rarely used

        created.append(PrometheusMetricReader())
    return created


def bind_instruments(meter: api.Meter, all_metrics: Iterable[metrics.Metric]) -> None:
    """Create the instruments of metrics. Counters with few series start at zero: rates then include the first event."""
    for metric in all_metrics:
        arguments = metric.name, metric.unit, metric.description
        match metric:
            case metrics.Counter():
                metric.instrument = meter.create_counter(*arguments).add
                series = list(metric.combinations())
                for labels in series if len(series) <= _MAX_INITIALIZED_SERIES else ():
                    metric.instrument(0, labels)
            case metrics.UpDownCounter():
                metric.instrument = meter.create_up_down_counter(*arguments).add
            case metrics.Histogram():
                buckets = metric.buckets
                metric.instrument = meter.create_histogram(
                    *arguments, explicit_bucket_boundaries_advisory=buckets
                ).record
            case metrics.ObservableGauge():
                meter.create_observable_gauge(metric.name, [_callback(metric)], metric.unit, metric.description)
            case metrics.Gauge():
                metric.instrument = meter.create_gauge(*arguments).set


def _callback(metric: metrics.ObservableGauge) -> Callable[[api.CallbackOptions], Iterable[api.Observation]]:
    return lambda _: [api.Observation(value) for value in [metric.read()] if value is not None]
