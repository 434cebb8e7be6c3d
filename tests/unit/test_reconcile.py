from contextlib import suppress

import pytest

from functions.calculate.sweep.reconcile import Sweep
from shared import errors
from shared.job_index.markers import entry_of, write_marker
from shared.jobs import csv_keys
from shared.jobs.store import LEASE, JobStore, VersionedRecord
from shared.models import Record, Status
from tests.builders import JOB_ID, TRACE_ID, record, result
from tests.fakes import Broker, Clock, MemoryBucket, away
from tests.sweeping import listed, sweeping


class World:
    """A sweep with everything around it in memory."""

    def __init__(self) -> None:
        self.bucket, self.csvs, self.clock, self.broker = MemoryBucket(), MemoryBucket(), Clock(), Broker()
        self.jobs = JobStore(self.bucket, self.clock)
        self.sweep: Sweep = sweeping(self.jobs, self.bucket, self.csvs, self.broker, self.clock)[0]

    def listed(self) -> list[Status]:
        return [entry.status for entry in listed(self.bucket)]

    def markers(self) -> list[str]:
        return [key for key in self.bucket.objects if key.startswith("t/")]

    def dies(self) -> VersionedRecord:
        """An attempt begins, and nobody hears of it any more."""
        claim = self.jobs.claim(JOB_ID)
        self.clock.advance(minutes=3)
        return claim

    def record(self) -> Record:
        return self.jobs.get(JOB_ID)


@pytest.fixture
def world() -> World:
    return World()


def test_a_job_that_nobody_took_is_asked_for_again_in_its_own_trace(world: World) -> None:
    world.jobs.create(record())
    world.sweep.run()
    assert not world.broker.events
    world.clock.advance(seconds=61)
    world.sweep.run()
    (event,) = world.broker.events
    assert (event["id"], event["team"]) == (JOB_ID, "home")
    assert event["traceparent"].split("-")[1] == TRACE_ID


def test_each_request_that_brings_nothing_doubles_the_wait(world: World) -> None:
    world.jobs.create(record())
    asked: list[int] = []
    for minute in range(65):
        world.sweep.run()
        if len(world.broker.events) > len(asked):
            asked.append(minute)
        world.clock.advance(seconds=60)
    assert asked == [1, 3, 7, 15, 31, 63]


def test_an_attempt_starts_the_waiting_anew(world: World) -> None:
    world.jobs.create(record())
    for _ in range(8):
        world.sweep.run()
        world.clock.advance(seconds=60)
    before = len(world.broker.events)
    world.dies()
    world.sweep.run()
    assert len(world.broker.events) == before + 1


def test_a_job_whose_attempt_died_is_asked_for_again(world: World) -> None:
    world.jobs.create(record())
    world.jobs.claim(JOB_ID)
    world.clock.advance(seconds=LEASE.total_seconds() + 59)
    world.sweep.run()
    assert not world.broker.events
    world.clock.advance(seconds=1)
    world.sweep.run()
    assert len(world.broker.events) == 1


def test_a_job_that_was_given_back_is_left_to_the_broker_for_a_while(world: World) -> None:
    world.jobs.create(record())
    world.clock.advance(minutes=5)
    world.jobs.release(world.jobs.claim(JOB_ID), "database: 08006")
    world.clock.advance(seconds=119)
    world.sweep.run()
    assert not world.broker.events
    world.clock.advance(seconds=1)
    world.sweep.run()
    assert len(world.broker.events) == 1


def test_a_job_whose_attempts_died_too_often_fails_and_that_is_told(world: World) -> None:
    world.jobs.create(record())
    for number in range(6):
        claim = world.dies()
        world.csvs.put(csv_keys.key(claim.record), b"never named")
        assert claim.record.expired_leases == number
    world.sweep.run()
    found = world.record()
    assert (found.status, found.error_code) == (Status.FAILED, "TOO_MANY_ATTEMPTS")
    assert world.listed() == [Status.FAILED]
    assert [event["type"] for event in world.broker.events] == ["otelworker.distance.failed.v1"]
    assert not world.csvs.objects


def test_what_attempts_left_goes_though_the_one_that_ended_the_job_died_before_it_could_clear_away(
    world: World,
) -> None:
    world.jobs.create(record())
    left = csv_keys.key(world.dies().record)
    world.csvs.put(left, b"never named")
    world.csvs.start_upload(left, "text/csv")
    named = csv_keys.key((claim := world.jobs.claim(JOB_ID)).record)
    world.csvs.put(named, b"named")
    world.jobs.complete(claim, result(csv_path=named))
    with away(world.csvs), suppress(errors.Unavailable):
        world.sweep.run()
    assert world.csvs.parts
    world.sweep.run()
    assert (list(world.csvs.objects), world.csvs.parts) == ([named], {})
    assert world.listed() == [Status.COMPLETED]
    assert not world.markers()


def test_a_job_that_nobody_ever_takes_fails_within_a_day(world: World) -> None:
    world.jobs.create(record())
    minutes = 0
    while not world.record().status.finished:
        world.sweep.run()
        world.clock.advance(minutes=10)
        minutes += 10
    assert world.record().error_code == "TOO_MANY_ATTEMPTS"
    assert 20 < minutes / 60 < 24


def test_a_job_that_is_put_off_again_and_again_fails_in_the_end(world: World) -> None:
    world.jobs.create(record())
    for _ in range(100):
        world.jobs.release(world.jobs.claim(JOB_ID), "database: 42P01")
    world.clock.advance(minutes=3)
    world.sweep.run()
    assert world.record().error_code == "TOO_MANY_ATTEMPTS"


def test_a_held_job_is_never_failed(world: World) -> None:
    world.jobs.create(record())
    for _ in range(6):
        world.dies()
    world.jobs.claim(JOB_ID)
    world.sweep.run()
    assert world.record().status is Status.PROCESSING


