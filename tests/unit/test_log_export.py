import logging
from collections.abc import Iterator

import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter
from opentelemetry.sdk.resources import Resource

from shared.telemetry import context, log_export
from shared.telemetry.context import Trace

TRACE = Trace("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")


class MemoryExport:
    """Exports records into memory."""

    def __init__(self) -> None:
        self.exporter: InMemoryLogRecordExporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # the SDK's
        self.handler = log_export.handler(Resource({"service.name": "distance-status"}), self.exporter)

    def log(self, level: int, message: str, exc: BaseException | None = None, **fields: object) -> None:
        record = logging.LogRecord("shared.http.service", level, __file__, 1, message, (), None)
        record.exc_info = (type(exc), exc, exc.__traceback__) if exc else None
        record.__dict__.update(fields)
        self.handler.handle(record)


@pytest.fixture
def memory() -> Iterator[MemoryExport]:
    memory = MemoryExport()
    token = context.current.set(None)
    yield memory
    context.current.reset(token)
    memory.handler.close()


def test_record_is_exported_with_fields_and_trace(memory: MemoryExport) -> None:
    context.current.set(TRACE)
    memory.log(logging.WARNING, "not ready", job_id="j", attempt=2)
    memory.handler.flush()
    (exported,) = memory.exporter.get_finished_logs()
    record = exported.log_record
    assert (record.body, record.severity_number, record.severity_text) == ("not ready", SeverityNumber.WARN, "WARN")
    assert dict(record.attributes or {}) == {"job_id": "j", "attempt": 2}
    assert (record.trace_id, record.span_id) == (int(TRACE.trace_id, 16), int(TRACE.span_id, 16))
    assert exported.resource.attributes["service.name"] == "distance-status"
    assert exported.instrumentation_scope is not None
    assert exported.instrumentation_scope.name == "shared.http.service"


def test_exception_is_exported_by_class_and_location_without_text(memory: MemoryExport) -> None:
    try:
        int("password=secret 40.736097")
    except ValueError as exc:
        memory.log(logging.ERROR, "unexpected", exc)
    memory.handler.flush()
    (exported,) = memory.exporter.get_finished_logs()
    assert "ValueError at tests/unit/test_log_export.py:" in str((exported.log_record.attributes or {})["exc_info"])
    assert not any(word in exported.to_json() for word in ("secret", "40.7"))
    assert exported.log_record.trace_id == 0


def test_records_of_exporter_are_not_exported(memory: MemoryExport) -> None:
    record = logging.LogRecord("opentelemetry.exporter", logging.ERROR, "", 1, "failed", (), None)
    assert not memory.handler.filter(record)


def test_close_exports_remaining_records(memory: MemoryExport) -> None:
    memory.log(logging.CRITICAL, "last")
    memory.handler.close()
    (exported,) = memory.exporter.get_finished_logs()
    assert exported.log_record.severity_number == SeverityNumber.FATAL
