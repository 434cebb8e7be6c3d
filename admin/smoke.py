"""A smoke test: one job through every function of an installation, deleted at the end, and the page."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import urllib3

from admin.api import ApiClient
from shared.errors import Unavailable

_JOB_TIMEOUT_SECONDS = 240  # includes a sweep that republishes an event which the broker lost
_POLL_SECONDS = 1
_NO_FIXES = "NO_DATA"  # a success for this test: the job passed through every function

Report = Callable[[str, str], None]


@dataclass(frozen=True)
class Services:
    """Base URLs of the four functions that callers use."""

    submit: str
    status: str
    list: str
    web: str

    @classmethod
    def in_namespace(cls, namespace: str) -> "Services":
        """Return the URLs within the cluster that this process runs in."""
        return cls(*(f"http://distance-{name}.{namespace}" for name in ("submit", "status", "list", "web")))

    @classmethod
    def behind_gateway(cls, url: str) -> "Services":
        return cls(url, url, url, url)


def run_smoke_test(api: ApiClient, services: Services, day: date, device_id: str, report: Report) -> None:
    """Submit a job, wait for it, find it in the list, download its CSV, delete it, and load the page.

    Raises Unavailable if one of these fails.

    A presigned URL that is unreachable from here is reported and is not a failure: it may be for browsers only.
    """
    idempotency_key = f"smoke-test-{time.time_ns()}"
    request = {"date": day.isoformat(), "device_id": device_id}
    url = f"{services.submit}/api/distance/calculate"
    submitted = _json(api.request("POST", url, json=request, headers={"Idempotency-Key": idempotency_key}), 202)
    job_url = f"{services.status}/api/distance/jobs/{submitted['job_id']}"
    report("submitted", submitted["job_id"])
    try:
        job = _wait_for_end(api, job_url)
        outcome = job.get("error_code") or f"{job['result']['total_locations']} fixes"
        report("ended", f"{job['status']}, {outcome}")
        if job["status"] == "failed" and outcome != _NO_FIXES:
            raise Unavailable("calculate", outcome)
        url = f"{services.list}/api/distance/jobs?date={day}&device_id={device_id}&limit=500&results=false"
        page = _json(api.request("GET", url), 200)
        if submitted["job_id"] not in [item["job_id"] for item in page["jobs"]]:
            raise Unavailable("list", "the job is missing")
        report("listed", f"one of {page['total_count']}")
        if job["status"] == "completed":
            report("downloaded", _download_csv(job["result"]))
    finally:
        response = api.request("DELETE", job_url)
        report("deleted", "yes" if response.status == 204 else f"no, status {response.status}")
    report("page", _load_page(api, services.web))


def _wait_for_end(api: ApiClient, url: str) -> dict[str, Any]:
    deadline = time.monotonic() + _JOB_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        job = _json(api.request("GET", url), 200)
        if job["status"] in ("completed", "failed"):
            return job
        time.sleep(_POLL_SECONDS)
    raise Unavailable("calculate", f"the job is still {job['status']}")


def _download_csv(result: Mapping[str, Any]) -> str:
    http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=5, read=60), retries=False)
    try:
        response = http.request("GET", result["csv_download_url"])
    except urllib3.exceptions.HTTPError as exc:
        return f"no, S3_PUBLIC_ENDPOINT_URL is unreachable from here ({type(exc).__name__})"
    if response.status != 200 or len(response.data) != result["csv_size_bytes"]:
        raise Unavailable("the CSV", f"status {response.status}, {len(response.data)} bytes")
    if hashlib.sha256(response.data).hexdigest() != result["csv_sha256"]:
        raise Unavailable("the CSV", "its SHA-256 differs from csv_sha256")
    return f"{len(response.data)} bytes"


def _load_page(api: ApiClient, url: str) -> str:
    response = api.request("GET", f"{url}/")
    if response.status != 200 or not response.headers.get("Content-Type", "").startswith("text/html"):
        raise Unavailable("the page", f"status {response.status}")
    return f"{len(response.data)} bytes"


def _json(response: urllib3.BaseHTTPResponse, status: int) -> dict[str, Any]:
    if response.status != status:
        raise Unavailable("the functions", f"status {response.status} instead of {status}")
    content: dict[str, Any] = response.json()
    return content
