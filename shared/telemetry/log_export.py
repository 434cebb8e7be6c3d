"""Export of logs by OTLP, with the same content as on stdout."""

import json
import logging
from collections.abc import Sequence

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from shared.telemetry import context
from shared.telemetry.export import LazyExporter
from shared.telemetry.log_sampling import Sampling
from shared.telemetry.logging_config import Formatter

_SEVERITIES = {
    logging.DEBUG: (SeverityNumber.DEBUG, "DEBUG"),
    logging.INFO: (SeverityNumber.INFO, "INFO"),
    logging.WARNING: (SeverityNumber.WARN, "WARN"),
    logging.ERROR: (SeverityNumber.ERROR, "ERROR"),
    logging.CRITICAL: (SeverityNumber.FATAL, "FATAL"),
}
# Fields that are part of the log record, its scope, its resource or its context.
_NON_ATTRIBUTES = ("time", "level", "logger", "message", "service.name", "service.version", "trace_id", "span_id")


class OtlpHandler(logging.Handler):
    """Exports records in the format of logging_config.py. The SDK's handler would export the text of exceptions."""

    def __init__(self, provider: LoggerProvider) -> None:
        super().__init__()
        self._provider = provider
        self.setFormatter(Formatter(""))
        self.addFilter(_is_not_from_exporter)
        self.addFilter(Sampling())

    def emit(self, record: logging.LogRecord) -> None:
        try:
            fields = json.loads(self.format(record))
        except Exception:  # noqa: BLE001 - as in logging's handlers
            self.handleError(record)
            return
        number, text = _SEVERITIES.get(record.levelno, (SeverityNumber.UNSPECIFIED, record.levelname))
        log_record = LogRecord(
            timestamp=int(record.created * 1e9),
            context=_context(),
            severity_number=number,
            severity_text=text,
            body=fields["message"],
            attributes={name: value for name, value in fields.items() if name not in _NON_ATTRIBUTES},
        )
        self._provider.get_logger(record.name).emit(log_record)

    def flush(self) -> None:
        self._provider.force_flush()

    def close(self) -> None:
        self._provider.shutdown()
        super().close()


class OtlpLogExporter(LogRecordExporter):
    """Exports logs by OTLP over HTTP."""

    def __init__(self) -> None:
        self._exporter = LazyExporter("logs", _otlp_logs)

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        result: LogRecordExportResult = self._exporter.get().export(batch)
        if result is not LogRecordExportResult.SUCCESS:
            self._exporter.log_failure()
        return result

    def force_flush(self, timeout_millis: int = 10_000) -> bool:  # noqa: ARG002 - no buffer
        return True

    def shutdown(self) -> None:
        self._exporter.shutdown()


def handler(resource: Resource, exporter: LogRecordExporter | None = None) -> logging.Handler:
    """Create a handler for the root logger that exports in batches. `flush` and `close` export pending records."""
    provider = LoggerProvider(resource, shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter or OtlpLogExporter()))
    return OtlpHandler(provider)


def _is_not_from_exporter(record: logging.LogRecord) -> bool:
    """Exclude records of the exporter, which would cause further exports."""
    return not record.name.startswith(("opentelemetry.", "urllib3.", "requests."))


def _context() -> Context:
    trace = context.current.get()
    if trace is None:
        return Context()
    span = SpanContext(
        int(trace.trace_id, 16), int(trace.span_id, 16), is_remote=False, trace_flags=TraceFlags(trace.flags)
    )
    return set_span_in_context(NonRecordingSpan(span), Context())


def _otlp_logs() -> LogRecordExporter:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter  # noqa: PLC0415 - slow

    return OTLPLogExporter()
