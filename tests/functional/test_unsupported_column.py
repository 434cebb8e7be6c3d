"""Jobs whose database has a column of an unsupported type."""

from shared.errors import UnsupportedColumn
from shared.models import Status
from tests.builders import JOB_ID
from tests.functional.calculate_function import Calculate, outcome_event


def test_unsupported_column_fails_the_job_with_column_and_type() -> None:
    def raise_unsupported() -> None:
        raise UnsupportedColumn("created_at", "bigint", "timestamp with time zone")

    calculate = Calculate()
    calculate.fixes.during = raise_unsupported
    calculate.create()
    event = outcome_event(calculate.deliver())
    message = "Column created_at of public.locations has type bigint; expected timestamp with time zone"
    assert event["type"] == "otelworker.distance.failed.v1"
    assert (event.data["error_code"], event.data["error_message"]) == ("UNSUPPORTED_COLUMN", message)
    stored = calculate.jobs.get(JOB_ID)
    assert (stored.status, stored.attempt, stored.error_message) == (Status.FAILED, 1, message)
    assert not calculate.csvs.objects
