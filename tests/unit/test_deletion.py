"""A job that is deleted: whatever is under way for it, and wherever the deletion itself is cut short."""

import pytest

from functions.calculate.sweep.reconcile import Sweep
from shared import errors, ids
from shared.job_index.markers import entry_of, position_of, write_marker
from shared.jobs import csv_keys, deletion
from shared.jobs.store import JobStore
from shared.models import Record, Status
from tests.builders import JOB_ID, record, result
from tests.fakes import Broker, Clock, MemoryBucket, away
from tests.sweeping import listed, sweeping

KEYED = ids.job_id_of_key("tuesday")


class World:
    """A store with a sweep beside it."""

    def __init__(self) -> None:
        self.bucket, self.csvs, self.clock, self.broker = MemoryBucket(), MemoryBucket(), Clock(), Broker()
        self.jobs = JobStore(self.bucket, self.clock)
        self.sweep: Sweep = sweeping(self.jobs, self.bucket, self.csvs, self.broker, self.clock)[0]

    def completed(self, job_id: str = JOB_ID) -> Record:
        self.jobs.create(record(job_id=job_id), again=True)
        claim = self.jobs.claim(job_id)
        key = csv_keys.key(claim.record)
        self.csvs.put(key, b"csv")
        return self.jobs.complete(claim, result(csv_path=key))

    def delete(self, job_id: str = JOB_ID) -> None:
        deletion.delete(self.jobs, self.csvs, job_id)

    def nothing_is_left(self) -> None:
        assert listed(self.bucket) == []
        assert not self.csvs.objects
        with pytest.raises(errors.NotFound):
            self.jobs.get(JOB_ID)


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("swept", [False, True])
def test_nothing_of_a_deleted_job_is_left(world: World, swept: bool) -> None:
    world.completed()
    if swept:
        world.sweep.run()
    world.delete()
    world.nothing_is_left()
    world.sweep.run()
    world.sweep.run()
    world.nothing_is_left()
    left = b"".join(stored.body for stored in world.bucket.objects.values()) + " ".join(world.bucket.objects).encode()
    for trace in (b"iphone_stuart", b"2026-01-25", b"40.736"):
        assert trace not in left


def test_an_unknown_job_is_not_found(world: World) -> None:
    with pytest.raises(errors.NotFound):
        world.delete()
    assert not world.bucket.objects


def test_a_deletion_that_is_repeated_is_no_error(world: World) -> None:
    world.completed()
    world.delete()
    world.delete()
    world.nothing_is_left()


def test_the_attempt_of_a_deleted_job_can_write_nothing_more(world: World) -> None:
    world.jobs.create(record())
    claim = world.jobs.claim(JOB_ID)
    world.delete()
    for move in (
        lambda: world.jobs.complete(claim, result()),
        lambda: world.jobs.fail(claim, "NO_DATA", ""),
        lambda: world.jobs.release(claim, "database: 08006"),
    ):
        with pytest.raises(errors.LeaseLost):
            move()
    with pytest.raises(errors.JobDeleted):
        world.jobs.claim(JOB_ID)
    world.nothing_is_left()


def test_an_event_does_not_bring_a_deleted_job_back(world: World) -> None:
    world.completed()
    world.delete()
    with pytest.raises(errors.JobDeleted):
        world.jobs.create(record())
    world.nothing_is_left()


def test_unfinished_uploads_go_too(world: World) -> None:
    world.jobs.create(record())
    claim = world.jobs.claim(JOB_ID)
    world.csvs.start_upload(csv_keys.key(claim.record), "text/csv")
    world.delete()
    assert not world.csvs.parts


@pytest.mark.parametrize("dies_at", range(1, 13))
def test_wherever_a_deletion_dies_it_is_completed_once_it_has_begun(dies_at: int) -> None:
    world = World()
    world.completed()
    world.sweep.run()
    asked = [0]

    def die(name: str, key: str) -> None:
        asked[0] += 1
        if asked[0] == dies_at:
            raise KeyboardInterrupt

    world.bucket.before = world.csvs.before = die
    cut_short = False
    try:
        world.delete()
    except KeyboardInterrupt:
        cut_short = True
    world.bucket.before = world.csvs.before = lambda name, key: None
    if dies_at <= 2:  # reading, and hiding: nothing has happened
        assert [entry.status for entry in listed(world.bucket)] == [Status.COMPLETED]
        assert world.jobs.get(JOB_ID).status is Status.COMPLETED
        return
    assert listed(world.bucket) == []
    world.sweep.run()
    world.nothing_is_left()
    assert cut_short or dies_at > 8


