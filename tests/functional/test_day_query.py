"""What calculate requests from the database for a job."""

from datetime import UTC, datetime, timedelta

from functions.calculate.fixes.blocks import DayQuery
from tests.functional.calculate_function import Calculate


def test_query_has_the_day_in_the_time_zone_of_the_job_and_the_time_of_its_submission() -> None:
    calculate = Calculate()
    job = calculate.create(timezone="Europe/Berlin", device_id="garmin")
    calculate.clock.advance(hours=1)
    calculate.deliver()
    start = datetime(2026, 1, 24, 23, tzinfo=UTC)
    assert calculate.fixes.queries == [DayQuery(start, start + timedelta(days=1), "garmin", job.queued_at, 10_000)]
