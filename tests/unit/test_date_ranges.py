"""Jobs for a range of days."""

from datetime import date
from typing import Any

import pytest
from otel_worker_client import Client, Job, JobFailedError, ServiceUnavailableError
from otel_worker_client.cli.date_ranges import JobParameters, Outcome, RangeRunner, days

FIRST, LAST = date(2026, 2, 27), date(2026, 3, 1)


class Worker:
    """A fake client whose jobs fail with the error code of their day, or complete without one."""

    def __init__(self, **ends: str) -> None:
        self.ends = {name.replace("_", "-").removeprefix("d"): code for name, code in ends.items()}
        self.jobs: dict[str, Job] = {}
        self.deleted: list[str] = []

    def submit(self, day: str, device_id: str = "", *, idempotency_key: str, **_: Any) -> Job:
        return self.jobs.setdefault(idempotency_key, self.make_job(day, "queued"))

    def make_job(self, day: str, status: str, code: str = "") -> Job:
        return Job.from_json({"job_id": day, "status": status, "queued_at": "2026-03-02T00:00:00Z", "error_code": code})

    def wait(self, job_id: str, timeout: float) -> Job:
        code = self.ends.get(job_id, "")
        if code == "away":
            raise ServiceUnavailableError("Distance service unreachable")
        if code:
            raise JobFailedError(f"no: {code}", code=code)
        return self.make_job(job_id, "completed")

    def job(self, job_id: str) -> Job:
        return next(job for job in self.jobs.values() if job.job_id == job_id)

    def delete(self, job_id: str) -> None:
        self.deleted.append(job_id)
        self.jobs = {key: job for key, job in self.jobs.items() if job.job_id != job_id}


def run(worker: Worker, parameters: JobParameters | None = None) -> tuple[list[Outcome], list[str]]:
    reported: list[str] = []
    client: Client = worker  # type: ignore[assignment] # the methods that the runner calls
    outcomes = RangeRunner(client, parameters or JobParameters()).run(
        FIRST, LAST, 2, lambda outcome: reported.append(outcome.day)
    )
    return outcomes, reported


def test_both_ends_are_included() -> None:
    assert [day.isoformat() for day in days(FIRST, LAST)] == ["2026-02-27", "2026-02-28", "2026-03-01"]
    assert list(days(FIRST, FIRST)) == [FIRST]


def test_outcomes_are_ordered_by_day_and_include_failures() -> None:
    outcomes, reported = run(Worker(d2026_02_27="NO_DATA", d2026_03_01="away"))
    assert [(outcome.day, outcome.code, outcome.is_success) for outcome in outcomes] == [
        ("2026-02-27", "NO_DATA", True),
        ("2026-02-28", "", True),
        ("2026-03-01", "ServiceUnavailableError", False),
    ]
    assert sorted(reported) == [outcome.day for outcome in outcomes]
    assert outcomes[1].job
    assert outcomes[2].message == "Distance service unreachable"


def test_a_repeated_range_returns_the_same_jobs() -> None:
    worker = Worker()
    run(worker)
    run(worker)
    assert len(worker.jobs) == 3


@pytest.mark.parametrize(
    "other",
    [
        JobParameters("garmin"),
        JobParameters(timezone="Europe/Berlin"),
        JobParameters(home=(1, 2)),
        JobParameters(away_threshold_km=0),
    ],
)
def test_other_parameters_give_another_key(other: JobParameters) -> None:
    assert other.key(FIRST) != JobParameters().key(FIRST)
    assert len(other.key(FIRST)) < 255


def test_failed_jobs_are_submitted_again_unless_there_was_no_data() -> None:
    worker = Worker()
    keys = [JobParameters().key(day) for day in days(FIRST, LAST)]
    worker.jobs = {
        keys[0]: worker.make_job("2026-02-27", "failed", "UNDELIVERABLE"),
        keys[1]: worker.make_job("2026-02-28", "failed", "NO_DATA"),
    }
    run(worker)
    assert worker.deleted == ["2026-02-27"]
    assert worker.jobs[keys[0]].status == "queued"


@pytest.mark.parametrize(("status", "after", "completed"), [(429, 20, 3), (503, 20, 2), (429, 400, 2)])
def test_a_rate_limit_delays_the_submission(
    monkeypatch: pytest.MonkeyPatch, status: int, after: float, completed: int
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    refusals = [ServiceUnavailableError("Rate limit exceeded", status=status, retry_after=after)]

    class Limited(Worker):
        def submit(self, day: str, *args: Any, **rest: Any) -> Job:
            if refusals:
                raise refusals.pop()
            return super().submit(day, *args, **rest)

    outcomes, _ = run(Limited())
    assert sum(outcome.is_success for outcome in outcomes) == completed
    assert slept == ([after] if completed == 3 else [])
