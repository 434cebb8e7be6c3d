"""All that a run has shown of its jobs: what the verdict is made from, and how it is gathered at the end."""

import hashlib
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.outcomes import Outcome
from tests.chaos.workload import Wish
from tests.integration.whole_stack import Answer, ask

Json = dict[str, Any]
_READERS = 4
_LOOK_SECONDS = 0.2
_OF_ONE_READING = ("csv_download_url", "csv_download_expires_at")


@dataclass(frozen=True)
class Listing:
    """The whole list, walked page by page: its jobs, and the total of each page."""

    jobs: list[Json]
    totals: set[int]


@dataclass(frozen=True)
class Download:
    """A CSV as it was fetched: the answer's status, and the digest under which its bytes are kept."""

    status: int
    digest: str


@dataclass
class Seen:
    """What was seen of the jobs of `wishes`; the sets hold job ids."""

    wishes: list[Wish]
    outcomes: dict[str, list[Outcome]]
    first_ends: dict[str, Json] = field(default_factory=dict)  # each end as it was read first
    vanished: set[str] = field(default_factory=set)  # 404 after 202
    unlisted: set[str] = field(default_factory=set)  # accepted, and not in the list then
    reopened: set[str] = field(default_factory=set)  # listed as ended, then as unfinished
    statuses: dict[str, Json] = field(default_factory=dict)  # at the end; without those that were unknown
    listing: Listing | None = None  # None: it could not be read
    downloads: dict[str, Download] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)  # by digest


def end_of(status: Json) -> Json:
    """What may never change again: the status of an ended job without what each reading makes anew."""
    names = ("status", "completed_at", "error_code", "error_message")
    result = {name: value for name, value in status.get("result", {}).items() if name not in _OF_ONE_READING}
    return {**{name: status.get(name) for name in names}, "result": result}


def ended(status: Json) -> bool:
    return status.get("status") in ("completed", "failed")


def listing(url: str) -> Listing | None:
    """The list as it is now, or None if a page did not come."""
    jobs: list[Json] = []
    totals = set()
    offset: int | None = 0
    while offset is not None:
        answer = ask("GET", f"{url}/api/distance/jobs?limit=500&results=false&offset={offset}")
        if answer.status != 200:
            return None
        page = answer.json
        jobs += page["jobs"]
        totals.add(page["total_count"])
        offset = page["next_offset"]
    return Listing(jobs, totals)


def gather(url: str, seen: Seen, deadline: float) -> None:
    """Each job's status, the list, and every CSV by its presigned URL; `deadline` is of the monotonic clock."""
    while (found := listing(url)) is None and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
    seen.listing = found
    jobs = {job_id for wish in seen.wishes for job_id in wish.ids}
    with ThreadPoolExecutor(_READERS) as readers:
        list(readers.map(lambda job_id: _read(url, seen, job_id, deadline), sorted(jobs)))


def _read(url: str, seen: Seen, job_id: str, deadline: float) -> None:
    answer = _answered(f"{url}/api/distance/jobs/{job_id}", deadline)
    if answer.status != 200:
        return
    seen.statuses[job_id] = status = answer.json
    if status["status"] == "completed":
        csv = _answered(status["result"]["csv_download_url"], deadline)
        digest = hashlib.sha256(csv.body).hexdigest()
        seen.contents.setdefault(digest, csv.body)
        seen.downloads[job_id] = Download(csv.status, digest)


def _answered(url: str, deadline: float) -> Answer:
    """An answer that is neither silence nor a fault of the server's, or the last one before the deadline."""
    while True:
        answer = ask("GET", url)
        if 0 < answer.status < 500 or time.monotonic() > deadline:
            return answer
        time.sleep(_LOOK_SECONDS)


def job_ids(wishes: Iterable[Wish]) -> set[str]:
    """The jobs that were accepted."""
    return {job_id for wish in wishes if wish.accepted for job_id in wish.ids}
