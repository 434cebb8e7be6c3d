"""Deletion of jobs: concurrent work, and interruption of the deletion at every request."""

import pytest

from functions.calculate.sweep.reconcile import Sweep
from shared import errors, ids
from shared.job_index.markers import entry_of, position_of, write_marker
from shared.jobs import csv_keys, deletion
from shared.jobs.store import JobStore
from shared.models import Record, Status
from tests.builders import JOB_ID, record, result
from tests.fakes import Broker, Clock, MemoryBucket, outage
from tests.sweeps import create_sweep, listed

KEYED = ids.job_id_of_key("tuesday")


class World:
    """A job store and its sweep on buckets in memory."""

    def __init__(self) -> None:
        self.bucket, self.csvs, self.clock, self.broker = MemoryBucket(), MemoryBucket(), Clock(), Broker()
        self.jobs = JobStore(self.bucket, self.clock)
        self.sweep: Sweep = create_sweep(self.jobs, self.bucket, self.csvs, self.broker, self.clock)[0]

    def complete_job(self, job_id: str = JOB_ID) -> Record:
        self.jobs.create(record(job_id=job_id), replace_deleted=True)
        claim = self.jobs.claim(job_id)
        key = csv_keys.key(claim.record)
        self.csvs.put(key, b"csv")
        return self.jobs.complete(claim, result(csv_path=key))

    def delete(self, job_id: str = JOB_ID) -> None:
        deletion.delete(self.jobs, self.csvs, job_id)

    def assert_deleted(self) -> None:
        assert listed(self.bucket) == []
        assert not self.csvs.objects
        with pytest.raises(errors.NotFound):
            self.jobs.get(JOB_ID)


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("swept", [False, True])
def test_deletion_leaves_no_personal_data(world: World, swept: bool) -> None:
    world.complete_job()
    if swept:
        world.sweep.run()
    world.delete()
    world.assert_deleted()
    world.sweep.run()
    world.sweep.run()
    world.assert_deleted()
    remains = (
        b"".join(stored.body for stored in world.bucket.objects.values()) + " ".join(world.bucket.objects).encode()
    )
    for value in (b"iphone_stuart", b"2026-01-25", b"40.736"):
        assert value not in remains


def test_deleting_an_unknown_job_raises_not_found(world: World) -> None:
    with pytest.raises(errors.NotFound):
        world.delete()
    assert not world.bucket.objects


def test_deletion_can_be_repeated(world: World) -> None:
    world.complete_job()
    world.delete()
    world.delete()
    world.assert_deleted()


def test_attempt_of_a_deleted_job_cannot_change_the_record(world: World) -> None:
    world.jobs.create(record())
    claim = world.jobs.claim(JOB_ID)
    world.delete()
    for transition in (
        lambda: world.jobs.complete(claim, result()),
        lambda: world.jobs.fail(claim, "NO_DATA", ""),
        lambda: world.jobs.release(claim, "database: 08006"),
    ):
        with pytest.raises(errors.LeaseLost):
            transition()
    with pytest.raises(errors.JobDeleted):
        world.jobs.claim(JOB_ID)
    world.assert_deleted()


def test_creating_a_deleted_job_raises_job_deleted(world: World) -> None:
    world.complete_job()
    world.delete()
    with pytest.raises(errors.JobDeleted):
        world.jobs.create(record())
    world.assert_deleted()


def test_deletion_aborts_unfinished_uploads(world: World) -> None:
    world.jobs.create(record())
    claim = world.jobs.claim(JOB_ID)
    world.csvs.start_upload(csv_keys.key(claim.record), "text/csv")
    world.delete()
    assert not world.csvs.parts


@pytest.mark.parametrize("dies_at", range(1, 13))
def test_sweep_completes_a_deletion_interrupted_at_any_request(dies_at: int) -> None:
    world = World()
    world.complete_job()
    world.sweep.run()
    requests = [0]

    def die(name: str, key: str) -> None:
        requests[0] += 1
        if requests[0] == dies_at:
            raise KeyboardInterrupt

    world.bucket.before = world.csvs.before = die
    interrupted = False
    try:
        world.delete()
    except KeyboardInterrupt:
        interrupted = True
    world.bucket.before = world.csvs.before = lambda name, key: None
    if dies_at <= 2:  # before the deletion marker
        assert [entry.status for entry in listed(world.bucket)] == [Status.COMPLETED]
        assert world.jobs.get(JOB_ID).status is Status.COMPLETED
        return
    assert listed(world.bucket) == []
    world.sweep.run()
    world.assert_deleted()
    assert interrupted or dies_at > 8


def test_sweep_completes_a_deletion_interrupted_by_an_outage(world: World) -> None:
    world.complete_job()
    with outage(world.csvs), pytest.raises(errors.Unavailable):
        world.delete()
    assert world.csvs.objects
    world.sweep.run()
    world.assert_deleted()


@pytest.mark.parametrize("status", [Status.PROCESSING, Status.COMPLETED])
def test_late_marker_does_not_restore_a_deleted_job(world: World, status: Status) -> None:
    completed = world.complete_job()
    world.delete()
    world.sweep.run()
    write_marker(world.bucket, entry_of(completed.copy_with(status=status)))
    world.sweep.run()
    world.assert_deleted()


