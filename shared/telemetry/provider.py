"""Export of spans, metrics and logs by OTLP. Without an endpoint, nothing is exported and the SDK is not imported.

Threads export everything, so requests never wait for a collector.
"""

import atexit
import logging
import os
import threading
import time
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from shared.telemetry import metrics, spans
from shared.telemetry.logging_config import service_name
from shared.version import VERSION

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

_LOG = logging.getLogger(__name__)
_FLUSH_DELAY_SECONDS = 1  # so that responses are sent first, and concurrent jobs share a flush
_STOP_TIMEOUT_SECONDS = 3  # part of the margin in shared/shutdown.py
# Defaults of OpenTelemetry's variables: pods are short-lived, so batches are small.
_DEFAULTS = {
    "OTEL_BSP_SCHEDULE_DELAY": "1000",
    "OTEL_BLRP_SCHEDULE_DELAY": "1000",
    "OTEL_METRIC_EXPORT_INTERVAL": "15000",
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta",
}
_SIGNALS = ("TRACES", "METRICS", "LOGS")


class _Pipelines:
    """The export pipelines of a process: flushed in the background, and shut down at its end."""

    def __init__(self) -> None:
        self.providers: list[Any] = []
        self.handlers: list[logging.Handler] = []
        self.prometheus_enabled = False
        self._flush_requested = threading.Event()
        self._stopped = False

    def start(self) -> None:
        threading.Thread(target=self._flush_loop, name="telemetry", daemon=True).start()
        atexit.register(self.stop)

    def request_flush(self) -> None:
        self._flush_requested.set()

    def _flush_loop(self) -> None:
        while self._flush_requested.wait():
            time.sleep(_FLUSH_DELAY_SECONDS)
            self._flush_requested.clear()
            if self._stopped:
                return
            for provider in self.providers:
                provider.force_flush()
            for handler in self.handlers:
                handler.flush()

    def stop(self) -> None:
        if self._stopped:
            return
        self._stopped = True
        self._flush_requested.set()
        calls = [provider.shutdown for provider in self.providers] + [handler.close for handler in self.handlers]
        threads = [threading.Thread(target=call, daemon=True) for call in calls]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + _STOP_TIMEOUT_SECONDS
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0))


_pipelines = _Pipelines()


def start(environ: MutableMapping[str, str] = os.environ) -> None:
    """Start the export of the signals that have an exporter. A failure is logged and otherwise ignored."""
    exporters = {signal: exporters_of(environ, signal) for signal in _SIGNALS}
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or not any(exporters.values()):
        return
    for name, text in _DEFAULTS.items():
        environ.setdefault(name, text)
    try:
        resource = _resource(environ)
        if exporters["TRACES"]:
            _start_traces(resource)
        if exporters["METRICS"]:
            _start_metrics(resource, exporters["METRICS"])
        if exporters["LOGS"]:
            _start_logs(resource)
    except Exception as exc:  # noqa: BLE001 - telemetry must not stop the function
        _LOG.warning("telemetry is off", extra={"cause": type(exc).__name__})
        return
    _pipelines.start()
    _LOG.info("OpenTelemetry initialized", extra={signal.lower(): bool(names) for signal, names in exporters.items()})


def exporters_of(environ: Mapping[str, str], signal: str) -> str:
    """Return the exporters of a signal: "otlp", "prometheus" (metrics only), both, comma-separated, or "".

    Unlike OpenTelemetry's default, there is no export without an endpoint, because a pod has no collector on localhost.
    Logs are on stdout, so they are exported only if OTEL_LOGS_EXPORTER is set.
    """
    configured = environ.get(f"OTEL_{signal}_EXPORTER", "none" if signal == "LOGS" else "otlp").lower().split(",")
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    available = ["otlp"] if any(environ.get(name) for name in endpoints) else []
    available += ["prometheus"] if signal == "METRICS" else []
    return ",".join(name for name in available if name in map(str.strip, configured))


def flush_soon() -> None:
    """Flush all exporters in the background, after a short delay."""
    _pipelines.request_flush()


def stop() -> None:
    """Export the remaining data, for at most `_STOP_TIMEOUT_SECONDS`, before the process ends."""
    _pipelines.stop()


def prometheus_text() -> bytes | None:
    """Return all metrics in Prometheus text format 0.0.4; None if that exporter is not enabled."""
    if not _pipelines.prometheus_enabled:
        return None
    from prometheus_client import generate_latest  # noqa: PLC0415 - only if enabled

    return generate_latest()


def _resource(environ: Mapping[str, str]) -> "Resource":
    """Return the resource of this process. OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES override its attributes."""
    from opentelemetry.sdk import resources  # noqa: PLC0415 - only if enabled

    attributes = {
        "service.namespace": "otel-worker",
        "service.name": service_name(environ),
        "service.version": VERSION,
        "service.instance.id": f"{environ.get('HOSTNAME', 'local')}-{os.getpid()}",
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
        "faas.name": environ.get("K_SERVICE", ""),
        "faas.version": environ.get("K_REVISION", ""),
        "faas.instance": environ.get("HOSTNAME", "") if environ.get("K_SERVICE") else "",
    }
    resource = resources.Resource({name: value for name, value in attributes.items() if value})
    return resource.merge(resources.OTELResourceDetector().detect())


def _start_traces(resource: "Resource") -> None:
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - the SDK is imported only where it exports
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - as above

    from shared.telemetry import export  # noqa: PLC0415 - imports the SDK

    provider = TracerProvider(resource=resource, id_generator=export.IdGenerator(), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(export.OtlpSpanExporter()))
    _pipelines.providers.append(provider)
    spans.set_tracer(provider.get_tracer("otel-worker", VERSION))


def _start_metrics(resource: "Resource", exporters: str) -> None:
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415 - the SDK is imported only where it exports

    from shared.telemetry import export  # noqa: PLC0415 - imports the SDK

    provider = MeterProvider(export.readers(exporters), resource, shutdown_on_exit=False)
    _pipelines.providers.append(provider)
    _pipelines.prometheus_enabled = "prometheus" in exporters
    export.bind_instruments(provider.get_meter("otel-worker", VERSION), metrics.all_metrics())


def _start_logs(resource: "Resource") -> None:
    from shared.telemetry import log_export  # noqa: PLC0415 - imports the SDK

    handler = log_export.handler(resource)
    logging.getLogger().addHandler(handler)
    _pipelines.handlers.append(handler)
