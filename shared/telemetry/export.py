"""What the SDK is made of here: exporters that load in their own thread, ids, instruments.

Imported only where telemetry is on.

Importing OTLP's exporter takes a third of all that telemetry costs at a cold start, so its first batch does it.
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
_FEW = 6
_SILENCE_SECONDS = 60  # a collector that is away is worth a line a minute


class Ids(RandomIdGenerator):
    """Random ones, but a new trace has the id that its caller was told."""

    def generate_trace_id(self) -> int:
        wanted = new_trace_id.get()
        return int(wanted, 16) if wanted else super().generate_trace_id()


class LazyExporter:
    """An exporter that is made when it is first needed, and whose failures are told without anybody's text."""

    def __init__(self, signal: str, make: Callable[[], Any]) -> None:
        self._signal = signal
        self._make = make
        self._made: Any = None
        self._making = threading.Lock()
        self._said = float("-inf")

    def get(self) -> Any:
        with self._making:
            if self._made is None:
                self._made = self._make()
            return self._made

    def failed(self) -> None:
        if time.monotonic() - self._said > _SILENCE_SECONDS:
            self._said = time.monotonic()
            _LOG.warning("telemetry not exported", extra={"signal": self._signal})

    def shutdown(self) -> None:
        if self._made is not None:
            self._made.shutdown()


class Spans(SpanExporter):
    """OTLP over HTTP."""

    def __init__(self) -> None:
        self._late = LazyExporter("traces", _otlp_spans)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        done: SpanExportResult = self._late.get().export(spans)
        if done is not SpanExportResult.SUCCESS:
            self._late.failed()
        return done

    def shutdown(self) -> None:
        self._late.shutdown()


class Metrics(MetricExporter):
    """OTLP over HTTP, by default told as what has changed: pods come and go, and a collector adds up."""

    def __init__(self) -> None:
        super().__init__(preferred_temporality=_temporality())
        self._late = LazyExporter("metrics", _otlp_metrics)

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:
        done: MetricExportResult = self._late.get().export(metrics_data, timeout_millis, **kwargs)
        if done is not MetricExportResult.SUCCESS:
            self._late.failed()
        return done

    def force_flush(self, timeout_millis: float = 10_000) -> bool:  # noqa: ARG002 - nothing is held back here
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:  # noqa: ARG002 - the SDK's signature
        self._late.shutdown()


def _otlp_spans() -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

    return OTLPSpanExporter()


def _otlp_metrics() -> MetricExporter:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415

    return OTLPMetricExporter()


def _temporality() -> dict[type, AggregationTemporality]:
    """As OpenTelemetry's setting says, which OTLP's exporter would read too late."""
    kinds: dict[str, tuple[type, ...]] = {
        "delta": (Counter, Histogram, ObservableCounter),
        "lowmemory": (Counter, Histogram),
    }
    asked = os.environ.get("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "").strip().lower()
    return dict.fromkeys(kinds.get(asked, ()), AggregationTemporality.DELTA)


def readers(exporters: str) -> list[MetricReader]:
    """The readers of `exporters` (provider.py `exporter`)."""
    found: list[MetricReader] = []
    if "otlp" in exporters:
        found.append(PeriodicExportingMetricReader(Metrics()))
    if "prometheus" in exporters:
        from opentelemetry.exporter.prometheus import PrometheusMetricReader  # noqa: PLC0415

        found.append(PrometheusMetricReader())
    return found


def bind_instruments(meter: api.Meter, every: Iterable[metrics.Metric]) -> None:
    """Give each metric its instrument; counters of few labels begin at zero: the first rise is seen as one."""
    for metric in every:
        said = metric.name, metric.unit, metric.description
        match metric:
            case metrics.Counter():
                metric.instrument = meter.create_counter(*said).add
                beginnings = list(metric.combinations())
                for labels in beginnings if len(beginnings) <= _FEW else ():
                    metric.instrument(0, labels)
            case metrics.UpDown():
                metric.instrument = meter.create_up_down_counter(*said).add
            case metrics.Histogram():
                buckets = metric.buckets
                metric.instrument = meter.create_histogram(*said, explicit_bucket_boundaries_advisory=buckets).record
            case metrics.Observed():
                meter.create_observable_gauge(metric.name, [_observed(metric)], metric.unit, metric.description)
            case metrics.Gauge():
                metric.instrument = meter.create_gauge(*said).set


def _observed(metric: metrics.Observed) -> Callable[[api.CallbackOptions], Iterable[api.Observation]]:
    return lambda _: [api.Observation(value) for value in [metric.read()] if value is not None]
