"""Deleting all jobs of a device, of a range of dates, or both, through the API of any deployment."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from admin.api import Api
from shared.errors import Unavailable

_PAGE = 500
_ROUNDS = 10  # jobs that are submitted meanwhile are found by the next one


@dataclass(frozen=True)
class Forgotten:
    """Which jobs are meant: None is any device, `first` and `last` are the jobs' own dates, both included.

    A job over every device holds the fixes of each one; `every_device` means those too where a device is named.
    """

    device_id: str | None = None
    first: date | None = None
    last: date | None = None
    every_device: bool = False

    def means(self, job: dict[str, Any]) -> bool:
        """Whether `job`, as the list shows it, is one of them."""
        return self._in_time(job) and (
            self.device_id in (None, job["device_id"]) or (self.every_device and not job["device_id"])
        )

    def may_mean(self, job: dict[str, Any]) -> bool:
        """Whether it is none of them but may hold fixes of the device."""
        return self._in_time(job) and not job["device_id"] and not self.means(job)

    def _in_time(self, job: dict[str, Any]) -> bool:
        day = date.fromisoformat(job["date"])
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


@dataclass(frozen=True)
class Count:
    """How many jobs were deleted, or would be; and how many over every device stay that may hold the same fixes."""

    deleted: int
    left: int


def forget(api: Api, url: str, wanted: Forgotten, say: Callable[[str], None], *, only_count: bool = False) -> Count:
    """Delete the jobs, one after another, until a fresh list has none; Unavailable where the API can't.

    `say` is told each job's id once it is gone.
    """
    gone: set[str] = set()
    for _ in range(_ROUNDS):
        jobs = list(_listed(api, url))
        left = sum(map(wanted.may_mean, jobs))
        meant = [job["job_id"] for job in jobs if wanted.means(job) and job["job_id"] not in gone]
        if only_count:
            return Count(len(meant), left)
        if not meant:
            return Count(len(gone), left)
        for job_id in meant:
            answer = api.asked("DELETE", f"{url}/api/distance/jobs/{job_id}")
            if answer.status not in (204, 404):
                raise Unavailable("API", f"status {answer.status}")
            gone.add(job_id)
            say(job_id)
    raise Unavailable("API", "jobs keep coming")


def _listed(api: Api, url: str) -> Iterator[dict[str, Any]]:
    """Every job; one that comes meanwhile may be missed, one that is there is not."""
    offset: int | None = 0
    while offset is not None:
        query = urlencode({"limit": _PAGE, "offset": offset, "results": "false"})
        answer = api.asked("GET", f"{url}/api/distance/jobs?{query}")
        if answer.status != 200:
            raise Unavailable("API", f"status {answer.status}")
        page = answer.json()
        yield from page["jobs"]
        offset = page["next_offset"]
