"""The verdict on a chaos run detects each violation of a promise."""

import copy
import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.chaos.days import HEADER, ExpectedDay
from tests.chaos.observations import Download, JobList, Observations, result_of
from tests.chaos.outcomes import OutcomeEvent
from tests.chaos.verdict import attempt_number, count_failures, judge
from tests.chaos.workload import PlannedJob

DAY, EMPTY = ("2026-01-21", "garmin"), ("2026-01-11", "")
NUMBERS = {"total_locations": 2, "total_distance_km": 1.2345678, "away_minutes": 10.004, "rejected_locations": 0}
ROWS = [
    b"2026-01-21T00:00:01Z,garmin,40.736065,-74.039356,0.003836,false,16,63,0,0.00\n",
    b"2026-01-21T00:05:01Z,garmin,40.736065,-74.039356,1.230732,true,16,,0,10.00\n",
]
CSV = HEADER + b"".join(ROWS)
EXPECTED = {DAY: ExpectedDay(NUMBERS, CSV), EMPTY: None}
COMPLETED, FAILED = "completed-job", "failed-job"
LISTED_FIELDS = ("job_id", "status", "date", "device_id")


def completed_job() -> dict[str, Any]:
    numbers = {"total_locations": 2, "total_distance_km": 1.234568, "away_minutes": 10.0, "rejected_locations": 0}
    csv_path = f"csv/{COMPLETED}/2/distance_20260121_garmin_{COMPLETED}.csv"
    csv = {"csv_path": csv_path, "csv_size_bytes": len(CSV), "csv_sha256": hashlib.sha256(CSV).hexdigest()}
    csv |= {"csv_download_path": "/api/distance/download/a.csv"}
    result = {**numbers, **csv, "csv_download_url": "http://one", "csv_download_expires_at": "then"}
    job = {"job_id": COMPLETED, "status": "completed", "date": DAY[0], "device_id": DAY[1], "completed_at": "at"}
    return {**job, "result": result}


def failed_job() -> dict[str, Any]:
    job = {"job_id": FAILED, "status": "failed", "date": EMPTY[0], "device_id": EMPTY[1], "completed_at": "at"}
    return {**job, "error_code": "NO_DATA", "error_message": "No location data found for date 2026-01-11"}


def outcome_event(job: dict[str, Any]) -> OutcomeEvent:
    task = {name: job[name] for name in ("job_id", "date", "device_id")}
    result = result_of(job)["result"] or {name: job[name] for name in ("error_code", "error_message")}
    result.pop("csv_download_path", None)
    return OutcomeEvent(job["status"], {**task, **result})


def correct_run() -> Observations:
    """Return a run with a completed job of two requests, a failed job, and a request without a response."""
    jobs = {COMPLETED: completed_job(), FAILED: failed_job()}
    return Observations(
        workload=[
            PlannedJob("key-1", COMPLETED, DAY, responses=[(0, ""), (202, COMPLETED), (503, ""), (202, COMPLETED)]),
            PlannedJob("event-1", FAILED, EMPTY, by_event=True, responses=[(202, "")]),
            PlannedJob("key-2", "unacknowledged", DAY, responses=[(503, "")]),
        ],
        outcome_events={COMPLETED: [outcome_event(jobs[COMPLETED]), outcome_event(jobs[COMPLETED])]},
        first_results={job_id: result_of(job) for job_id, job in jobs.items()},
        statuses=jobs,
        job_list=JobList([{name: job[name] for name in LISTED_FIELDS} for job in jobs.values()], {2}),
        downloads={COMPLETED: Download(200, "digest")},
        contents={"digest": CSV},
    )


def test_correct_run_passes() -> None:
    verdict = judge(correct_run(), EXPECTED)

    assert verdict.passed, verdict


def test_job_that_was_given_up_is_counted_without_a_finding() -> None:
    run = correct_run()
    for status in (run.statuses[FAILED], run.first_results[FAILED]):
        status["error_code"] = "TOO_MANY_ATTEMPTS"

    assert judge(run, EXPECTED).passed
    assert count_failures(run) == {"TOO_MANY_ATTEMPTS": 1}


def test_job_of_an_unacknowledged_request_may_exist() -> None:
    run = correct_run()
    run.statuses["unacknowledged"] = {**completed_job(), "job_id": "unacknowledged"}
    run.downloads["unacknowledged"] = run.downloads[COMPLETED]
    assert run.job_list
    run.job_list.jobs.append({name: run.statuses["unacknowledged"][name] for name in LISTED_FIELDS})
    run.job_list.totals.symmetric_difference_update({2, 3})

    assert judge(run, EXPECTED).passed


def test_attempt_number_is_part_of_the_csv_key() -> None:
    assert [attempt_number(job) for job in (completed_job(), failed_job())] == [2, 0]


def change_status(run: Observations, **changes: object) -> None:
    run.statuses[COMPLETED] = {**run.statuses[COMPLETED], **changes}


def change_result(run: Observations, **changes: object) -> None:
    """Change the result consistently in status, first result and outcome event."""
    change_status(run, result={**run.statuses[COMPLETED]["result"], **changes})
    run.first_results[COMPLETED] = result_of(run.statuses[COMPLETED])
    run.outcome_events[COMPLETED] = [outcome_event(run.statuses[COMPLETED])]


def change_csv(run: Observations, content: bytes) -> None:
    """Replace the CSV consistently with its size and digest."""
    run.contents["digest"] = content
    change_result(run, csv_size_bytes=len(content), csv_sha256=hashlib.sha256(content).hexdigest())


