"""The verdict on a run sees each way in which the promise can be broken."""

import copy
import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.chaos.days import HEADER, Expected
from tests.chaos.observations import Download, Listing, Seen, end_of
from tests.chaos.outcomes import Outcome
from tests.chaos.verdict import attempt_of, failures, verdict
from tests.chaos.workload import Wish

DAY, EMPTY = ("2026-01-21", "garmin"), ("2026-01-11", "")
NUMBERS = {"total_locations": 2, "total_distance_km": 1.2345678, "away_minutes": 10.004, "rejected_locations": 0}
ROWS = [
    b"2026-01-21T00:00:01Z,garmin,40.736065,-74.039356,0.003836,false,16,63,0,0.00\n",
    b"2026-01-21T00:05:01Z,garmin,40.736065,-74.039356,1.230732,true,16,,0,10.00\n",
]
CSV = HEADER + b"".join(ROWS)
EXPECTED = {DAY: Expected(NUMBERS, CSV), EMPTY: None}
DONE, NONE = "done", "none"


def completed() -> dict[str, Any]:
    numbers = {"total_locations": 2, "total_distance_km": 1.234568, "away_minutes": 10.0, "rejected_locations": 0}
    path = {"csv_path": f"csv/{DONE}/2/distance_20260121_garmin_{DONE}.csv", "csv_size_bytes": len(CSV)}
    path |= {"csv_sha256": hashlib.sha256(CSV).hexdigest(), "csv_download_path": "/api/distance/download/a.csv"}
    result = {**numbers, **path, "csv_download_url": "http://one", "csv_download_expires_at": "then"}
    job = {"job_id": DONE, "status": "completed", "date": DAY[0], "device_id": DAY[1], "completed_at": "at"}
    return {**job, "result": result}


def failed() -> dict[str, Any]:
    job = {"job_id": NONE, "status": "failed", "date": EMPTY[0], "device_id": EMPTY[1], "completed_at": "at"}
    return {**job, "error_code": "NO_DATA", "error_message": "No location data found for date 2026-01-11"}


def outcome(job: dict[str, Any]) -> Outcome:
    told = {name: job[name] for name in ("job_id", "date", "device_id")}
    said = end_of(job)["result"] or {name: job[name] for name in ("error_code", "error_message")}
    said.pop("csv_download_path", None)
    return Outcome(job["status"], {**told, **said})


def run() -> Seen:
    """A run of one completed job that was asked for twice, one that had no data, and one that nobody heard of."""
    jobs = {DONE: completed(), NONE: failed()}
    return Seen(
        wishes=[
            Wish("key-1", DONE, DAY, answers=[(0, ""), (202, DONE), (503, ""), (202, DONE)]),
            Wish("event-1", NONE, EMPTY, foreign=True, answers=[(202, "")]),
            Wish("key-2", "unheard", DAY, answers=[(503, "")]),
        ],
        outcomes={DONE: [outcome(jobs[DONE]), outcome(jobs[DONE])]},
        first_ends={job_id: end_of(job) for job_id, job in jobs.items()},
        statuses=jobs,
        listing=Listing([{name: job[name] for name in LISTED} for job in jobs.values()], {2}),
        downloads={DONE: Download(200, "digest")},
        contents={"digest": CSV},
    )


LISTED = ("job_id", "status", "date", "device_id")


def test_a_run_that_kept_the_promise_is_good() -> None:
    found = verdict(run(), EXPECTED)

    assert found.good, found


def test_a_job_that_died_too_often_is_neither_lost_nor_wrong_but_counted() -> None:
    seen = run()
    for told in (seen.statuses[NONE], seen.first_ends[NONE]):
        told["error_code"] = "TOO_MANY_ATTEMPTS"

    assert verdict(seen, EXPECTED).good
    assert failures(seen) == {"TOO_MANY_ATTEMPTS": 1}


def test_a_job_of_a_request_that_was_never_answered_may_be_there() -> None:
    seen = run()
    seen.statuses["unheard"] = {**completed(), "job_id": "unheard"}
    seen.downloads["unheard"] = seen.downloads[DONE]
    assert seen.listing
    seen.listing.jobs.append({name: seen.statuses["unheard"][name] for name in LISTED})
    seen.listing.totals.symmetric_difference_update({2, 3})

    assert verdict(seen, EXPECTED).good


def test_the_attempt_is_read_from_the_csvs_key() -> None:
    assert [attempt_of(job) for job in (completed(), failed())] == [2, 0]


def status(seen: Seen, **changes: object) -> None:
    seen.statuses[DONE] = {**seen.statuses[DONE], **changes}


def result(seen: Seen, **changes: object) -> None:
    """The same wrong result wherever it is told."""
    status(seen, result={**seen.statuses[DONE]["result"], **changes})
    seen.first_ends[DONE] = end_of(seen.statuses[DONE])
    seen.outcomes[DONE] = [outcome(seen.statuses[DONE])]


def csv(seen: Seen, content: bytes) -> None:
    seen.contents["digest"] = content
    result(seen, csv_size_bytes=len(content), csv_sha256=hashlib.sha256(content).hexdigest())


