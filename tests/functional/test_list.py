"""GET /api/distance/jobs and GET /api/distance/stats."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.calculate.sweep.compaction import Compaction
from functions.list.handler import service
from shared.job_index.markers import entry_of, write_marker
from shared.models import Record, Status
from tests.builders import record
from tests.fakes import NOW, MemoryBucket, outage
from tests.functional.harness import service_client

PATH = "/api/distance/jobs"


def job(number: int, **changes: Any) -> Record:
    status = list(Status)[number % 4]
    fields = {
        "job_id": f"019bfa00-0000-7000-8000-{number:012x}",
        "queued_at": NOW + timedelta(milliseconds=number),
        "status": status,
        "completed_at": NOW + timedelta(seconds=number) if status.is_finished else None,
        "date": date(2026, 1, 20 + number % 3),
        "device_id": ["", "garmin", "iphone_stuart"][number % 3],
    }
    return record(**(fields | changes))


def bucket_with(count: int) -> MemoryBucket:
    bucket = MemoryBucket()
    for number in range(count):
        write_marker(bucket, entry_of(job(number)))
    return bucket


@pytest.fixture
def bucket() -> MemoryBucket:
    return bucket_with(120)


@pytest.fixture
def client(bucket: MemoryBucket) -> FlaskClient:
    return service_client(lambda: service(bucket, {}))


def page(client: FlaskClient, **query: object) -> dict[str, Any]:
    response = client.get(PATH, query_string=query)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = json.loads(response.data)
    assert body["trace_id"] == response.headers["X-Trace-Id"]
    return body


def test_page_has_the_newest_jobs_and_the_total_count(client: FlaskClient) -> None:
    body = page(client)
    assert list(body) == ["jobs", "total_count", "limit", "offset", "next_offset", "trace_id"]
    assert (body["total_count"], body["limit"], body["offset"], body["next_offset"]) == (120, 50, 0, 50)
    assert [int(shown["job_id"][-4:], 16) for shown in body["jobs"]] == list(range(119, 69, -1))


def test_job_has_the_documented_fields(client: FlaskClient) -> None:
    completed, queued = (
        page(client, status="completed", limit=1)["jobs"],
        page(client, status="queued", limit=1)["jobs"],
    )
    assert completed == [
        {
            "job_id": "019bfa00-0000-7000-8000-000000000076",
            "status": "completed",
            "date": "2026-01-21",
            "device_id": "garmin",
            "queued_at": "2026-01-26T12:00:00.463Z",
            "completed_at": "2026-01-26T12:01:58.345Z",
        }
    ]
    assert "completed_at" not in queued[0]


def test_filters_are_combined_and_apply_to_the_count(client: FlaskClient) -> None:
    body = page(client, status="failed", date="2026-01-20", device_id="", limit=500)
    expected = [number for number in range(120) if number % 4 == 3 and number % 3 == 0]
    assert body["total_count"] == len(expected)
    assert [int(shown["job_id"][-4:], 16) for shown in body["jobs"]] == expected[::-1]


def test_empty_filter_is_ignored(client: FlaskClient) -> None:
    assert page(client, status="", device_id="", date="")["total_count"] == 120


def test_unknown_parameter_is_ignored(client: FlaskClient) -> None:
    assert client.get(f"{PATH}?order=x&order=y").status_code == 200


@pytest.mark.parametrize(
    ("offset", "next_offset", "shown"),
    [(0, 50, 50), (100, None, 20), (119, None, 1), (120, None, 0), (10**17, None, 0)],
)
def test_next_offset_is_null_at_the_end(client: FlaskClient, offset: int, next_offset: int | None, shown: int) -> None:
    body = page(client, offset=offset)
    assert (body["next_offset"], len(body["jobs"])) == (next_offset, shown)


def test_paging_while_jobs_arrive_skips_none(client: FlaskClient, bucket: MemoryBucket) -> None:
    job_ids: set[str] = set()
    offset: int | None = 0
    while offset is not None:
        body = page(client, limit=7, offset=offset)
        job_ids |= {shown["job_id"] for shown in body["jobs"]}
        offset = body["next_offset"]
        write_marker(bucket, entry_of(job(1000 + len(job_ids))))
    assert job_ids >= {job(number).job_id for number in range(120)}


@pytest.mark.parametrize(
    ("query", "message", "field"),
    [
        ("limit=x", "limit and offset must be integers", "limit"),
        ("limit=", "limit and offset must be integers", "limit"),
        ("limit=1.0", "limit and offset must be integers", "limit"),
        ("limit=%2B5", "limit and offset must be integers", "limit"),
        ("limit=1_0", "limit and offset must be integers", "limit"),
        ("limit=%D9%A3", "limit and offset must be integers", "limit"),
        ("offset=" + "9" * 5000, "limit and offset must be integers", "offset"),
        ("offset=%20", "limit and offset must be integers", "offset"),
        ("limit=0", "limit must be between 1 and 500", "limit"),
        ("limit=501", "limit must be between 1 and 500", "limit"),
        ("limit=-1", "limit must be between 1 and 500", "limit"),
        ("offset=-1", "offset must be non-negative", "offset"),
        ("status=done", "status must be one of: queued, processing, completed, failed", "status"),
        ("status=Queued", "status must be one of: queued, processing, completed, failed", "status"),
        ("date=2026-1-25", "Invalid date format. Expected YYYY-MM-DD", "date"),
        ("date=2026-02-30", "Invalid date format. Expected YYYY-MM-DD", "date"),
        ("results=yes", "results must be true or false", "results"),
        ("results=", "results must be true or false", "results"),
        ("results=True", "results must be true or false", "results"),
    ],
)
def test_invalid_parameter_returns_400_with_its_message(
    client: FlaskClient, query: str, message: str, field: str
) -> None:
    response = client.get(f"{PATH}?{query}")
    error = json.loads(response.data)["error"]
    assert (response.status_code, error["code"], error["message"]) == (400, "VALIDATION_ERROR", message)
    assert error["details"]["field"] == field


@pytest.mark.parametrize("name", ["status", "date", "device_id", "limit", "offset", "results"])
def test_repeated_parameter_returns_400(client: FlaskClient, name: str) -> None:
    assert client.get(f"{PATH}?{name}=&{name}=").status_code == 400


@pytest.mark.parametrize("device_id", ["a..b", "a/b", "a" * 101, "ü"])
def test_malformed_device_id_returns_400(client: FlaskClient, device_id: str) -> None:
    response = client.get(PATH, query_string={"device_id": device_id})
    assert (response.status_code, json.loads(response.data)["error"]["details"]["field"]) == (400, "device_id")


def test_unavailable_storage_returns_503(client: FlaskClient, bucket: MemoryBucket) -> None:
    with outage(bucket):
        assert client.get(PATH).status_code == 503


@pytest.mark.parametrize("compacted", [False, True])
def test_ten_thousand_jobs_are_listed_without_reading_records(compacted: bool) -> None:
    bucket = bucket_with(10_000)
    if compacted:
        compaction = Compaction(bucket, sealed_rows=1_000)
        compaction.commit(dict(compaction.log.entries))
    client = service_client(lambda: service(bucket, {}))
    bucket.requests.clear()
    body = page(client, limit=500, offset=9_600, results="false")
    assert (body["total_count"], len(body["jobs"]), body["next_offset"]) == (10_000, 400, None)
    assert page(client, status="completed", results="false")["total_count"] == 2_500
    assert not [key for _, key in bucket.requests if key.startswith("jobs/")]


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(["status", "date", "device_id", "limit", "offset", "results", "x"]), st.text(max_size=20)
    )
)
def test_any_query_returns_200_or_400(client: FlaskClient, query: dict[str, str]) -> None:
    assert client.get(PATH, query_string=query).status_code in (200, 400)


def test_stats_count_jobs_by_state(client: FlaskClient) -> None:
    response = client.get("/api/distance/stats")
    assert response.status_code == 200
    counts = {**response.json, "trace_id": ""} if response.json else {}
    assert counts == {"queued": 30, "processing": 30, "completed": 30, "failed": 30, "total": 120, "trace_id": ""}