def test_storage_that_is_away_midway_is_told_and_the_sweep_completes_the_deletion(world: World) -> None:
    world.completed()
    with away(world.csvs), pytest.raises(errors.Unavailable):
        world.delete()
    assert world.csvs.objects
    world.sweep.run()
    world.nothing_is_left()


@pytest.mark.parametrize("status", [Status.PROCESSING, Status.COMPLETED])
def test_a_marker_that_is_put_too_late_does_not_bring_the_job_back(world: World, status: Status) -> None:
    done = world.completed()
    world.delete()
    world.sweep.run()
    write_marker(world.bucket, entry_of(done.moved(status=status)))
    world.sweep.run()
    world.nothing_is_left()


def test_a_key_is_free_again_when_its_job_is_deleted_and_the_new_job_has_nothing_of_the_old(world: World) -> None:
    first = world.completed(KEYED)
    world.delete(KEYED)
    second = world.completed(KEYED)
    assert second.queued_at > first.queued_at
    assert second.attempt == 2
    world.sweep.run()
    assert [(entry.job_id, entry.status) for entry in listed(world.bucket)] == [(KEYED, Status.COMPLETED)]
    assert second.result is not None
    assert list(world.csvs.objects) == [second.result.csv_path]


def test_a_deletion_that_is_completed_late_does_not_touch_the_next_life_of_the_id(world: World) -> None:
    first = world.completed(KEYED)
    with away(world.csvs), pytest.raises(errors.Unavailable):
        world.delete(KEYED)
    second = world.completed(KEYED)
    world.sweep.run()
    world.sweep.run()
    assert world.jobs.get(KEYED) == second
    assert second.result is not None
    assert second.result.csv_path in world.csvs.objects
    assert first.result is not None
    assert first.result.csv_path != second.result.csv_path
    assert [entry.status for entry in listed(world.bucket)] == [Status.COMPLETED]


def test_a_deletion_takes_the_csv_away_though_the_id_has_been_used_again_before_it_could(world: World) -> None:
    first = world.completed(KEYED)
    with away(world.csvs), pytest.raises(errors.Unavailable):
        world.delete(KEYED)
    world.jobs.create(record(job_id=KEYED, device_id="garmin"), again=True)
    claim = world.jobs.claim(KEYED)
    world.csvs.put(csv_keys.key(claim.record), b"the next one's")
    deletion.complete(world.jobs, world.csvs, KEYED, position_of(first))
    assert list(world.csvs.objects) == [csv_keys.key(claim.record)]


def test_a_deletion_that_stalls_does_not_take_the_next_life_of_the_id_with_it(world: World) -> None:
    world.completed(KEYED)

    def stalls(name: str, _: str) -> None:
        if name == "replace":
            world.bucket.before = lambda name, key: None
            world.sweep.run()
            world.completed(KEYED)

    world.bucket.before = stalls
    world.delete(KEYED)
    world.sweep.run()
    assert world.jobs.get(KEYED).status is Status.COMPLETED
    assert [entry.status for entry in listed(world.bucket)] == [Status.COMPLETED]
    assert len(world.csvs.objects) == 1


@pytest.mark.parametrize(("job_id", "goes"), [(JOB_ID, True), (KEYED, False)])
def test_a_tombstone_goes_after_a_week_unless_its_id_may_be_used_again(world: World, job_id: str, goes: bool) -> None:
    world.completed(job_id)
    world.delete(job_id)
    world.clock.advance(days=7)
    world.sweep.run()
    assert f"jobs/{job_id}.json" in world.bucket.objects
    world.clock.advance(days=1)
    world.sweep.run()
    assert (f"jobs/{job_id}.json" not in world.bucket.objects) is goes
    assert not [key for key in world.bucket.objects if key.startswith("d/")]
