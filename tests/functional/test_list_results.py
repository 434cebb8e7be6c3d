"""Results in the rows of GET /api/distance/jobs."""

import json
import logging
import threading
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.list.handler import service
from functions.list.results import ResultReader
from shared.errors import Unavailable
from shared.job_index.markers import entry_of, position_of, write_marker
from shared.jobs.store import JobStore
from shared.models import Record
from shared.telemetry import spans
from tests.builders import TRACE_ID, TRACEPARENT, record, result
from tests.fakes import NOW, Clock, MemoryBucket
from tests.functional.harness import service_client
from tests.telemetry_capture import capture_telemetry

PATH = "/api/distance/jobs"
NO_DATA = ("NO_DATA", "No location data found for date 2026-01-25")


class World:
    """Finished jobs in a bucket, and a list function for it."""

    def __init__(self, **options: Any) -> None:
        self.bucket, self.clock = MemoryBucket(), Clock()
        self.jobs = JobStore(self.bucket, self.clock)
        self.results = ResultReader(JobStore(self.bucket), **options)
        self.client: FlaskClient = service_client(lambda: service(self.bucket, {}, results=self.results))

    def job(self, number: int, *, failed: bool = False) -> Record:
        job_id = f"019bfa00-0000-7000-8000-{number:012x}"
        self.jobs.create(record(job_id=job_id, queued_at=NOW + timedelta(milliseconds=number)))
        claim = self.jobs.claim(job_id)
        if failed:
            return self.jobs.fail(claim, *NO_DATA)
        return self.jobs.complete(claim, result(total_locations=number))

    def rows(self, **query: object) -> list[dict[str, Any]]:
        response = self.client.get(PATH, query_string=query, headers={"traceparent": TRACEPARENT})
        assert response.status_code == 200, response.text
        jobs: list[dict[str, Any]] = json.loads(response.data)["jobs"]
        return jobs

    def read_keys(self) -> list[str]:
        """Return the keys of the records that were read since the last call."""
        keys = [key for name, key in self.bucket.requests if name == "get" and key.startswith("jobs/")]
        self.bucket.requests.clear()
        return keys

    def refuse(self, prefix: str, cause: str = "AccessDenied") -> None:
        def before(name: str, key: str) -> None:
            if key.startswith(prefix):
                raise Unavailable("storage", cause)

        self.bucket.before = before


@pytest.fixture
def world() -> World:
    return World()


def warnings(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(line.message, vars(line).get("cause", "")) for line in caplog.records if line.levelno >= logging.WARNING]


def test_completed_job_has_its_result_without_url(world: World) -> None:
    completed = world.job(7).result
    assert completed
    expected = completed.summary()
    expected["csv_download_path"] = f"/api/distance/download/{expected['csv_path'].rsplit('/', 1)[1]}"
    (row,) = world.rows()
    assert row["result"] == expected
    assert row["result"]["total_locations"] == 7
    assert "csv_download_url" not in row["result"]
    assert "error_code" not in row


def test_analysis_is_not_in_rows_and_the_cache_has_neither_trips_nor_gaps(world: World) -> None:
    completed = world.job(1)
    assert completed.result
    assert completed.result.analysis
    for _ in range(2):
        assert "analysis" not in world.rows()[0]["result"]
    (outcome,) = world.results._cache.values()
    assert "analysis" not in outcome.fields["result"]
    assert outcome.analysis
    assert '"trips"' not in outcome.analysis
    assert '"gaps"' not in outcome.analysis
    assert len(outcome.analysis) < 1_000


def test_failed_job_has_its_error_and_no_result(world: World) -> None:
    world.job(1, failed=True)
    (row,) = world.rows()
    assert (row["error_code"], row["error_message"]) == NO_DATA
    assert "result" not in row


def test_record_of_an_unfinished_job_is_not_read(world: World) -> None:
    world.jobs.create(record())
    world.read_keys()
    (row,) = world.rows()
    assert not {"result", "error_code", "error_message"} & set(row)
    assert world.read_keys() == []


def test_missing_result_field_is_null(world: World) -> None:
    world.jobs.create(record())
    world.jobs.complete(world.jobs.claim(record().job_id), result(worker_version=None, csv_sha256=None))
    (row,) = world.rows()
    assert (row["result"]["worker_version"], row["result"]["csv_sha256"]) == (None, None)


def test_results_can_be_left_out(world: World) -> None:
    world.job(1)
    world.read_keys()
    assert "result" in world.rows(results="true")[0]
    world.read_keys()
    assert "result" not in world.rows(results="false")[0]
    assert world.read_keys() == []


