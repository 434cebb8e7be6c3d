"""Bulk deletion of jobs by device and date, through the API."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from admin.api import ApiClient
from shared.errors import Unavailable

_PAGE_SIZE = 500
_MAX_PASSES = 10  # each pass finds the jobs that were submitted during the previous one


@dataclass(frozen=True)
class JobFilter:
    """Selects jobs; None matches any value, and both dates are included.

    A job over all devices contains fixes of each of them; with `every_device`, it matches every `device_id`.
    """

    device_id: str | None = None
    first: date | None = None
    last: date | None = None
    every_device: bool = False

    def matches(self, job: dict[str, Any]) -> bool:
        """Return whether the filter selects `job`, an item of the list."""
        return self._matches_date(job) and (
            self.device_id in (None, job["device_id"]) or (self.every_device and not job["device_id"])
        )

    def may_contain_device(self, job: dict[str, Any]) -> bool:
        """Return whether the filter does not select `job`, but the job may contain fixes of the device."""
        return self._matches_date(job) and not job["device_id"] and not self.matches(job)

    def _matches_date(self, job: dict[str, Any]) -> bool:
        day = date.fromisoformat(job["date"])
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


@dataclass(frozen=True)
class DeletionResult:
    """The number of deleted jobs, and of remaining jobs over all devices that may contain the same fixes."""

    deleted: int
    remaining: int


def delete_jobs(
    api: ApiClient, url: str, job_filter: JobFilter, on_deleted: Callable[[str], None], *, dry_run: bool = False
) -> DeletionResult:
    """Delete matching jobs until a fresh list has none; `on_deleted` is called with each job's id.

    With `dry_run`, only count them. Raises Unavailable if a request fails.
    """
    deleted: set[str] = set()
    for _ in range(_MAX_PASSES):
        jobs = list(_list_jobs(api, url))
        remaining = sum(map(job_filter.may_contain_device, jobs))
        matching = [job["job_id"] for job in jobs if job_filter.matches(job) and job["job_id"] not in deleted]
        if dry_run:
            return DeletionResult(len(matching), remaining)
        if not matching:
            return DeletionResult(len(deleted), remaining)
        for job_id in matching:
            response = api.request("DELETE", f"{url}/api/distance/jobs/{job_id}")
            if response.status not in (204, 404):
                raise Unavailable("API", f"status {response.status}")
            deleted.add(job_id)
            on_deleted(job_id)
    raise Unavailable("API", f"new matching jobs after {_MAX_PASSES} passes")


def _list_jobs(api: ApiClient, url: str) -> Iterator[dict[str, Any]]:
    """Yield every job that exists for the whole time; a job submitted meanwhile may be missed."""
    offset: int | None = 0
    while offset is not None:
        query = urlencode({"limit": _PAGE_SIZE, "offset": offset, "results": "false"})
        response = api.request("GET", f"{url}/api/distance/jobs?{query}")
        if response.status != 200:
            raise Unavailable("API", f"status {response.status}")
        page = response.json()
        yield from page["jobs"]
        offset = page["next_offset"]
