"""GET /api/distance/jobs, sentence by sentence of the contract."""

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
from tests.fakes import NOW, MemoryBucket, away
from tests.functional.harness import served

PATH = "/api/distance/jobs"


def job(number: int, **changes: Any) -> Record:
    status = list(Status)[number % 4]
    said = {
        "job_id": f"019bfa00-0000-7000-8000-{number:012x}",
        "queued_at": NOW + timedelta(milliseconds=number),
        "status": status,
        "completed_at": NOW + timedelta(seconds=number) if status.finished else None,
        "date": date(2026, 1, 20 + number % 3),
        "device_id": ["", "garmin", "iphone_stuart"][number % 3],
    }
    return record(**(said | changes))


def filled(count: int) -> MemoryBucket:
    bucket = MemoryBucket()
    for number in range(count):
        write_marker(bucket, entry_of(job(number)))
    return bucket


@pytest.fixture
def bucket() -> MemoryBucket:
    return filled(120)


@pytest.fixture
def client(bucket: MemoryBucket) -> FlaskClient:
    return served(lambda: service(bucket, {}))


def page(client: FlaskClient, **query: object) -> dict[str, Any]:
    answer = client.get(PATH, query_string=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = json.loads(answer.data)
    assert body["trace_id"] == answer.headers["X-Trace-Id"]
    return body


def test_a_page_is_the_newest_jobs_and_the_count_of_all(client: FlaskClient) -> None:
    body = page(client)
    assert list(body) == ["jobs", "total_count", "limit", "offset", "next_offset", "trace_id"]
    assert (body["total_count"], body["limit"], body["offset"], body["next_offset"]) == (120, 50, 0, 50)
    assert [int(shown["job_id"][-4:], 16) for shown in body["jobs"]] == list(range(119, 69, -1))


def test_a_job_shows_what_the_contract_lists(client: FlaskClient) -> None:
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


def test_filters_meet_and_the_count_is_theirs(client: FlaskClient) -> None:
    body = page(client, status="failed", date="2026-01-20", device_id="", limit=500)
    wanted = [number for number in range(120) if number % 4 == 3 and number % 3 == 0]
    assert body["total_count"] == len(wanted)
    assert [int(shown["job_id"][-4:], 16) for shown in body["jobs"]] == wanted[::-1]


def test_an_empty_filter_is_none(client: FlaskClient) -> None:
    assert page(client, status="", device_id="", date="")["total_count"] == 120


def test_an_unknown_parameter_is_ignored_even_twice(client: FlaskClient) -> None:
    assert client.get(f"{PATH}?order=x&order=y").status_code == 200


@pytest.mark.parametrize(
    ("offset", "next_offset", "shown"),
    [(0, 50, 50), (100, None, 20), (119, None, 1), (120, None, 0), (10**17, None, 0)],
)
def test_next_offset_is_null_at_the_end(client: FlaskClient, offset: int, next_offset: int | None, shown: int) -> None:
    body = page(client, offset=offset)
    assert (body["next_offset"], len(body["jobs"])) == (next_offset, shown)


def test_walking_while_jobs_arrive_leaves_none_out(client: FlaskClient, bucket: MemoryBucket) -> None:
    seen: set[str] = set()
    offset: int | None = 0
    while offset is not None:
        body = page(client, limit=7, offset=offset)
        seen |= {shown["job_id"] for shown in body["jobs"]}
        offset = body["next_offset"]
        write_marker(bucket, entry_of(job(1000 + len(seen))))
    assert seen >= {job(number).job_id for number in range(120)}


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
def test_the_texts_of_the_contract(client: FlaskClient, query: str, message: str, field: str) -> None:
    answer = client.get(f"{PATH}?{query}")
    error = json.loads(answer.data)["error"]
    assert (answer.status_code, error["code"], error["message"]) == (400, "VALIDATION_ERROR", message)
    assert error["details"]["field"] == field


@pytest.mark.parametrize("name", ["status", "date", "device_id", "limit", "offset", "results"])
def test_a_parameter_given_twice_is_400(client: FlaskClient, name: str) -> None:
    assert client.get(f"{PATH}?{name}=&{name}=").status_code == 400


@pytest.mark.parametrize("device_id", ["a..b", "a/b", "a" * 101, "ü"])
def test_a_malformed_device_id_is_400(client: FlaskClient, device_id: str) -> None:
    answer = client.get(PATH, query_string={"device_id": device_id})
    assert (answer.status_code, json.loads(answer.data)["error"]["details"]["field"]) == (400, "device_id")


def test_storage_that_is_away_is_503(client: FlaskClient, bucket: MemoryBucket) -> None:
    with away(bucket):
        assert client.get(PATH).status_code == 503


@pytest.mark.parametrize("folded", [False, True])
def test_ten_thousand_jobs_are_counted_and_paged_without_a_look_at_one(folded: bool) -> None:
    bucket = filled(10_000)
    if folded:
        fold = Compaction(bucket, sealed_rows=1_000)
        fold.commit(dict(fold.tail.entries))
    client = served(lambda: service(bucket, {}))
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
def test_whatever_is_asked_is_a_page_or_refused(client: FlaskClient, query: dict[str, str]) -> None:
    assert client.get(PATH, query_string=query).status_code in (200, 400)


def test_jobs_are_counted_by_state(client: FlaskClient) -> None:
    answer = client.get("/api/distance/stats")
    assert answer.status_code == 200
    told = {**answer.json, "trace_id": ""} if answer.json else {}
    assert told == {"queued": 30, "processing": 30, "completed": 30, "failed": 30, "total": 120, "trace_id": ""}