def test_idempotency_key_of_a_deleted_job_creates_an_independent_job(world: World) -> None:
    first = world.complete_job(KEYED)
    world.delete(KEYED)
    second = world.complete_job(KEYED)
    assert second.queued_at > first.queued_at
    assert second.attempt == 2
    world.sweep.run()
    assert [(entry.job_id, entry.status) for entry in listed(world.bucket)] == [(KEYED, Status.COMPLETED)]
    assert second.result is not None
    assert list(world.csvs.objects) == [second.result.csv_path]


def test_sweep_that_completes_a_deletion_keeps_a_later_job_of_the_same_id(world: World) -> None:
    first = world.complete_job(KEYED)
    with outage(world.csvs), pytest.raises(errors.Unavailable):
        world.delete(KEYED)
    second = world.complete_job(KEYED)
    world.sweep.run()
    world.sweep.run()
    assert world.jobs.get(KEYED) == second
    assert second.result is not None
    assert second.result.csv_path in world.csvs.objects
    assert first.result is not None
    assert first.result.csv_path != second.result.csv_path
    assert [entry.status for entry in listed(world.bucket)] == [Status.COMPLETED]


def test_late_deletion_deletes_only_the_csv_of_the_earlier_job(world: World) -> None:
    first = world.complete_job(KEYED)
    with outage(world.csvs), pytest.raises(errors.Unavailable):
        world.delete(KEYED)
    world.jobs.create(record(job_id=KEYED, device_id="garmin"), replace_deleted=True)
    claim = world.jobs.claim(KEYED)
    world.csvs.put(csv_keys.key(claim.record), b"later job")
    deletion.complete(world.jobs, world.csvs, position_of(first))
    assert list(world.csvs.objects) == [csv_keys.key(claim.record)]


def test_stalled_deletion_keeps_a_later_job_of_the_same_id(world: World) -> None:
    world.complete_job(KEYED)

    def reuse_id_meanwhile(name: str, _: str) -> None:
        if name == "replace":
            world.bucket.before = lambda name, key: None
            world.sweep.run()
            world.complete_job(KEYED)

    world.bucket.before = reuse_id_meanwhile
    world.delete(KEYED)
    world.sweep.run()
    assert world.jobs.get(KEYED).status is Status.COMPLETED
    assert [entry.status for entry in listed(world.bucket)] == [Status.COMPLETED]
    assert len(world.csvs.objects) == 1


@pytest.mark.parametrize(("job_id", "is_purged"), [(JOB_ID, True), (KEYED, False)])
def test_tombstone_is_purged_after_a_week_unless_its_id_can_be_reused(
    world: World, job_id: str, is_purged: bool
) -> None:
    world.complete_job(job_id)
    world.delete(job_id)
    world.clock.advance(days=7)
    world.sweep.run()
    assert f"jobs/{job_id}.json" in world.bucket.objects
    world.clock.advance(days=1)
    world.sweep.run()
    assert (f"jobs/{job_id}.json" not in world.bucket.objects) is is_purged
    assert not [key for key in world.bucket.objects if key.startswith("d/")]


CORRUPT = b"not json"


def corrupt(world: World, job_id: str = JOB_ID) -> None:
    world.bucket.put(f"jobs/{job_id}.json", CORRUPT)


def test_deletion_of_a_job_with_another_jobs_record_keeps_the_other_job(world: World) -> None:
    other = world.complete_job(f"{JOB_ID[:-1]}2")
    world.complete_job()
    world.bucket.put(f"jobs/{JOB_ID}.json", world.bucket.objects[f"jobs/{other.job_id}.json"].body)
    with pytest.raises(errors.CorruptRecord):
        world.delete()
    world.sweep.run()
    assert world.jobs.get(other.job_id) == other
    assert other.job_id in {entry.job_id for entry in listed(world.bucket)}


def test_sweep_completes_no_deletion_with_the_corrupt_record_of_a_later_job(world: World) -> None:
    for reused in ("log", "hot segment"):
        first = world.complete_job(KEYED)
        world.sweep.run()
        with outage(world.csvs), pytest.raises(errors.Unavailable):
            world.delete(KEYED)
        second = world.complete_job(KEYED)
        if reused == "hot segment":
            world.sweep.run()
            world.jobs.mark_deleted(position_of(first))
        corrupt(world, KEYED)
        world.sweep.run()
        assert world.bucket.objects[f"jobs/{KEYED}.json"].body == CORRUPT
        assert [entry.position for entry in listed(world.bucket)] == [position_of(second)]
        world.jobs.mark_deleted(position_of(second))
        world.sweep.run()
        assert listed(world.bucket) == []
        assert not world.csvs.objects


def test_job_after_a_corrupt_one_has_other_csv_keys(world: World) -> None:
    late = csv_keys.key(world.complete_job(KEYED))
    corrupt(world, KEYED)
    world.jobs.mark_deleted(listed(world.bucket)[0].position)
    world.sweep.run()
    assert not world.csvs.objects
    second = world.complete_job(KEYED)
    assert csv_keys.key(second) != late
    assert second.attempt == 1 + 106 + 1  # the attempt with a CSV, and the most that a job can have
    assert [entry.position for entry in listed(world.bucket)] == [position_of(second)]


def test_rejected_creation_leaves_no_marker(world: World) -> None:
    corrupt(world, KEYED)
    with pytest.raises(errors.CorruptRecord):
        world.jobs.create(record(job_id=KEYED), replace_deleted=True)
    assert listed(world.bucket) == []


def test_corrupt_tombstone_is_purged(world: World) -> None:
    world.complete_job()
    world.delete()
    corrupt(world)
    world.clock.advance(days=8)
    world.sweep.run()
    assert f"jobs/{JOB_ID}.json" not in world.bucket.objects
