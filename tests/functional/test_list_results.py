"""What jobs came to, in the rows of GET /api/distance/jobs."""

import json
import logging
import threading
import time
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
from tests.functional.harness import served
from tests.watched import watched

PATH = "/api/distance/jobs"
NO_DATA = ("NO_DATA", "No location data found for date 2026-01-25")


class World:
    """Finished jobs in a bucket, and the list over it."""

    def __init__(self, **bounds: Any) -> None:
        self.bucket, self.clock = MemoryBucket(), Clock()
        self.jobs = JobStore(self.bucket, self.clock)
        results = ResultReader(JobStore(self.bucket), **bounds)
        self.client: FlaskClient = served(lambda: service(self.bucket, {}, results=results))

    def job(self, number: int, *, failed: bool = False) -> Record:
        job_id = f"019bfa00-0000-7000-8000-{number:012x}"
        self.jobs.create(record(job_id=job_id, queued_at=NOW + timedelta(milliseconds=number)))
        claim = self.jobs.claim(job_id)
        if failed:
            return self.jobs.fail(claim, *NO_DATA)
        return self.jobs.complete(claim, result(total_locations=number))

    def rows(self, **query: object) -> list[dict[str, Any]]:
        answer = self.client.get(PATH, query_string=query, headers={"traceparent": TRACEPARENT})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = json.loads(answer.data)["jobs"]
        return found

    def read(self) -> list[str]:
        """The records that were asked for since the last call."""
        found = [key for name, key in self.bucket.requests if name == "get" and key.startswith("jobs/")]
        self.bucket.requests.clear()
        return found

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


def test_a_completed_job_has_its_numbers_and_no_url(world: World) -> None:
    said = world.job(7).model_dump(mode="json")["result"]
    said["csv_download_path"] = f"/api/distance/download/{said['csv_path'].rsplit('/', 1)[1]}"
    (row,) = world.rows()
    assert row["result"] == said
    assert row["result"]["total_locations"] == 7
    assert "csv_download_url" not in row["result"]
    assert "error_code" not in row


def test_a_failed_job_has_its_reason_and_no_result(world: World) -> None:
    world.job(1, failed=True)
    (row,) = world.rows()
    assert (row["error_code"], row["error_message"]) == NO_DATA
    assert "result" not in row


def test_a_job_that_goes_on_costs_no_look_at_its_record(world: World) -> None:
    world.jobs.create(record())
    world.read()
    (row,) = world.rows()
    assert not {"result", "error_code", "error_message"} & set(row)
    assert world.read() == []


def test_an_early_record_has_a_null_for_what_it_lacks(world: World) -> None:
    world.jobs.create(record())
    world.jobs.complete(world.jobs.claim(record().job_id), result(worker_version=None, csv_sha256=None))
    (row,) = world.rows()
    assert (row["result"]["worker_version"], row["result"]["csv_sha256"]) == (None, None)


def test_results_can_be_left_out(world: World) -> None:
    world.job(1)
    world.read()
    assert "result" in world.rows(results="true")[0]
    world.read()
    assert "result" not in world.rows(results="false")[0]
    assert world.read() == []


def test_a_record_is_read_once(world: World) -> None:
    made = [world.job(number) for number in range(30)]
    world.read()
    first = world.rows(limit=20)
    assert sorted(world.read()) == sorted(f"jobs/{one.job_id}.json" for one in made[10:])
    assert world.rows(limit=20) == first
    assert world.read() == []
    world.rows(limit=20, offset=15)
    assert len(world.read()) == 10


def test_what_is_kept_is_bounded_and_the_latest_stays() -> None:
    world = World(most_kept=3)
    for number in range(4):
        world.job(number)
    world.rows(limit=3)
    world.rows(limit=1)  # the newest is wanted again: the others are older
    world.read()
    world.rows(limit=1, offset=3)
    world.read()
    assert "result" in world.rows(limit=1)[0]
    assert world.read() == []
    world.rows(limit=3)
    assert len(world.read()) == 1


