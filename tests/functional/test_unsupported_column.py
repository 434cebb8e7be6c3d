"""A job whose database has a column that cannot be read."""

from shared.errors import UnsupportedColumn
from shared.models import Status
from tests.builders import JOB_ID
from tests.functional.calculating import Calculate, reply


def test_an_unsupported_column_fails_the_job_at_once_and_names_column_and_type() -> None:
    def describe() -> None:
        raise UnsupportedColumn("created_at", "bigint", "timestamp with time zone")

    calculate = Calculate()
    calculate.fixes.during = describe
    calculate.create()
    event = reply(calculate.deliver())
    message = "Column created_at of public.locations has type bigint; expected timestamp with time zone"
    assert event["type"] == "otelworker.distance.failed.v1"
    assert (event.data["error_code"], event.data["error_message"]) == ("UNSUPPORTED_COLUMN", message)
    found = calculate.jobs.get(JOB_ID)
    assert (found.status, found.attempt, found.error_message) == (Status.FAILED, 1, message)
    assert not calculate.csvs.objects
