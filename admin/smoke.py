"""One job through every function of an installation, and nothing of it left behind."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import urllib3

from admin.api import Api
from shared.errors import Unavailable

_ENDS_WITHIN_SECONDS = 240  # a sweep that asks again for what the broker has lost included
_LOOK_SECONDS = 1
_NO_FIXES = "NO_DATA"  # an end like any other: the way through every part is what is tested

Say = Callable[[str, str], None]


@dataclass(frozen=True)
class Services:
    """Where the three functions that answer callers are, as base URLs."""

    submit: str
    status: str
    list: str

    @classmethod
    def of_namespace(cls, namespace: str) -> "Services":
        """Those of a namespace of the cluster that this runs in."""
        return cls(*(f"http://distance-{name}.{namespace}" for name in ("submit", "status", "list")))

    @classmethod
    def at(cls, url: str) -> "Services":
        """Those behind one gateway."""
        return cls(url, url, url)


def smoke(api: Api, services: Services, day: date, device_id: str, say: Say) -> None:
    """Submit, follow, list, download and delete a job of `day`; Unavailable names the first thing that is not right.

    A CSV whose address can't be reached from here is told and no failure: it is there for browsers.
    """
    key = f"smoke-test-{time.time_ns()}"  # a retry is the same job
    wanted = {"date": day.isoformat(), "device_id": device_id}
    url = f"{services.submit}/api/distance/calculate"
    submitted = _json(api.asked("POST", url, json=wanted, headers={"Idempotency-Key": key}), 202)
    job = f"{services.status}/api/distance/jobs/{submitted['job_id']}"
    say("submitted", submitted["job_id"])
    try:
        ended = _ended(api, job)
        found = ended.get("error_code") or f"{ended['result']['total_locations']} fixes"
        say("ended", f"{ended['status']}, {found}")
        if ended["status"] == "failed" and found != _NO_FIXES:
            raise Unavailable("calculate", found)
        url = f"{services.list}/api/distance/jobs?date={day}&device_id={device_id}&limit=500&results=false"
        page = _json(api.asked("GET", url), 200)
        if submitted["job_id"] not in [listed["job_id"] for listed in page["jobs"]]:
            raise Unavailable("list", "the job is not in it")
        say("listed", f"one of {page['total_count']}")
        if ended["status"] == "completed":
            say("its CSV", _downloaded(ended["result"]))
    finally:
        answer = api.asked("DELETE", job)
        say("deleted", "yes" if answer.status == 204 else f"no, status {answer.status}")


def _ended(api: Api, url: str) -> dict[str, Any]:
    deadline = time.monotonic() + _ENDS_WITHIN_SECONDS
    while time.monotonic() < deadline:
        job = _json(api.asked("GET", url), 200)
        if job["status"] in ("completed", "failed"):
            return job
        time.sleep(_LOOK_SECONDS)
    raise Unavailable("calculate", f"the job is still {job['status']}")


def _downloaded(result: Mapping[str, Any]) -> str:
    once = urllib3.PoolManager(timeout=urllib3.Timeout(connect=5, read=60), retries=False)
    try:
        answer = once.request("GET", result["csv_download_url"])
    except urllib3.exceptions.HTTPError as exc:
        return f"can't be reached from here ({type(exc).__name__}): S3_PUBLIC_ENDPOINT_URL is for browsers"
    if answer.status != 200 or len(answer.data) != result["csv_size_bytes"]:
        raise Unavailable("the CSV", f"status {answer.status}, {len(answer.data)} bytes")
    if hashlib.sha256(answer.data).hexdigest() != result["csv_sha256"]:
        raise Unavailable("the CSV", "its SHA-256 is not csv_sha256")
    return f"{len(answer.data)} bytes"


def _json(answer: urllib3.BaseHTTPResponse, status: int) -> dict[str, Any]:
    if answer.status != status:
        raise Unavailable("the functions", f"status {answer.status} in place of {status}")
    content: dict[str, Any] = answer.json()
    return content