def test_the_result_of_a_later_job_of_the_same_id_is_not_shown_as_this_ones(world: World) -> None:
    job = world.job(1)
    world.bucket.delete_many([key for key in world.bucket.objects if key.startswith("t/")])
    write_marker(world.bucket, entry_of(job.moved(queued_at=job.queued_at - timedelta(hours=1))))
    (row,) = world.rows()
    assert "result" not in row


def test_a_job_that_is_used_again_shows_its_own_result(world: World) -> None:
    job = world.job(1)
    assert world.rows()[0]["result"]["total_locations"] == 1
    world.jobs.mark_deleted(job.job_id)
    world.jobs.replace_with_tombstone(job.job_id, position_of(job))
    world.jobs.create(record(job_id=job.job_id, queued_at=NOW + timedelta(hours=1)), replace_deleted=True)
    world.jobs.complete(world.jobs.claim(job.job_id), result(total_locations=2))
    assert [row["result"]["total_locations"] for row in world.rows()] == [2]


@pytest.mark.parametrize("body", [None, b"{}", b"\xff"])
def test_a_record_that_has_gone_or_is_none_leaves_its_row_without(world: World, body: bytes | None) -> None:
    gone, stays = world.job(1), world.job(2)
    key = f"jobs/{gone.job_id}.json"
    world.bucket.delete(key)
    if body is not None:
        world.bucket.put(key, body)
    assert [(row["job_id"], "result" in row) for row in world.rows()] == [(stays.job_id, True), (gone.job_id, False)]


def test_a_tombstone_is_no_result(world: World) -> None:
    job = world.job(1)
    world.jobs.replace_with_tombstone(job.job_id, position_of(job))
    assert "result" not in world.rows()[0]


def test_without_the_right_to_read_records_the_list_works_and_says_so_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(50):
        world.job(number)
    world.refuse("jobs/")
    world.read()
    rows = world.rows()
    assert len(rows) == 50
    assert not any("result" in row for row in rows)
    assert warnings(caplog) == [("rows without results", "AccessDenied")]
    world.bucket.before = lambda name, key: None
    assert all("result" in row for row in world.rows())


def test_after_the_first_failure_no_further_record_is_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    world = World(at_once=1)
    made = [world.job(number) for number in range(10)]
    world.refuse(f"jobs/{made[6].job_id}")
    world.read()
    rows = world.rows()
    assert [("result" in row) for row in rows] == [True] * 3 + [False] * 7
    assert len(world.read()) == 4
    assert len(warnings(caplog)) == 1


def test_records_are_read_eight_at_a_time(world: World) -> None:
    for number in range(8):
        world.job(number)
    together = threading.Barrier(8, timeout=5)

    def before(name: str, key: str) -> None:
        if key.startswith("jobs/"):
            together.wait()

    world.bucket.before = before
    assert all("result" in row for row in world.rows())


def test_a_page_does_not_wait_for_a_record_that_hangs(caplog: pytest.LogCaptureFixture) -> None:
    world = World(seconds=0.2)
    made = [world.job(number) for number in range(3)]
    hanging = threading.Event()

    def before(name: str, key: str) -> None:
        if key == f"jobs/{made[1].job_id}.json":
            hanging.wait(10)

    world.bucket.before = before
    began = time.monotonic()
    rows = world.rows()
    assert time.monotonic() - began < 5
    hanging.set()
    assert [("result" in row) for row in rows] == [True, False, True]
    assert warnings(caplog) == [("rows without results", "slow")]


def test_records_are_read_in_the_trace_of_the_request(world: World) -> None:
    world.job(1)
    seen: list[str] = []

    def before(name: str, key: str) -> None:
        if key.startswith("jobs/"):
            seen.append(spans.current_span().trace.trace_id)

    world.bucket.before = before
    with watched():
        world.rows()
    assert seen == [TRACE_ID]
