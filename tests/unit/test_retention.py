from datetime import timedelta

import pytest

from functions.calculate.sweep.reconcile import Sweep
from shared import errors
from shared.jobs import csv_keys
from shared.jobs.store import JobStore
from shared.models import Record
from tests.builders import JOB_ID, record, result
from tests.fakes import Broker, Clock, MemoryBucket
from tests.sweeps import create_sweep, listed


class World:
    """A sweep with a retention of ten days for jobs and three days for CSVs."""

    def __init__(self) -> None:
        self.bucket, self.csvs, self.clock = MemoryBucket(), MemoryBucket(), Clock()
        self.csvs.clock = self.clock
        self.jobs = JobStore(self.bucket, self.clock)
        self.sweep = self.with_ages(timedelta(days=10), timedelta(days=3))

    def with_ages(self, job_age: timedelta | None, csv_age: timedelta | None) -> Sweep:
        return create_sweep(self.jobs, self.bucket, self.csvs, Broker(), self.clock, job_age=job_age, csv_age=csv_age)[
            0
        ]

    def completed(self, number: int = 1) -> Record:
        created = self.jobs.create(record(job_id=f"{JOB_ID[:-4]}{number:04x}", queued_at=self.clock.now))
        claim = self.jobs.claim(created.job_id)
        key = csv_keys.key(claim.record)
        self.csvs.put(key, b"csv")
        return self.jobs.complete(claim, result(csv_path=key))

    def numbers(self) -> list[int]:
        return [int(entry.job_id[-4:], 16) for entry in listed(self.bucket)]


@pytest.fixture
def world() -> World:
    return World()


def test_expired_job_is_deleted_with_its_csv(world: World) -> None:
    old = world.completed(1)
    world.clock.advance(days=5)
    world.completed(2)
    world.sweep.run()
    world.clock.advance(days=5, hours=2)
    world.sweep.run()
    assert world.numbers() == [2]
    with pytest.raises(errors.NotFound):
        world.jobs.get(old.job_id)
    assert old.result is not None
    assert old.result.csv_path not in world.csvs.objects
    world.sweep.run()
    assert world.numbers() == [2]


def test_expired_jobs_are_deleted_in_hourly_batches(world: World) -> None:
    for number in range(4):
        world.completed(number)
        world.clock.advance(minutes=25)
    world.sweep.run()
    world.clock.advance(days=10)
    world.clock.advance(minutes=-45)
    world.sweep.run()
    assert len(world.numbers()) == 4
    world.clock.advance(minutes=6)
    world.sweep.run()
    assert world.numbers() == [3]


def test_unfinished_job_never_expires(world: World) -> None:
    world.jobs.create(record())
    world.sweep.run()
    world.clock.advance(days=11)
    sweep = world.with_ages(timedelta(days=10), None)
    sweep.run()
    assert len(world.numbers()) == 1


def test_deleted_jobs_are_not_deleted_again(world: World) -> None:
    world.completed()
    world.sweep.run()
    world.clock.advance(days=11)
    world.sweep.run()
    world.sweep.run()
    assert not [key for key in world.bucket.objects if key.startswith("t/")]


def test_expired_csv_is_deleted_and_its_job_stays(world: World) -> None:
    world.completed()
    world.clock.advance(days=3, minutes=1)
    world.sweep.run()
    assert not world.csvs.objects
    assert world.numbers() == [1]


def test_nothing_expires_without_ages(world: World) -> None:
    world.completed()
    world.clock.advance(days=3650)
    world.with_ages(None, None).run()
    assert world.numbers() == [1]
    assert len(world.csvs.objects) == 1


@pytest.fixture
def unlimited(world: World) -> Sweep:
    return world.with_ages(None, None)


def test_csv_of_a_superseded_attempt_is_deleted(world: World, unlimited: Sweep) -> None:
    job = world.completed()
    assert job.result is not None
    world.csvs.put(csv_keys.key(job, 0), b"of an earlier attempt")
    unlimited.run()
    assert list(world.csvs.objects) == [job.result.csv_path]


def test_csv_of_the_running_attempt_stays_and_earlier_ones_are_deleted(world: World, unlimited: Sweep) -> None:
    world.jobs.create(record())
    world.jobs.release(world.jobs.claim(JOB_ID), "database: 08006")
    claim = world.jobs.claim(JOB_ID)
    for attempt in (1, 2):
        world.csvs.put(csv_keys.key(claim.record, attempt), b"csv")
    unlimited.run()
    assert list(world.csvs.objects) == [csv_keys.key(claim.record)]


def test_csv_of_a_failed_job_is_deleted(world: World, unlimited: Sweep) -> None:
    world.jobs.create(record())
    failed = world.jobs.fail(world.jobs.claim(JOB_ID), "NO_DATA", "none")
    world.csvs.put(csv_keys.key(failed), b"csv")
    unlimited.run()
    assert not world.csvs.objects


def test_csv_without_a_record_is_deleted_after_a_day(world: World, unlimited: Sweep) -> None:
    world.csvs.put(csv_keys.key(record(attempt=1)), b"csv")
    unlimited.run()
    assert world.csvs.objects
    world.clock.advance(days=1, minutes=1)
    unlimited.run()
    assert not world.csvs.objects


def test_orphan_before_the_first_listed_job_is_deleted(world: World, unlimited: Sweep) -> None:
    world.csvs.put(f"csv/{'0' * 8}-0000-0000-0000-{'0' * 12}/1/a.csv", b"csv")
    world.clock.advance(days=2)
    completed = world.completed().result
    unlimited.run()
    unlimited.run()
    assert completed is not None
    assert list(world.csvs.objects) == [completed.csv_path]


def test_unknown_objects_stay(world: World) -> None:
    for key in ("csv/readme", "csv/a/b/c", f"csv/{JOB_ID}/x/y.csv"):
        world.csvs.put(key, b"")
    world.clock.advance(days=3650)
    world.sweep.run()
    assert len(world.csvs.objects) == 3


def test_sweep_checks_a_bounded_number_of_csvs_and_reaches_all(world: World, unlimited: Sweep) -> None:
    for number in range(120):
        job = world.completed(number)
        world.csvs.put(csv_keys.key(job, 0), b"of an earlier attempt")
    world.bucket.requests.clear()
    unlimited.run()
    reads = sum(1 for name, key in world.bucket.requests if name == "get" and key.startswith("jobs/"))
    assert reads <= 120 + 10
    for _ in range(1_000):
        unlimited.run()
    assert len(world.csvs.objects) == 120
