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
    said: dict[str, object] = json.loads(logging_config.Formatter("distance-status").format(record))
    return said


def test_a_line_is_one_json_object_with_what_it_was_given() -> None:
    said = formatted(job_id="j", attempt=2)
    assert said["message"] == "unavailable"
    assert (said["level"], said["logger"], said["job_id"], said["attempt"]) == ("ERROR", "shared.http.service", "j", 2)
    assert str(said["time"]).endswith("Z")
    assert (said["service.name"], said["service.version"]) == ("distance-status", VERSION)


def test_a_line_belongs_to_its_trace_and_span() -> None:
    token = context.current.set(TRACE)
    try:
        said = formatted()
        assert (said["trace_id"], said["span_id"]) == (TRACE.trace_id, TRACE.span_id)
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
def test_a_process_is_named_by_its_target_unless_it_is_given_a_name(environ: dict[str, str], name: str) -> None:
    assert logging_config.service_name(environ) == name


def test_what_an_exporter_says_comes_without_the_answers_and_addresses_in_it() -> None:
    record = logging.LogRecord("opentelemetry.x", logging.ERROR, "", 1, "Failed: %s", ("http://u:p@10.0.0.1",), None)
    assert json.loads(logging_config.Formatter("").format(record))["message"] == "Failed: %s"


def test_an_exception_is_told_by_class_and_place_never_by_its_text() -> None:
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


def test_the_configuration_is_one_that_logging_takes_at_any_level() -> None:
    before = logging.getLogger().handlers[:], logging.getLogger().level
    try:
        for level, taken in (("DEBUG", logging.DEBUG), ("WARN", logging.WARNING), ("nonsense", logging.INFO)):
            logging.config.dictConfig(logging_config.configuration(level, "distance-list"))
            assert logging.getLogger().level == taken
        assert logging.getLogger("botocore").level == logging.WARNING
    finally:
        logging.getLogger().handlers[:], logging.getLogger().level = before
