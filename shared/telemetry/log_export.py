"""Log lines by OTLP: the same as those on stdout, taken apart."""

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
# Of a line: what the record, its scope, its resource or its context says.
_SAID_ELSEWHERE = ("time", "level", "logger", "message", "service.name", "service.version", "trace_id", "span_id")


class LogExport(logging.Handler):
    """Exports what logging_config.py would print: the SDK's own handler sends the texts of exceptions."""

    def __init__(self, provider: LoggerProvider) -> None:
        super().__init__()
        self._provider = provider
        self.setFormatter(Formatter(""))
        self.addFilter(_of_others)
        self.addFilter(Sampling())

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = json.loads(self.format(record))
        except Exception:  # noqa: BLE001 - as logging's own handlers: a line that can't be written stops nobody
            self.handleError(record)
            return
        number, text = _SEVERITIES.get(record.levelno, (SeverityNumber.UNSPECIFIED, record.levelname))
        exported = LogRecord(
            timestamp=int(record.created * 1e9),
            context=_context(),
            severity_number=number,
            severity_text=text,
            body=line["message"],
            attributes={name: value for name, value in line.items() if name not in _SAID_ELSEWHERE},
        )
        self._provider.get_logger(record.name).emit(exported)

    def flush(self) -> None:
        self._provider.force_flush()

    def close(self) -> None:
        self._provider.shutdown()
        super().close()


class OtlpLogExporter(LogRecordExporter):
    """OTLP over HTTP."""

    def __init__(self) -> None:
        self._late = LazyExporter("logs", _otlp_lines)

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        done: LogRecordExportResult = self._late.get().export(batch)
        if done is not LogRecordExportResult.SUCCESS:
            self._late.failed()
        return done

    def force_flush(self, timeout_millis: int = 10_000) -> bool:  # noqa: ARG002 - nothing is held back here
        return True

    def shutdown(self) -> None:
        self._late.shutdown()


def handler(resource: Resource, exporter: LogRecordExporter | None = None) -> logging.Handler:
    """A handler for the root logger that exports by OTLP, in batches; `flush` and `close` send what is left."""
    provider = LoggerProvider(resource, shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter or OtlpLogExporter()))
    return LogExport(provider)


def _of_others(record: logging.LogRecord) -> bool:
    """Not what the export says of itself: it would export that, and say so."""
    return not record.name.startswith(("opentelemetry.", "urllib3.", "requests."))


def _context() -> Context:
    trace = context.current.get()
    if trace is None:
        return Context()
    span = SpanContext(
        int(trace.trace_id, 16), int(trace.span_id, 16), is_remote=False, trace_flags=TraceFlags(trace.flags)
    )
    return set_span_in_context(NonRecordingSpan(span), Context())


def _otlp_lines() -> LogRecordExporter:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter  # noqa: PLC0415

    return OTLPLogExporter()