def listed(seen: Seen, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """The list with `change` made to it, counted as it is then."""
    assert seen.listing
    jobs = copy.deepcopy(seen.listing.jobs)
    change(jobs)
    seen.listing = Listing(jobs, {len({job["job_id"] for job in jobs})})


LOST: dict[str, Callable[[Seen], object]] = {
    "unknown at the end": lambda seen: seen.statuses.pop(DONE),
    "the job of an event that never came": lambda seen: seen.statuses.pop(NONE),
    "still queued at the end": lambda seen: status(seen, status="queued", result={}),
    "still processing at the end": lambda seen: status(seen, status="processing", result={}),
    "404 in between": lambda seen: seen.vanished.add(DONE),
    "not in the list in between": lambda seen: seen.unlisted.add(DONE),
    "not in the list at the end": lambda seen: listed(seen, lambda jobs: jobs.pop()),
    "no list at the end": lambda seen: setattr(seen, "listing", None),
}

DOUBLED: dict[str, Callable[[Seen], object]] = {
    "two jobs for one key": lambda seen: seen.wishes[0].answers.append((202, "another")),
    "two outcomes that differ": lambda seen: seen.outcomes[DONE].append(
        Outcome("completed", {**outcome(completed()).data, "csv_path": "csv/done/3/another.csv"})
    ),
    "completed, and told as failed": lambda seen: seen.outcomes.update({DONE: [Outcome("failed", {})]}),
    "told with another csv": lambda seen: seen.outcomes.update(
        {DONE: [Outcome("completed", {**outcome(completed()).data, "csv_path": "csv/done/1/another.csv"})]}
    ),
    "told with a number left out": lambda seen: [told.data.pop("away_minutes") for told in seen.outcomes[DONE]],
    "failed, and told with another code": lambda seen: seen.outcomes.update(
        {NONE: [Outcome("failed", {**outcome(failed()).data, "error_code": "UNDELIVERABLE"})]}
    ),
    "another end than before": lambda seen: status(seen, completed_at="later"),
    "twice in the list": lambda seen: listed(seen, lambda jobs: jobs.append(jobs[0])),
    "counted twice": lambda seen: setattr(seen, "listing", Listing(seen.listing.jobs if seen.listing else [], {3})),
    "in the list without being asked for": lambda seen: listed(
        seen, lambda jobs: jobs.append({**jobs[0], "job_id": "stranger"})
    ),
    "told without being asked for": lambda seen: seen.outcomes.update({"stranger": [outcome(completed())]}),
}

WRONG: dict[str, Callable[[Seen], object]] = {
    "a distance": lambda seen: result(seen, total_distance_km=1.234570),
    "a count": lambda seen: result(seen, total_locations=3),
    "minutes": lambda seen: result(seen, away_minutes=10.02),
    "no number": lambda seen: result(seen, away_minutes=None),
    "another day": lambda seen: status(seen, date="2026-01-22"),
    "refused": lambda seen: seen.wishes[0].answers.append((422, "")),
    "failed without a cause": lambda seen: seen.statuses[NONE].update(error_code="INTERNAL_ERROR"),
    "NO_DATA of a day with data": lambda seen: status(seen, status="failed", error_code="NO_DATA"),
    "completed without data": lambda seen: setattr(seen.wishes[0], "task", EMPTY),
    "no CSV": lambda seen: seen.downloads.update({DONE: Download(404, "digest")}),
    "a CSV of another size than said": lambda seen: result(seen, csv_size_bytes=1),
    "a CSV of another digest than said": lambda seen: result(seen, csv_sha256=hashlib.sha256(b"").hexdigest()),
    "half a CSV": lambda seen: csv(seen, CSV[:-20]),
    "a CSV without its last row": lambda seen: csv(seen, HEADER + ROWS[0]),
    "a CSV with rows in another order": lambda seen: csv(seen, HEADER + ROWS[1] + ROWS[0]),
    "a CSV with another distance": lambda seen: csv(seen, CSV.replace(b"1.230732", b"1.230742")),
    "a CSV with another coordinate": lambda seen: csv(seen, CSV.replace(b"40.736065", b"40.736066")),
    "a CSV of another device": lambda seen: csv(seen, CSV.replace(b"garmin", b"iphone")),
    "another state in the list": lambda seen: listed(seen, lambda jobs: jobs[0].update(status="processing")),
    "listed as ended, then as unfinished": lambda seen: seen.reopened.add(DONE),
}


@pytest.mark.parametrize("plant", LOST.values(), ids=LOST)
def test_a_lost_job_is_seen(plant: Callable[[Seen], object]) -> None:
    seen = run()
    plant(seen)

    assert verdict(seen, EXPECTED).lost


@pytest.mark.parametrize("plant", DOUBLED.values(), ids=DOUBLED)
def test_a_doubled_job_is_seen(plant: Callable[[Seen], object]) -> None:
    seen = run()
    plant(seen)

    assert verdict(seen, EXPECTED).doubled


@pytest.mark.parametrize("plant", WRONG.values(), ids=WRONG)
def test_a_wrong_job_is_seen(plant: Callable[[Seen], object]) -> None:
    seen = run()
    plant(seen)

    assert verdict(seen, EXPECTED).wrong


def test_the_last_digit_of_a_distance_may_be_rounded_either_way() -> None:
    seen = run()
    csv(seen, CSV.replace(b"1.230732", b"1.230733"))

    assert verdict(seen, EXPECTED).good