@pytest.mark.parametrize("ended", [False, True])
def test_a_state_whose_marker_is_missing_is_listed(world: World, ended: bool) -> None:
    world.jobs.create(record())
    world.sweep.run()
    claim = world.jobs.claim(JOB_ID)
    if ended:
        world.jobs.complete(claim, result())
    world.bucket.delete_many(world.markers())
    assert world.listed() == [Status.QUEUED]
    world.sweep.run()
    assert world.listed() == [Status.COMPLETED if ended else Status.PROCESSING]


def test_the_markers_of_what_was_looked_at_are_gone(world: World) -> None:
    world.jobs.create(record())
    world.jobs.claim(JOB_ID)
    world.sweep.run()
    assert world.markers() == []
    assert world.listed() == [Status.PROCESSING]


def test_a_marker_whose_record_never_came_goes_after_a_while(world: World) -> None:
    write_marker(world.bucket, entry_of(record()))
    world.sweep.run()
    assert world.listed() == [Status.QUEUED]
    world.clock.advance(minutes=11)
    world.sweep.run()
    assert world.listed() == []
    assert world.markers() == []


def test_the_marker_of_who_came_second_to_create_a_job_goes_at_once(world: World) -> None:
    world.jobs.create(record())
    write_marker(world.bucket, entry_of(record(queued_at=world.clock.now.replace(microsecond=0))))
    assert len(world.listed()) == 2
    world.sweep.run()
    assert world.listed() == [Status.QUEUED]


def test_a_sweep_costs_the_same_however_many_jobs_have_ended(world: World) -> None:
    def requests(count: int) -> int:
        for number in range(count):
            made = world.jobs.create(record(job_id=f"{JOB_ID[:-4]}{number + 1000 * count:04x}"))
            world.jobs.complete(world.jobs.claim(made.job_id), result())
        world.sweep.run()
        world.sweep.run()
        before = len(world.bucket.requests)
        world.sweep.run()
        return len(world.bucket.requests) - before

    assert requests(3) == requests(60)


def test_finished_jobs_are_not_looked_at(world: World) -> None:
    world.jobs.create(record())
    world.jobs.complete(world.jobs.claim(JOB_ID), result())
    world.sweep.run()
    world.bucket.requests.clear()
    world.sweep.run()
    assert not [key for _, key in world.bucket.requests if key.startswith("jobs/")]


def test_one_record_that_cannot_be_read_holds_up_no_other(world: World) -> None:
    broken = f"{JOB_ID[:-1]}0"
    write_marker(world.bucket, entry_of(record(job_id=broken)))
    world.bucket.put(f"jobs/{broken}.json", b"{}")
    world.jobs.create(record())
    world.clock.advance(minutes=2)
    world.sweep.run()
    assert [event["id"] for event in world.broker.events] == [JOB_ID]


def test_a_broker_that_is_away_is_told_after_everything_else_is_done_and_asked_once(world: World) -> None:
    asked: list[object] = []

    class Away(Broker):
        def publish(self, event: object) -> None:
            asked.append(event)
            raise errors.Unavailable("broker", "NewConnectionError")

    sweep = sweeping(world.jobs, world.bucket, world.csvs, Away(), world.clock)[0]
    for number in range(3):
        world.jobs.create(record(job_id=f"{JOB_ID[:-1]}{number}"))
    world.clock.advance(minutes=2)
    with pytest.raises(errors.Unavailable, match="broker"):
        sweep.run()
    assert len(asked) == 1
    assert world.markers() == []
    assert world.record().redispatch_count == 0


def test_without_a_sink_the_broker_counts_as_away(world: World) -> None:
    world.jobs.create(record())
    world.clock.advance(minutes=2)
    with pytest.raises(errors.Unavailable, match="broker: K_SINK"):
        sweeping(world.jobs, world.bucket, world.csvs, None, world.clock)[0].run()


def test_storage_that_is_away_is_told(world: World) -> None:
    world.jobs.create(record())
    with away(world.bucket), pytest.raises(errors.Unavailable, match="storage"):
        world.sweep.run()


def test_a_job_that_moves_while_it_is_looked_at_is_left_to_who_moved_it(world: World) -> None:
    world.jobs.create(record())
    world.clock.advance(minutes=2)

    class Quick(Broker):
        def publish(self, event: object) -> None:
            world.jobs.complete(world.jobs.claim(JOB_ID), result())

    sweeping(world.jobs, world.bucket, world.csvs, Quick(), world.clock)[0].run()
    assert world.record().status is Status.COMPLETED
    assert world.listed() == [Status.COMPLETED]


@pytest.mark.parametrize("at", range(1, 14))
def test_a_second_sweep_in_the_midst_of_one_does_no_harm(at: int) -> None:
    world = World()
    for number in range(3):
        world.jobs.create(record(job_id=f"{JOB_ID[:-1]}{number}"))
    world.jobs.complete(world.jobs.claim(JOB_ID), result())
    world.clock.advance(minutes=2)
    begun = len(world.bucket.requests)

    def second(name: str, key: str) -> None:
        if len(world.bucket.requests) - begun == at:
            world.bucket.before = lambda name, key: None
            world.sweep.run()

    world.bucket.before = second
    world.sweep.run()
    world.bucket.before = lambda name, key: None
    assert world.listed() == [Status.QUEUED, Status.COMPLETED, Status.QUEUED]
    world.sweep.run()
    assert (world.listed(), world.markers()) == ([Status.QUEUED, Status.COMPLETED, Status.QUEUED], [])
    assert {world.jobs.get(f"{JOB_ID[:-1]}{number}").redispatch_count for number in (0, 2)} == {1}
