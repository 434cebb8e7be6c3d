"""The records behind the rows of GET /api/distance/days: damaged, deleted, unavailable and cached ones."""

import json
import threading
from collections.abc import Callable

import pytest

from shared.errors import Unavailable
from shared.job_index.markers import position_of
from shared.models import Record
from tests.fakes import outage
from tests.functional.test_days import DEVICE, JANUARY, PATH, World, analysis_of

NO_NUMBERS = {"result": None, "analysis": None}


@pytest.fixture
def world() -> World:
    return World()


def corrupt(body: bytes) -> Callable[[World, Record], None]:
    return lambda world, job: world.bucket.put(f"jobs/{job.job_id}.json", body)


@pytest.mark.parametrize(
    "damage",
    [
        corrupt(b"{}"),
        corrupt(b"\xff"),
        corrupt(b'{"status": "deleted"}'),
        lambda world, job: world.bucket.delete(f"jobs/{job.job_id}.json"),
        lambda world, job: world.jobs.replace_with_tombstone(position_of(job)),
    ],
    ids=["incomplete", "not UTF-8", "corrupt tombstone", "lost", "tombstone"],
)
def test_row_of_an_unreadable_record_has_null_in_place_of_its_numbers(
    world: World, damage: Callable[[World, Record], None]
) -> None:
    world.complete(1, "2026-01-20")
    damaged = world.complete(2, "2026-01-20")
    world.complete(3, "2026-01-21")
    damage(world, damaged)
    first, second = world.days()
    assert (
        first
        == {"date": "2026-01-20", "job_id": damaged.job_id, "completed_at": "2026-01-26T12:00:00.345Z"} | NO_NUMBERS
    )
    assert second["result"]["total_locations"] == 3


def test_job_deleted_between_index_and_record_has_no_numbers(world: World) -> None:
    job = world.complete(1, "2026-01-20")

    def delete_meanwhile(name: str, key: str) -> None:
        if name == "get" and key.startswith("jobs/"):
            world.bucket.before = lambda name, key: None
            world.jobs.mark_deleted(position_of(job))
            world.jobs.replace_with_tombstone(position_of(job))

    world.bucket.before = delete_meanwhile
    (row,) = world.days()
    assert row["job_id"] == job.job_id
    assert {name: row[name] for name in NO_NUMBERS} == NO_NUMBERS
    assert world.days() == []


def test_storage_failure_midway_is_503_and_a_retry_continues() -> None:
    world = World(max_concurrency=1)
    jobs = [world.complete(number, f"2026-01-{number + 1:02}") for number in range(9)]

    def refuse(name: str, key: str) -> None:
        if key == f"jobs/{jobs[6].job_id}.json":
            raise Unavailable("storage", "SlowDown")

    world.bucket.before = refuse
    response = world.client.get(PATH, query_string=JANUARY)
    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert json.loads(response.data)["error"]["code"] == "SERVICE_UNAVAILABLE"
    world.bucket.before = lambda name, key: None
    world.read_keys()
    assert len(world.days()) == 9
    assert world.read_keys() == [f"jobs/{job.job_id}.json" for job in jobs[6:]]


def test_hanging_record_is_503() -> None:
    world = World(timeout_seconds=0.5)
    jobs = [world.complete(number, f"2026-01-2{number}") for number in range(3)]
    release = threading.Event()

    def hang(name: str, key: str) -> None:
        if key == f"jobs/{jobs[1].job_id}.json":
            release.wait(60)

    world.bucket.before = hang
    response = world.client.get(PATH, query_string=JANUARY)
    release.set()
    assert response.status_code == 503


def test_unavailable_index_is_503(world: World) -> None:
    with outage(world.bucket):
        assert world.client.get(PATH, query_string=JANUARY).status_code == 503


@pytest.mark.parametrize("paths", [[PATH, "/api/distance/jobs"], ["/api/distance/jobs", PATH]])
def test_record_is_read_once_for_days_and_pages(world: World, paths: list[str]) -> None:
    for number in range(20):
        world.complete(number, f"2026-01-{number + 1:02}")
    world.read_keys()
    for path, expected in zip([*paths, *paths], (20, 0, 0, 0), strict=True):
        assert world.client.get(path, query_string=JANUARY).json
        assert len(world.read_keys()) == expected


def test_record_of_all_devices_is_read_once_for_each_device(world: World) -> None:
    world.complete(1, "2026-01-20", "", analysis=analysis_of("garmin", DEVICE))
    world.read_keys()
    for device_id, expected in (("garmin", 1), (DEVICE, 1), ("", 1), ("garmin", 0), (DEVICE, 0), ("", 0)):
        (row,) = world.days(device_id=device_id)
        assert (row["analysis"] or {}).get("device_id", "") == device_id
        assert len(world.read_keys()) == expected


def test_unreadable_record_of_all_devices_is_no_day_of_a_device(world: World) -> None:
    job = world.complete(1, "2026-01-20", "")
    corrupt(b"{}")(world, job)
    assert world.days() == []
    (row,) = world.days(device_id="")
    assert {name: row[name] for name in NO_NUMBERS} == NO_NUMBERS


def test_only_the_records_of_shown_jobs_are_read(world: World) -> None:
    for number in range(40):
        world.complete(number, f"2026-01-{number % 2 + 10}")
    world.compact()
    world.read_keys()
    assert world.numbers() == [("2026-01-10", 38), ("2026-01-11", 39)]
    assert len(world.read_keys()) == 2
