"""Where spans, metrics and logs go: to an OTLP endpoint that the deployment names, else nowhere and at no cost.

Everything leaves by threads of its own: no caller waits for a collector, whatever state that is in.
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
_SETTLE_SECONDS = 1  # a flush takes the processor from whoever works: the answer goes first, and many jobs share one
_STOP_SECONDS = 3  # of the seconds that shared/shutdown.py keeps back for the end
# OpenTelemetry's own settings, where a deployment leaves them open: pods come and go, so little is held back.
_DEFAULTS = {
    "OTEL_BSP_SCHEDULE_DELAY": "1000",
    "OTEL_BLRP_SCHEDULE_DELAY": "1000",
    "OTEL_METRIC_EXPORT_INTERVAL": "15000",
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta",
}
_SIGNALS = ("TRACES", "METRICS", "LOGS")


class _Exports:
    """What one process exports: to be flushed beside the work, and shut down at its end."""

    def __init__(self) -> None:
        self.providers: list[Any] = []
        self.handlers: list[logging.Handler] = []
        self.scrapable = False
        self._due = threading.Event()
        self._ended = False

    def begin(self) -> None:
        threading.Thread(target=self._flush, name="telemetry", daemon=True).start()
        atexit.register(self.end)

    def soon(self) -> None:
        self._due.set()

    def _flush(self) -> None:
        while self._due.wait():
            time.sleep(_SETTLE_SECONDS)
            self._due.clear()
            if self._ended:
                return
            for provider in self.providers:
                provider.force_flush()
            for handler in self.handlers:
                handler.flush()

    def end(self) -> None:
        if self._ended:
            return
        self._ended = True
        self._due.set()
        ending = [provider.shutdown for provider in self.providers] + [handler.close for handler in self.handlers]
        farewells = [threading.Thread(target=end, daemon=True) for end in ending]
        for farewell in farewells:
            farewell.start()
        ends = time.monotonic() + _STOP_SECONDS
        for farewell in farewells:
            farewell.join(max(ends - time.monotonic(), 0))


_exports = _Exports()


def start(environ: MutableMapping[str, str] = os.environ) -> None:
    """Export what this process tells of itself, if a deployment says where to; a failure is a line in the log."""
    wanted = {signal: exporter(environ, signal) for signal in _SIGNALS}
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or not any(wanted.values()):
        return
    for name, text in _DEFAULTS.items():
        environ.setdefault(name, text)
    try:
        resource = _resource(environ)
        if wanted["TRACES"]:
            _trace(resource)
        if wanted["METRICS"]:
            _measure(resource, wanted["METRICS"])
        if wanted["LOGS"]:
            _log(resource)
    except Exception as exc:  # noqa: BLE001 - whatever it is, jobs come first
        _LOG.warning("telemetry is off", extra={"cause": type(exc).__name__})
        return
    _exports.begin()
    _LOG.info("OpenTelemetry initialized", extra={name.lower(): bool(found) for name, found in wanted.items()})


def exporter(environ: Mapping[str, str], signal: str) -> str:
    """How a signal is exported: "otlp", "prometheus" (metrics, for a scraper that comes by), both, or "" for not.

    Unlike OpenTelemetry's default, no endpoint means no export: in a pod nobody listens on localhost. Logs are on
    stdout, so they are exported only where OTEL_LOGS_EXPORTER asks for it.
    """
    asked = environ.get(f"OTEL_{signal}_EXPORTER", "none" if signal == "LOGS" else "otlp").lower().split(",")
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    known = ["otlp"] if any(environ.get(name) for name in endpoints) else []
    known += ["prometheus"] if signal == "METRICS" else []
    return ",".join(name for name in known if name in [word.strip() for word in asked])


def flush_soon() -> None:
    """Send what has been gathered, in a moment and beside whatever goes on."""
    _exports.soon()


def stop() -> None:
    """Send the rest, for `_STOP_SECONDS` at most; the process ends after it."""
    _exports.end()


def scraped() -> bytes | None:
    """All metrics as Prometheus's text, version 0.0.4; None unless OTEL_METRICS_EXPORTER names prometheus."""
    if not _exports.scrapable:
        return None
    from prometheus_client import generate_latest  # noqa: PLC0415 - what is off must cost nothing

    return generate_latest()


def _resource(environ: Mapping[str, str]) -> "Resource":
    """Who we are; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES have the last word."""
    from opentelemetry.sdk import resources  # noqa: PLC0415 - what is off must cost nothing

    known = {
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
    named = resources.Resource({name: text for name, text in known.items() if text})
    return named.merge(resources.OTELResourceDetector().detect())


def _trace(resource: "Resource") -> None:
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    from shared.telemetry import export  # noqa: PLC0415

    provider = TracerProvider(resource=resource, id_generator=export.Ids(), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(export.Spans()))
    _exports.providers.append(provider)
    spans.use(provider.get_tracer("otel-worker", VERSION))


def _measure(resource: "Resource", exporters: str) -> None:
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415

    from shared.telemetry import export  # noqa: PLC0415

    provider = MeterProvider(export.readers(exporters), resource, shutdown_on_exit=False)
    _exports.providers.append(provider)
    _exports.scrapable = "prometheus" in exporters
    export.bind_instruments(provider.get_meter("otel-worker", VERSION), metrics.every())


def _log(resource: "Resource") -> None:
    from shared.telemetry import log_export  # noqa: PLC0415

    handler = log_export.handler(resource)
    logging.getLogger().addHandler(handler)
    _exports.handlers.append(handler)
