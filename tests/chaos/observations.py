"""Observations of a run that the verdict is based on, and their collection at the end of the run."""

import hashlib
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.outcomes import OutcomeEvent
from tests.chaos.workload import PlannedJob
from tests.integration.whole_stack import Response, send_request

Json = dict[str, Any]
_READERS = 4
_POLL_SECONDS = 0.2
_VOLATILE_FIELDS = ("csv_download_url", "csv_download_expires_at")


@dataclass(frozen=True)
class JobList:
    """The complete list: its jobs, and the distinct values of total_count on its pages."""

    jobs: list[Json]
    totals: set[int]


@dataclass(frozen=True)
class Download:
    """The response to a CSV download: status, and digest of the body, which is the key of its content."""

    status: int
    digest: str


@dataclass
class Observations:
    """Observations of the jobs of a workload. The sets hold job ids."""

    workload: list[PlannedJob]
    outcome_events: dict[str, list[OutcomeEvent]]
    first_results: dict[str, Json] = field(default_factory=dict)  # `result_of` the first status that was final
    vanished: set[str] = field(default_factory=set)  # 404 after 202
    unlisted: set[str] = field(default_factory=set)  # accepted but missing in a list
    reopened: set[str] = field(default_factory=set)  # listed as ended, later as unfinished
    statuses: dict[str, Json] = field(default_factory=dict)  # at the end, without unknown jobs
    job_list: JobList | None = None  # at the end, or None if reading failed
    downloads: dict[str, Download] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)  # by digest


def result_of(status: Json) -> Json:
    """Return the part of a finished job's status that must not change any more."""
    names = ("status", "completed_at", "error_code", "error_message")
    result = {name: value for name, value in status.get("result", {}).items() if name not in _VOLATILE_FIELDS}
    return {**{name: status.get(name) for name in names}, "result": result}


def has_ended(status: Json) -> bool:
    return status.get("status") in ("completed", "failed")


def read_list(url: str) -> JobList | None:
    """Read all pages of the list. Return None if a request fails."""
    jobs: list[Json] = []
    totals = set()
    offset: int | None = 0
    while offset is not None:
        response = send_request("GET", f"{url}/api/distance/jobs?limit=500&results=false&offset={offset}")
        if response.status != 200:
            return None
        page = response.json
        jobs += page["jobs"]
        totals.add(page["total_count"])
        offset = page["next_offset"]
    return JobList(jobs, totals)


def collect(url: str, observations: Observations, deadline: float) -> None:
    """Read the list, the status of each job and every CSV. `deadline` is a time of the monotonic clock."""
    while (job_list := read_list(url)) is None and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    observations.job_list = job_list
    job_ids = {job_id for job in observations.workload for job_id in job.job_ids}
    with ThreadPoolExecutor(_READERS) as readers:
        list(readers.map(lambda job_id: _collect_job(url, observations, job_id, deadline), sorted(job_ids)))


def _collect_job(url: str, observations: Observations, job_id: str, deadline: float) -> None:
    response = _get(f"{url}/api/distance/jobs/{job_id}", deadline)
    if response.status != 200:
        return
    observations.statuses[job_id] = status = response.json
    if status["status"] == "completed":
        csv = _get(status["result"]["csv_download_url"], deadline)
        digest = hashlib.sha256(csv.body).hexdigest()
        observations.contents.setdefault(digest, csv.body)
        observations.downloads[job_id] = Download(csv.status, digest)


def _get(url: str, deadline: float) -> Response:
    """Retry until a response is no server error, and return it or the last one before the deadline."""
    while True:
        response = send_request("GET", url)
        if 0 < response.status < 500 or time.monotonic() > deadline:
            return response
        time.sleep(_POLL_SECONDS)


def accepted_job_ids(workload: Iterable[PlannedJob]) -> set[str]:
    return {job_id for job in workload if job.accepted for job_id in job.job_ids}