def test_record_is_read_once(world: World) -> None:
    jobs = [world.job(number) for number in range(30)]
    world.read_keys()
    first = world.rows(limit=20)
    assert sorted(world.read_keys()) == sorted(f"jobs/{job.job_id}.json" for job in jobs[10:])
    assert world.rows(limit=20) == first
    assert world.read_keys() == []
    world.rows(limit=20, offset=15)
    assert len(world.read_keys()) == 10


def test_cache_is_bounded_and_evicts_the_least_recently_used() -> None:
    world = World(cache_size=3)
    for number in range(4):
        world.job(number)
    world.rows(limit=3)
    world.rows(limit=1)  # the newest becomes the most recently used
    world.read_keys()
    world.rows(limit=1, offset=3)
    world.read_keys()
    assert "result" in world.rows(limit=1)[0]
    assert world.read_keys() == []
    world.rows(limit=3)
    assert len(world.read_keys()) == 1


def test_result_of_a_later_job_with_the_same_id_is_not_shown(world: World) -> None:
    job = world.job(1)
    world.bucket.delete_many([key for key in world.bucket.objects if key.startswith("t/")])
    write_marker(world.bucket, entry_of(job.copy_with(queued_at=job.queued_at - timedelta(hours=1))))
    (row,) = world.rows()
    assert "result" not in row


def test_recreated_job_shows_its_own_result(world: World) -> None:
    job = world.job(1)
    assert world.rows()[0]["result"]["total_locations"] == 1
    world.jobs.mark_deleted(position_of(job))
    world.jobs.replace_with_tombstone(position_of(job))
    world.jobs.create(record(job_id=job.job_id, queued_at=NOW + timedelta(hours=1)), replace_deleted=True)
    world.jobs.complete(world.jobs.claim(job.job_id), result(total_locations=2))
    assert [row["result"]["total_locations"] for row in world.rows()] == [2]


@pytest.mark.parametrize("body", [None, b"{}", b"\xff"])
def test_missing_or_corrupt_record_gives_a_row_without_result(world: World, body: bytes | None) -> None:
    missing, present = world.job(1), world.job(2)
    key = f"jobs/{missing.job_id}.json"
    world.bucket.delete(key)
    if body is not None:
        world.bucket.put(key, body)
    assert [(row["job_id"], "result" in row) for row in world.rows()] == [
        (present.job_id, True),
        (missing.job_id, False),
    ]


def test_tombstone_gives_a_row_without_result(world: World) -> None:
    job = world.job(1)
    world.jobs.replace_with_tombstone(position_of(job))
    assert "result" not in world.rows()[0]


def test_missing_read_permission_is_logged_once_and_the_list_works(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(50):
        world.job(number)
    world.refuse("jobs/")
    world.read_keys()
    rows = world.rows()
    assert len(rows) == 50
    assert not any("result" in row for row in rows)
    assert warnings(caplog) == [("failed to read job results", "AccessDenied")]
    world.bucket.before = lambda name, key: None
    assert all("result" in row for row in world.rows())


def test_no_record_is_read_after_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    world = World(max_concurrency=1)
    jobs = [world.job(number) for number in range(10)]
    world.refuse(f"jobs/{jobs[6].job_id}")
    world.read_keys()
    rows = world.rows()
    assert [("result" in row) for row in rows] == [True] * 3 + [False] * 7
    assert len(world.read_keys()) == 4
    assert len(warnings(caplog)) == 1


def test_eight_records_are_read_concurrently(world: World) -> None:
    for number in range(8):
        world.job(number)
    barrier = threading.Barrier(8, timeout=5)

    def before(name: str, key: str) -> None:
        if key.startswith("jobs/"):
            barrier.wait()

    world.bucket.before = before
    assert all("result" in row for row in world.rows())


def test_page_does_not_wait_for_a_hanging_record(caplog: pytest.LogCaptureFixture) -> None:
    world = World(timeout_seconds=2)
    jobs = [world.job(number) for number in range(3)]
    release, released = threading.Event(), threading.Event()

    def before(name: str, key: str) -> None:
        if key == f"jobs/{jobs[1].job_id}.json":
            release.wait(60)
            released.set()

    world.bucket.before = before
    rows = world.rows()
    assert not released.is_set()
    release.set()
    assert [("result" in row) for row in rows] == [True, False, True]
    assert warnings(caplog) == [("failed to read job results", "slow")]


def test_records_are_read_in_the_trace_of_the_request(world: World) -> None:
    world.job(1)
    trace_ids: list[str] = []

    def before(name: str, key: str) -> None:
        if key.startswith("jobs/"):
            trace_ids.append(spans.current_span().trace.trace_id)

    world.bucket.before = before
    with capture_telemetry():
        world.rows()
    assert trace_ids == [TRACE_ID]
