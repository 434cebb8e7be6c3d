"""GET /api/distance/days, through the whole stack and with a year of jobs on a real S3 server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from benchmarks import completed_jobs
from local.stack import Stack
from shared.config.settings import Settings
from shared.http.page_limits import MAX_DAYS
from tests.integration.fault_proxy import FaultProxy, proxy_to, respond_with_error
from tests.integration.processes import Function, function
from tests.integration.storage_servers import admin_of, bucket_of, running
from tests.integration.whole_stack import Response, send_request, submit, wait_for_end

YEAR = {"device_id": completed_jobs.DEVICE, "from": "2025-01-25", "to": completed_jobs.LAST_DAY.isoformat()}


def get_days(url: str, **query: str) -> Response:
    return send_request("GET", f"{url}/api/distance/days?{urlencode(query)}")


def run_jobs(stack: Stack, device_id: str, *dates: str) -> list[dict[str, Any]]:
    job_ids = [submit(stack, date=date, device_id=device_id) for date in dates]
    return [wait_for_end(stack, job_id) for job_id in job_ids]


def test_days_equal_their_newest_completed_jobs(stack: Stack) -> None:
    query = {"device_id": "garmin", "from": "2026-01-24", "to": "2026-01-26"}
    jobs = run_jobs(stack, "garmin", "2026-01-25", "2026-01-24", "2026-01-26")
    assert [job["status"] for job in jobs] == ["completed", "completed", "failed"]  # the last one has no fixes
    rows = get_days(stack.url, **query).json["days"]
    assert [row["job_id"] for row in rows] == [jobs[1]["job_id"], jobs[0]["job_id"]]
    for row, job in zip(rows, (jobs[1], jobs[0]), strict=True):
        assert row["date"] == job["date"]
        (device,) = job["result"]["analysis"]["devices"]
        assert row["completed_at"] == job["completed_at"]
        assert row["analysis"] == {name: value for name, value in device.items() if name not in ("trips", "gaps")}
        assert row["result"].items() <= job["result"].items()
        assert {"max_distance_km", "away_minutes", "path_length_km"} <= row["result"].keys()
    (again,) = run_jobs(stack, "garmin", "2026-01-25")

    def newest() -> str:
        row = get_days(stack.url, **query).json["days"][-1]
        return str(row["job_id"])

    assert newest() == again["job_id"]
    assert send_request("DELETE", f"{stack.url}/api/distance/jobs/{again['job_id']}").status == 204
    assert newest() == jobs[0]["job_id"]


def test_jobs_of_all_devices_are_separate_and_have_no_analysis(stack: Stack) -> None:
    (job,) = run_jobs(stack, "", "2026-01-22")
    (row,) = get_days(stack.url, **{"from": "2026-01-22", "to": "2026-01-22"}).json["days"]
    assert (row["job_id"], row["analysis"]) == (job["job_id"], None)
    assert row["result"]["total_locations"] == job["result"]["total_locations"]


def test_invalid_range_is_rejected_through_the_gateway(stack: Stack) -> None:
    response = get_days(stack.url, **{"from": "2026-01-02", "to": "2026-01-01"})
    assert (response.status, response.json["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert response.headers["x-trace-id"] == response.json["trace_id"]


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Run an S3 server with a completed job for each of MAX_DAYS days."""
    with running("SeaweedFS", tmp_path_factory.mktemp("s3")) as settings:
        with bucket_of(settings, settings.JOBS_BUCKET) as bucket:
            completed_jobs.store(bucket, MAX_DAYS)
        yield settings


@pytest.fixture
def proxy(year: Settings) -> Iterator[FaultProxy]:
    with proxy_to(year.AWS_ENDPOINT_URL_S3 or "") as proxy:
        yield proxy


@pytest.fixture
def listing(year: Settings, proxy: FaultProxy, tmp_path: Path) -> Iterator[Function]:
    """Run the function list with the S3 server behind the proxy."""
    keys = dict(zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), admin_of(year), strict=True))
    with function("list", {**keys, "AWS_ENDPOINT_URL_S3": proxy.url}, tmp_path / "log") as running_list:
        yield running_list


def count_record_reads(proxy: FaultProxy) -> int:
    """Return the number of records that were read since the last call."""
    requests, proxy.requests = proxy.requests, []
    return sum("/jobs/" in request.path for request in requests)


def test_records_of_a_year_are_read_once_for_days_and_pages(listing: Function, proxy: FaultProxy) -> None:
    rows = get_days(listing.url, **YEAR).json["days"]
    assert len(rows) == MAX_DAYS
    assert [row["date"] for row in rows] == sorted({row["date"] for row in rows})
    assert (rows[0]["date"], rows[-1]["date"]) == (YEAR["from"], YEAR["to"])
    assert all(row["analysis"]["trip_count"] and "trips" not in row["analysis"] for row in rows)
    assert count_record_reads(proxy) == MAX_DAYS
    page = send_request("GET", f"{listing.url}/api/distance/jobs?limit=500").json["jobs"]
    assert sum("result" in job for job in page) == MAX_DAYS
    assert get_days(listing.url, **YEAR).json["days"] == rows
    assert count_record_reads(proxy) == 0


def test_a_refused_record_is_503_until_it_can_be_read(listing: Function, proxy: FaultProxy) -> None:
    proxy.inject(lambda request: "/jobs/" in request.path, respond_with_error(403, "AccessDenied"))
    response = get_days(listing.url, **YEAR)
    assert (response.status, response.json["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert int(response.headers["retry-after"]) > 0
    assert len(get_days(listing.url, **YEAR).json["days"]) == MAX_DAYS
