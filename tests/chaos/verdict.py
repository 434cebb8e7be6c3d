"""The verdict on a run: each job that was lost, doubled or wrong, with the reason."""

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.chaos.days import Expected, Task
from tests.chaos.observations import Json, Seen, end_of, ended, job_ids
from tests.chaos.workload import Wish

GIVEN_UP = frozenset(
    {"TOO_MANY_ATTEMPTS", "UNDELIVERABLE"}
)  # where everything dies again and again, it may come to that
_KM, _MINUTES = 1e-6, 0.0051  # what rounding may change
_DISTANCE = 4  # the CSV's one column that two formulas may round differently
_THE_LIST = "the list"


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
    def good(self) -> bool:
        return not (self.lost or self.doubled or self.wrong)


def verdict(seen: Seen, expected: Mapping[Task, Expected | None]) -> Verdict:
    """What `seen` says against the promise, where `expected` has what each task must give (None: NO_DATA)."""
    found = Verdict()
    for wish in seen.wishes:
        _of_wish(found, seen, wish)
        for job_id in wish.ids:
            if job_id in seen.statuses:
                _of_job(found, seen, job_id, wish.task, expected[wish.task])
    for names, reason in (
        (seen.vanished, "answered 404 after it was accepted"),
        (seen.unlisted, "was not in the list after it was accepted"),
    ):
        for job_id in names:
            found.lost.add(job_id, reason)
    for job_id in seen.reopened:
        found.wrong.add(job_id, "was listed as ended, later as unfinished")
    asked_for = {job_id for wish in seen.wishes for job_id in wish.ids}
    for job_id in set(seen.outcomes) - asked_for:
        found.doubled.add(job_id, "has an outcome event, though nobody asked for it")
    _of_list(found, seen, asked_for)
    return found


def failures(seen: Seen) -> Counter[str]:
    """How many jobs failed, by error code."""
    return Counter(str(job.get("error_code")) for job in seen.statuses.values() if job["status"] == "failed")


def attempt_of(job: Json) -> int:
    """The attempt that completed the job, which its CSV's key names; 0 if none did."""
    return int(job["result"]["csv_path"].split("/")[2]) if job["status"] == "completed" else 0


def _of_wish(found: Verdict, seen: Seen, wish: Wish) -> None:
    if len(wish.ids) > 1:
        found.doubled.add(wish.name, f"one key, {len(wish.ids)} jobs")
    for status in wish.refused:
        found.wrong.add(wish.name, f"a valid request was answered {status}")
    for job_id in wish.ids if wish.accepted else ():
        job = seen.statuses.get(job_id)
        if job is None:
            found.lost.add(job_id, "is unknown at the end")
        elif not ended(job):
            found.lost.add(job_id, f"is {job['status']} at the end")


def _of_job(found: Verdict, seen: Seen, job_id: str, task: Task, wanted: Expected | None) -> None:
    job = seen.statuses[job_id]
    if (job["date"], job["device_id"]) != task:
        found.wrong.add(job_id, "has another date or device than was asked for")
    if not ended(job):
        return
    first = seen.first_ends.get(job_id)
    if first is not None and first != end_of(job):
        found.doubled.add(job_id, "ended twice: its status has changed since")
    told = seen.outcomes.get(job_id, [])
    if any(outcome != told[0] for outcome in told):
        found.doubled.add(job_id, "two outcome events that differ")
    if any(outcome.status != job["status"] or not _agrees(outcome.data, job) for outcome in told):
        found.doubled.add(job_id, "an outcome event that contradicts the status")
    for reason in _failed(job, wanted) if job["status"] == "failed" else _completed(seen, job_id, job, wanted):
        found.wrong.add(job_id, reason)


def _agrees(data: Json, job: Json) -> bool:
    """Whether an event's data says what the status says, in every field that both have or must have."""
    said = {"job_id": job["job_id"], "date": job["date"], "device_id": job["device_id"]}
    if job["status"] == "failed":
        said |= {name: job.get(name) for name in ("error_code", "error_message")}
    else:
        said |= {name: value for name, value in end_of(job)["result"].items() if name != "csv_download_path"}
    return all(data.get(name) == value for name, value in said.items())


def _failed(job: Json, wanted: Expected | None) -> list[str]:
    code = job.get("error_code")
    if code in GIVEN_UP or (code == "NO_DATA" and wanted is None):
        return []
    return [f"failed with {code}"]


def _completed(seen: Seen, job_id: str, job: Json, wanted: Expected | None) -> list[str]:
    if wanted is None:
        return ["completed, though its day has no fix"]
    result = job["result"]
    reasons = [f"{name} is wrong" for name, value in wanted.numbers.items() if not _is(name, result.get(name), value)]
    download = seen.downloads[job_id]
    if download.status != 200:
        return [*reasons, f"its CSV was answered {download.status}"]
    content = seen.contents[download.digest]
    if len(content) != result["csv_size_bytes"]:
        reasons.append("its CSV has another size than it says")
    if hashlib.sha256(content).hexdigest() != result["csv_sha256"]:
        reasons.append("its CSV has another SHA-256 than it says")
    if content != wanted.csv:
        reasons += _differences(content, wanted.csv)
    return reasons


def _is(name: str, value: object, wanted: float) -> bool:
    if not isinstance(value, int | float):
        return False
    tolerance = _KM if name.endswith("_km") else _MINUTES if name.endswith("_minutes") else 0
    return abs(value - wanted) <= tolerance


def _differences(content: bytes, wanted: bytes) -> list[str]:
    """Why the CSV is not the one that is wanted; the last digit of a distance may differ."""
    if not content.endswith(b"\n"):
        return ["its CSV breaks off"]
    rows, wanted_rows = (list(csv.reader(io.StringIO(text.decode(errors="replace")))) for text in (content, wanted))
    if len(rows) != len(wanted_rows):
        return [f"its CSV has {len(rows)} rows instead of {len(wanted_rows)}"]
    for number, (row, wanted_row) in enumerate(zip(rows, wanted_rows, strict=True), 1):
        if row != wanted_row and not _same_but_for_rounding(row, wanted_row):
            return [f"row {number} of its CSV is wrong"]
    return []


def _same_but_for_rounding(row: list[str], wanted: list[str]) -> bool:
    try:
        close = abs(float(row[_DISTANCE]) - float(wanted[_DISTANCE])) <= _KM + 1e-9
    except (IndexError, ValueError):
        return False
    return close and row[:_DISTANCE] + row[_DISTANCE + 1 :] == wanted[:_DISTANCE] + wanted[_DISTANCE + 1 :]


def _of_list(found: Verdict, seen: Seen, asked_for: set[str]) -> None:
    if seen.listing is None:
        found.lost.add(_THE_LIST, "could not be read at the end")
        return
    times = Counter(job["job_id"] for job in seen.listing.jobs)
    for job_id in job_ids(seen.wishes) - set(times):
        found.lost.add(job_id, "is not in the list at the end")
    for job_id in set(times) - asked_for:  # whoever was never answered 202 may have a job or not
        found.doubled.add(job_id, "is in the list, though nobody asked for it")
    for job_id, count in times.items():
        if count > 1:
            found.doubled.add(job_id, f"is in the list {count} times")
    if seen.listing.totals != {len(times)}:
        found.doubled.add(_THE_LIST, f"counts {sorted(seen.listing.totals)} jobs, where there are {len(times)}")
    for job in seen.listing.jobs:
        status = seen.statuses.get(job["job_id"])
        if status is not None and any(job[name] != status[name] for name in ("status", "date", "device_id")):
            found.wrong.add(job["job_id"], f"is {status['status']}, and {job['status']} in the list")
