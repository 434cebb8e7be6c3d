"""A range of days: which jobs it asks for, and what it makes of how they end."""

from datetime import date
from typing import Any

import pytest
from otel_worker_client import Client, Job, JobFailedError, ServiceUnavailableError
from otel_worker_client.cli.ranges import Asked, Outcome, Range, days

FIRST, LAST = date(2026, 2, 27), date(2026, 3, 1)


class Worker:
    """A client whose jobs end by the script of their days."""

    def __init__(self, **ends: str) -> None:
        self.ends = {name.replace("_", "-").removeprefix("d"): code for name, code in ends.items()}
        self.jobs: dict[str, Job] = {}
        self.deleted: list[str] = []

    def submit(self, day: str, device_id: str = "", *, idempotency_key: str, **_: Any) -> Job:
        return self.jobs.setdefault(idempotency_key, self.made(day, "queued"))

    def made(self, day: str, status: str, code: str = "") -> Job:
        return Job.read({"job_id": day, "status": status, "queued_at": "2026-03-02T00:00:00Z", "error_code": code})

    def wait(self, job_id: str, timeout: float) -> Job:
        code = self.ends.get(job_id, "")
        if code == "away":
            raise ServiceUnavailableError("Distance service unreachable")
        if code:
            raise JobFailedError(f"no: {code}", code=code)
        return self.made(job_id, "completed")

    def job(self, job_id: str) -> Job:
        return next(job for job in self.jobs.values() if job.job_id == job_id)

    def delete(self, job_id: str) -> None:
        self.deleted.append(job_id)
        self.jobs = {key: job for key, job in self.jobs.items() if job.job_id != job_id}


def run(worker: Worker, asked: Asked | None = None) -> tuple[list[Outcome], list[str]]:
    told: list[str] = []
    client: Client = worker  # type: ignore[assignment] # it has what is asked of one
    outcomes = Range(client, asked or Asked()).run(FIRST, LAST, 2, lambda outcome: told.append(outcome.day))
    return outcomes, told


def test_both_ends_belong_to_it() -> None:
    assert [day.isoformat() for day in days(FIRST, LAST)] == ["2026-02-27", "2026-02-28", "2026-03-01"]
    assert list(days(FIRST, FIRST)) == [FIRST]


def test_outcomes_come_in_the_order_of_days_whatever_becomes_of_one() -> None:
    outcomes, told = run(Worker(d2026_02_27="NO_DATA", d2026_03_01="away"))
    assert [(one.day, one.code, one.good) for one in outcomes] == [
        ("2026-02-27", "NO_DATA", True),
        ("2026-02-28", "", True),
        ("2026-03-01", "ServiceUnavailableError", False),
    ]
    assert sorted(told) == [one.day for one in outcomes]
    assert outcomes[1].job
    assert outcomes[2].message == "Distance service unreachable"


def test_the_same_range_again_asks_for_the_same_jobs() -> None:
    worker = Worker()
    run(worker)
    run(worker)
    assert len(worker.jobs) == 3


@pytest.mark.parametrize(
    "other", [Asked("garmin"), Asked(timezone="Europe/Berlin"), Asked(home=(1, 2)), Asked(away_threshold_km=0)]
)
def test_another_question_is_another_job(other: Asked) -> None:
    assert other.key(FIRST) != Asked().key(FIRST)
    assert len(other.key(FIRST)) < 255


def test_a_job_that_failed_for_want_of_a_dependency_is_made_anew_and_one_without_fixes_is_not() -> None:
    worker = Worker()
    keys = [Asked().key(day) for day in days(FIRST, LAST)]
    worker.jobs = {
        keys[0]: worker.made("2026-02-27", "failed", "UNDELIVERABLE"),
        keys[1]: worker.made("2026-02-28", "failed", "NO_DATA"),
    }
    run(worker)
    assert worker.deleted == ["2026-02-27"]
    assert worker.jobs[keys[0]].status == "queued"


@pytest.mark.parametrize(("status", "after", "completed"), [(429, 20, 3), (503, 20, 2), (429, 400, 2)])
def test_a_limit_makes_it_take_longer_and_nothing_else(
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
    assert sum(one.good for one in outcomes) == completed
    assert slept == ([after] if completed == 3 else [])