def change_list(run: Observations, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """Change the list consistently with its total_count."""
    assert run.job_list
    jobs = copy.deepcopy(run.job_list.jobs)
    change(jobs)
    run.job_list = JobList(jobs, {len({job["job_id"] for job in jobs})})


def event_with_csv_path(run: Observations, path: str) -> OutcomeEvent:
    return OutcomeEvent("completed", {**run.outcome_events[COMPLETED][0].data, "csv_path": path})


LOST: dict[str, Callable[[Observations], object]] = {
    "submitted job unknown at the end": lambda run: run.statuses.pop(COMPLETED),
    "job of an event unknown at the end": lambda run: run.statuses.pop(FAILED),
    "queued at the end": lambda run: change_status(run, status="queued", result={}),
    "processing at the end": lambda run: change_status(run, status="processing", result={}),
    "404 during the run": lambda run: run.vanished.add(COMPLETED),
    "missing in the list during the run": lambda run: run.unlisted.add(COMPLETED),
    "missing in the list at the end": lambda run: change_list(run, lambda jobs: jobs.pop()),
    "no list at the end": lambda run: setattr(run, "job_list", None),
}

DOUBLED: dict[str, Callable[[Observations], object]] = {
    "two jobs for one key": lambda run: run.workload[0].responses.append((202, "another")),
    "outcome events differ": lambda run: run.outcome_events[COMPLETED].append(
        event_with_csv_path(run, "csv/done/3/another.csv")
    ),
    "completed with a failed event": lambda run: run.outcome_events.update({COMPLETED: [OutcomeEvent("failed", {})]}),
    "event with a different CSV": lambda run: run.outcome_events.update(
        {COMPLETED: [event_with_csv_path(run, "csv/done/1/another.csv")]}
    ),
    "event lacks a number": lambda run: [event.data.pop("away_minutes") for event in run.outcome_events[COMPLETED]],
    "event with a different error code": lambda run: run.outcome_events.update(
        {FAILED: [OutcomeEvent("failed", {**outcome_event(failed_job()).data, "error_code": "UNDELIVERABLE"})]}
    ),
    "result changed after the end": lambda run: change_status(run, completed_at="later"),
    "twice in the list": lambda run: change_list(run, lambda jobs: jobs.append(jobs[0])),
    "counted twice": lambda run: setattr(run, "job_list", JobList(run.job_list.jobs if run.job_list else [], {3})),
    "listed without a request": lambda run: change_list(
        run, lambda jobs: jobs.append({**jobs[0], "job_id": "unrequested"})
    ),
    "event without a request": lambda run: run.outcome_events.update({"unrequested": [outcome_event(completed_job())]}),
}

WRONG: dict[str, Callable[[Observations], object]] = {
    "distance": lambda run: change_result(run, total_distance_km=1.234570),
    "count": lambda run: change_result(run, total_locations=3),
    "minutes": lambda run: change_result(run, away_minutes=10.02),
    "missing number": lambda run: change_result(run, away_minutes=None),
    "different date": lambda run: change_status(run, date="2026-01-22"),
    "rejected request": lambda run: run.workload[0].responses.append((422, "")),
    "failed without a cause": lambda run: run.statuses[FAILED].update(error_code="INTERNAL_ERROR"),
    "NO_DATA for a day with data": lambda run: change_status(run, status="failed", error_code="NO_DATA"),
    "completed without data": lambda run: setattr(run.workload[0], "task", EMPTY),
    "missing CSV": lambda run: run.downloads.update({COMPLETED: Download(404, "digest")}),
    "CSV size differs": lambda run: change_result(run, csv_size_bytes=1),
    "CSV digest differs": lambda run: change_result(run, csv_sha256=hashlib.sha256(b"").hexdigest()),
    "truncated CSV": lambda run: change_csv(run, CSV[:-20]),
    "CSV without its last row": lambda run: change_csv(run, HEADER + ROWS[0]),
    "CSV rows out of order": lambda run: change_csv(run, HEADER + ROWS[1] + ROWS[0]),
    "CSV with a wrong distance": lambda run: change_csv(run, CSV.replace(b"1.230732", b"1.230742")),
    "CSV with a wrong coordinate": lambda run: change_csv(run, CSV.replace(b"40.736065", b"40.736066")),
    "CSV of a different device": lambda run: change_csv(run, CSV.replace(b"garmin", b"iphone")),
    "list and status differ": lambda run: change_list(run, lambda jobs: jobs[0].update(status="processing")),
    "listed as ended, later as unfinished": lambda run: run.reopened.add(COMPLETED),
}


@pytest.mark.parametrize("violate", LOST.values(), ids=LOST)
def test_lost_job_is_detected(violate: Callable[[Observations], object]) -> None:
    run = correct_run()
    violate(run)

    assert judge(run, EXPECTED).lost


@pytest.mark.parametrize("violate", DOUBLED.values(), ids=DOUBLED)
def test_doubled_job_is_detected(violate: Callable[[Observations], object]) -> None:
    run = correct_run()
    violate(run)

    assert judge(run, EXPECTED).doubled


@pytest.mark.parametrize("violate", WRONG.values(), ids=WRONG)
def test_wrong_job_is_detected(violate: Callable[[Observations], object]) -> None:
    run = correct_run()
    violate(run)

    assert judge(run, EXPECTED).wrong


def test_distance_may_differ_by_a_rounding_error() -> None:
    run = correct_run()
    change_csv(run, CSV.replace(b"1.230732", b"1.230733"))

    assert judge(run, EXPECTED).passed
