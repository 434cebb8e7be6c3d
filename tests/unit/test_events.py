import pytest

from shared.errors import InvalidRequest
from shared.events import outcome_event, strict_json
from shared.models import Status
from shared.telemetry.context import trace_of
from tests.builders import JOB_ID, TRACEPARENT, record, result

TRACE = trace_of({"traceparent": TRACEPARENT})


def test_outcome_contains_result_or_error_only() -> None:
    completed = outcome_event(record(status=Status.COMPLETED, result=result()), TRACE)
    assert completed["id"] == f"{JOB_ID}-completed"
    assert set(completed.data) == {"job_id", "date", "device_id", *result().summary()}
    assert "analysis" not in completed.data
    failed = outcome_event(record(status=Status.FAILED, error_code="NO_DATA", error_message="none"), TRACE)
    assert failed["id"] == f"{JOB_ID}-failed"
    assert set(failed.data) == {"job_id", "date", "device_id", "error_code", "error_message"}


@pytest.mark.parametrize(
    "text", [b'{"a": 1, "a": 2}', b'{"a": {"b": 1, "b": 1}}', b"Infinity", b"", b"\xff", b"[" * 99999]
)
def test_ambiguous_or_invalid_json_is_rejected(text: bytes) -> None:
    with pytest.raises(InvalidRequest, match=r"^Request must be JSON$"):
        strict_json(text)
