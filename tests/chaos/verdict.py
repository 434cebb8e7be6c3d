"""Verdict on a run: each job that is lost, doubled or wrong, with the reasons."""

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.chaos.days import ExpectedDay, Task
from tests.chaos.observations import Json, Observations, accepted_job_ids, has_ended, result_of
from tests.chaos.workload import PlannedJob

GIVEN_UP_CODES = frozenset({"TOO_MANY_ATTEMPTS", "UNDELIVERABLE"})  # legitimate if every attempt is killed
_KM_TOLERANCE, _MINUTES_TOLERANCE = 1e-6, 0.0051  # rounding errors
_DISTANCE_COLUMN = 4  # the only CSV column that different formulas may round differently
_LIST = "the list"


@dataclass
class Findings:
    """Reasons by job."""

    reasons: dict[str, list[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.reasons)

    def add(self, job_id: str, reason: str) -> None:
        self.reasons.setdefault(job_id, []).append(reason)


@dataclass
class Verdict:
    lost: Findings = field(default_factory=Findings)
    doubled: Findings = field(default_factory=Findings)
    wrong: Findings = field(default_factory=Findings)

    @property
    def passed(self) -> bool:
        return not (self.lost or self.doubled or self.wrong)


def judge(observations: Observations, expected: Mapping[Task, ExpectedDay | None]) -> Verdict:
    """Compare the observations with the promises and with the expected result of each task (None for NO_DATA)."""
    verdict = Verdict()
    for planned in observations.workload:
        _judge_requests(verdict, observations, planned)
        for job_id in planned.job_ids:
            if job_id in observations.statuses:
                _judge_job(verdict, observations, job_id, planned.task, expected[planned.task])
    for job_ids, reason in (
        (observations.vanished, "returned 404 after it was accepted"),
        (observations.unlisted, "was missing in the list after it was accepted"),
    ):
        for job_id in job_ids:
            verdict.lost.add(job_id, reason)
    for job_id in observations.reopened:
        verdict.wrong.add(job_id, "was listed as ended, later as unfinished")
    requested = {job_id for planned in observations.workload for job_id in planned.job_ids}
    for job_id in set(observations.outcome_events) - requested:
        verdict.doubled.add(job_id, "has an outcome event, but was not requested")
    _judge_list(verdict, observations, requested)
    return verdict


def count_failures(observations: Observations) -> Counter[str]:
    """Count the failed jobs by error code."""
    return Counter(str(job.get("error_code")) for job in observations.statuses.values() if job["status"] == "failed")


def attempt_number(job: Json) -> int:
    """Return the attempt that completed the job, from its CSV's key, or 0 if the job is not completed."""
    return int(job["result"]["csv_path"].split("/")[2]) if job["status"] == "completed" else 0


def _judge_requests(verdict: Verdict, observations: Observations, planned: PlannedJob) -> None:
    if len(planned.job_ids) > 1:
        verdict.doubled.add(planned.name, f"one key, {len(planned.job_ids)} jobs")
    for status in planned.rejections:
        verdict.wrong.add(planned.name, f"a valid request was rejected with {status}")
    for job_id in planned.job_ids if planned.accepted else ():
        job = observations.statuses.get(job_id)
        if job is None:
            verdict.lost.add(job_id, "is unknown at the end")
        elif not has_ended(job):
            verdict.lost.add(job_id, f"is {job['status']} at the end")


def _judge_job(
    verdict: Verdict, observations: Observations, job_id: str, task: Task, expected: ExpectedDay | None
) -> None:
    job = observations.statuses[job_id]
    if (job["date"], job["device_id"]) != task:
        verdict.wrong.add(job_id, "has a different date or device than requested")
    if not has_ended(job):
        return
    first_result = observations.first_results.get(job_id)
    if first_result is not None and first_result != result_of(job):
        verdict.doubled.add(job_id, "ended twice: its status changed after its end")
    events = observations.outcome_events.get(job_id, [])
    if any(event != events[0] for event in events):
        verdict.doubled.add(job_id, "has outcome events that differ")
    if any(event.status != job["status"] or not _is_consistent(event.data, job) for event in events):
        verdict.doubled.add(job_id, "has an outcome event that contradicts the status")
    failed = job["status"] == "failed"
    for reason in _judge_failed(job, expected) if failed else _judge_completed(observations, job_id, job, expected):
        verdict.wrong.add(job_id, reason)


def _is_consistent(data: Json, job: Json) -> bool:
    """Return whether an event's data equal the status in all fields that the event must have."""
    fields = {"job_id": job["job_id"], "date": job["date"], "device_id": job["device_id"]}
    if job["status"] == "failed":
        fields |= {name: job.get(name) for name in ("error_code", "error_message")}
    else:
        omitted = {"csv_download_path", "analysis"}
        fields |= {name: value for name, value in result_of(job)["result"].items() if name not in omitted}
    return all(data.get(name) == value for name, value in fields.items())


def _judge_failed(job: Json, expected: ExpectedDay | None) -> list[str]:
    code = job.get("error_code")
    if code in GIVEN_UP_CODES or (code == "NO_DATA" and expected is None):
        return []
    return [f"failed with {code}"]


def _judge_completed(observations: Observations, job_id: str, job: Json, expected: ExpectedDay | None) -> list[str]:
    if expected is None:
        return ["is completed, but its day has no fix"]
    result = job["result"]
    reasons = [
        f"{name} is wrong" for name, value in expected.numbers.items() if not _is_close(name, result.get(name), value)
    ]
    download = observations.downloads[job_id]
    if download.status != 200:
        return [*reasons, f"the download of its CSV returned {download.status}"]
    content = observations.contents[download.digest]
    if len(content) != result["csv_size_bytes"]:
        reasons.append("the size of its CSV differs from csv_size_bytes")
    if hashlib.sha256(content).hexdigest() != result["csv_sha256"]:
        reasons.append("the SHA-256 of its CSV differs from csv_sha256")
    if content != expected.csv:
        reasons += _csv_differences(content, expected.csv)
    return reasons


def _is_close(name: str, value: object, expected: float) -> bool:
    if not isinstance(value, int | float):
        return False
    tolerance = _KM_TOLERANCE if name.endswith("_km") else _MINUTES_TOLERANCE if name.endswith("_minutes") else 0
    return abs(value - expected) <= tolerance


def _csv_differences(content: bytes, expected: bytes) -> list[str]:
    """Return why the CSV differs from the expected one. The last digit of a distance may differ."""
    if not content.endswith(b"\n"):
        return ["its CSV is truncated"]
    rows, expected_rows = (list(csv.reader(io.StringIO(text.decode(errors="replace")))) for text in (content, expected))
    if len(rows) != len(expected_rows):
        return [f"its CSV has {len(rows)} rows instead of {len(expected_rows)}"]
    for number, (row, expected_row) in enumerate(zip(rows, expected_rows, strict=True), 1):
        if row != expected_row and not _differs_by_rounding(row, expected_row):
            return [f"row {number} of its CSV is wrong"]
    return []


def _differs_by_rounding(row: list[str], expected: list[str]) -> bool:
    """Return whether only the distances differ, by a rounding error."""
    column = _DISTANCE_COLUMN
    try:
        is_close = abs(float(row[column]) - float(expected[column])) <= _KM_TOLERANCE + 1e-9
    except (IndexError, ValueError):
        return False
    return is_close and row[:column] + row[column + 1 :] == expected[:column] + expected[column + 1 :]


def _judge_list(verdict: Verdict, observations: Observations, requested: set[str]) -> None:
    job_list = observations.job_list
    if job_list is None:
        verdict.lost.add(_LIST, "could not be read at the end")
        return
    occurrences = Counter(job["job_id"] for job in job_list.jobs)
    for job_id in accepted_job_ids(observations.workload) - set(occurrences):
        verdict.lost.add(job_id, "is missing in the list at the end")
    for job_id in set(occurrences) - requested:  # requests without a 202 may or may not have a job
        verdict.doubled.add(job_id, "is in the list, but was not requested")
    for job_id, count in occurrences.items():
        if count > 1:
            verdict.doubled.add(job_id, f"is in the list {count} times")
    if job_list.totals != {len(occurrences)}:
        verdict.doubled.add(_LIST, f"has total_count {sorted(job_list.totals)} for {len(occurrences)} jobs")
    for job in job_list.jobs:
        status = observations.statuses.get(job["job_id"])
        if status is not None and any(job[name] != status[name] for name in ("status", "date", "device_id")):
            verdict.wrong.add(job["job_id"], f"is {status['status']}, but {job['status']} in the list")
