import json
import logging
import logging.config

import pytest

from shared.errors import Unavailable
from shared.telemetry import context, logging_config
from shared.telemetry.context import Trace
from shared.version import VERSION

TRACE = Trace("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")


def formatted(exc: BaseException | None = None, **extra: object) -> dict[str, object]:
    record = logging.LogRecord("shared.http.service", logging.ERROR, __file__, 1, "unavailable", (), None)
    record.__dict__.update(extra)
    if exc is not None:
        record.exc_info = (type(exc), exc, exc.__traceback__)
    fields: dict[str, object] = json.loads(logging_config.Formatter("distance-status").format(record))
    return fields


def test_record_is_one_json_object_with_its_fields() -> None:
    fields = formatted(job_id="j", attempt=2)
    assert fields["message"] == "unavailable"
    assert (fields["level"], fields["logger"], fields["job_id"], fields["attempt"]) == (
        "ERROR",
        "shared.http.service",
        "j",
        2,
    )
    assert str(fields["time"]).endswith("Z")
    assert (fields["service.name"], fields["service.version"]) == ("distance-status", VERSION)


def test_record_has_current_trace_and_span() -> None:
    token = context.current.set(TRACE)
    try:
        fields = formatted()
        assert (fields["trace_id"], fields["span_id"]) == (TRACE.trace_id, TRACE.span_id)
        context.current.set(None)
        assert not {"trace_id", "span_id"} & set(formatted())
    finally:
        context.current.reset(token)


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"FUNCTION_TARGET": "submit"}, "distance-submit"),
        ({"FUNCTION_TARGET": "list", "OTEL_SERVICE_NAME": ""}, "distance-list"),
        ({"FUNCTION_TARGET": "list", "OTEL_SERVICE_NAME": "mine"}, "mine"),
        ({"OTEL_SERVICE_NAME": "broker"}, "broker"),
        ({}, "otel-worker"),
    ],
)
def test_service_name_derives_from_target_unless_set(environ: dict[str, str], name: str) -> None:
    assert logging_config.service_name(environ) == name


def test_message_of_exporter_omits_its_arguments() -> None:
    record = logging.LogRecord("opentelemetry.x", logging.ERROR, "", 1, "Failed: %s", ("http://u:p@10.0.0.1",), None)
    assert json.loads(logging_config.Formatter("").format(record))["message"] == "Failed: %s"


def test_exception_is_logged_by_class_and_location_without_text() -> None:
    def fail() -> None:
        try:
            int("password=secret 40.736097")
        except ValueError as exc:
            raise Unavailable("database", "08006") from exc

    with pytest.raises(Unavailable) as caught:
        fail()
    text = str(formatted(caught.value)["exc_info"])
    assert text.startswith("Unavailable at tests/unit/test_logging_config.py:")
    assert " <- ValueError at " in text
    assert not any(word in json.dumps(formatted(caught.value)) for word in ("secret", "40.7"))


def test_configuration_is_valid_for_each_level() -> None:
    before = logging.getLogger().handlers[:], logging.getLogger().level
    try:
        for level, expected in (("DEBUG", logging.DEBUG), ("WARN", logging.WARNING), ("nonsense", logging.INFO)):
            logging.config.dictConfig(logging_config.configuration(level, "distance-list"))
            assert logging.getLogger().level == expected
        assert logging.getLogger("botocore").level == logging.WARNING
    finally:
        logging.getLogger().handlers[:], logging.getLogger().level = before
