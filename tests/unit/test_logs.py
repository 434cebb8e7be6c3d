import json
import logging
import logging.config

import pytest

from shared import logs
from shared.errors import Unavailable
from shared.version import VERSION


def formatted(exc: BaseException | None = None, **extra: object) -> dict[str, object]:
    record = logging.LogRecord("shared.http", logging.ERROR, __file__, 1, "unavailable", (), None)
    record.__dict__.update(extra)
    if exc is not None:
        record.exc_info = (type(exc), exc, exc.__traceback__)
    said: dict[str, object] = json.loads(logs.Formatter().format(record))
    return said


def test_a_line_is_one_json_object_with_what_it_was_given() -> None:
    said = formatted(job_id="j", attempt=2)
    assert said["message"] == "unavailable"
    assert (said["level"], said["logger"], said["job_id"], said["attempt"]) == ("ERROR", "shared.http", "j", 2)
    assert str(said["time"]).endswith("Z")
    assert said["service.version"] == VERSION


def test_a_line_belongs_to_its_trace() -> None:
    token = logs.trace_id.set("0af7651916cd43dd8448eb211c80319c")
    try:
        assert formatted()["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    finally:
        logs.trace_id.reset(token)
    logs.trace_id.set("")
    assert "trace_id" not in formatted()


def test_an_exception_is_told_by_class_and_place_never_by_its_text() -> None:
    def fail() -> None:
        try:
            int("password=secret 40.736097")
        except ValueError as exc:
            raise Unavailable("database", "08006") from exc

    with pytest.raises(Unavailable) as caught:
        fail()
    text = str(formatted(caught.value)["exc_info"])
    assert text.startswith("Unavailable at tests/unit/test_logs.py:")
    assert " <- ValueError at " in text
    assert not any(word in json.dumps(formatted(caught.value)) for word in ("secret", "40.7"))


def test_the_configuration_is_one_that_logging_takes_at_any_level() -> None:
    before = logging.getLogger().handlers[:], logging.getLogger().level
    try:
        for level in ("DEBUG", "nonsense"):
            logging.config.dictConfig(logs.configuration(level))
        assert logging.getLogger().level == logging.INFO
        assert logging.getLogger("botocore").level == logging.WARNING
    finally:
        logging.getLogger().handlers[:], logging.getLogger().level = before
