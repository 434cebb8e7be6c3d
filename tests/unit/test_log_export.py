import logging
from collections.abc import Iterator

import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter
from opentelemetry.sdk.resources import Resource

from shared.telemetry import context, log_export
from shared.telemetry.context import Trace

TRACE = Trace("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")


class Exported:
    """A logger whose lines are exported into memory."""

    def __init__(self) -> None:
        self.exporter: InMemoryLogRecordExporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # the SDK's
        self.handler = log_export.handler(Resource({"service.name": "distance-status"}), self.exporter)

    def log(self, level: int, message: str, exc: BaseException | None = None, **fields: object) -> None:
        record = logging.LogRecord("shared.http.service", level, __file__, 1, message, (), None)
        record.exc_info = (type(exc), exc, exc.__traceback__) if exc else None
        record.__dict__.update(fields)
        self.handler.handle(record)


@pytest.fixture
def exported() -> Iterator[Exported]:
    made = Exported()
    token = context.current.set(None)
    yield made
    context.current.reset(token)
    made.handler.close()


def test_a_line_is_exported_with_its_fields_in_its_trace(exported: Exported) -> None:
    context.current.set(TRACE)
    exported.log(logging.WARNING, "not ready", job_id="j", attempt=2)
    exported.handler.flush()
    (found,) = exported.exporter.get_finished_logs()
    record = found.log_record
    assert (record.body, record.severity_number, record.severity_text) == ("not ready", SeverityNumber.WARN, "WARN")
    assert dict(record.attributes or {}) == {"job_id": "j", "attempt": 2}
    assert (record.trace_id, record.span_id) == (int(TRACE.trace_id, 16), int(TRACE.span_id, 16))
    assert found.resource.attributes["service.name"] == "distance-status"
    assert found.instrumentation_scope is not None
    assert found.instrumentation_scope.name == "shared.http.service"


def test_of_an_exception_class_and_place_are_exported_never_its_text(exported: Exported) -> None:
    try:
        int("password=secret 40.736097")
    except ValueError as exc:
        exported.log(logging.ERROR, "unexpected", exc)
    exported.handler.flush()
    (found,) = exported.exporter.get_finished_logs()
    assert "ValueError at tests/unit/test_log_export.py:" in str((found.log_record.attributes or {})["exc_info"])
    assert not any(word in found.to_json() for word in ("secret", "40.7"))
    assert found.log_record.trace_id == 0


def test_what_an_exporter_says_of_itself_is_not_exported(exported: Exported) -> None:
    record = logging.LogRecord("opentelemetry.exporter", logging.ERROR, "", 1, "failed", (), None)
    assert not exported.handler.filter(record)


def test_the_end_of_a_process_exports_what_is_left(exported: Exported) -> None:
    exported.log(logging.CRITICAL, "last")
    exported.handler.close()
    (found,) = exported.exporter.get_finished_logs()
    assert found.log_record.severity_number == SeverityNumber.FATAL
