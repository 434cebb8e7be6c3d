from contextlib import suppress

import pytest

from functions.calculate.sweep.reconcile import Sweep
from shared import errors
from shared.job_index.markers import entry_of, write_marker
from shared.jobs import csv_keys
from shared.jobs.store import LEASE, JobStore, VersionedRecord
from shared.models import Record, Status
from tests.builders import JOB_ID, TRACE_ID, record, result
from tests.fakes import Broker, Clock, MemoryBucket, outage
from tests.sweeps import create_sweep, listed


class World:
    """A sweep with everything around it in memory."""

    def __init__(self) -> None:
        self.bucket, self.csvs, self.clock, self.broker = MemoryBucket(), MemoryBucket(), Clock(), Broker()
        self.jobs = JobStore(self.bucket, self.clock)
        self.sweep: Sweep = create_sweep(self.jobs, self.bucket, self.csvs, self.broker, self.clock)[0]

    def listed(self) -> list[Status]:
        return [entry.status for entry in listed(self.bucket)]

    def markers(self) -> list[str]:
        return [key for key in self.bucket.objects if key.startswith("t/")]

    def crash_attempt(self) -> VersionedRecord:
        """Claim the job and let the lease expire."""
        claim = self.jobs.claim(JOB_ID)
        self.clock.advance(minutes=3)
        return claim

    def record(self) -> Record:
        return self.jobs.get(JOB_ID)


@pytest.fixture
def world() -> World:
    return World()


def test_request_of_a_queued_job_is_republished_in_its_trace(world: World) -> None:
    world.jobs.create(record())
    world.sweep.run()
    assert not world.broker.events
    world.clock.advance(seconds=61)
    world.sweep.run()
    (event,) = world.broker.events
    assert (event["id"], event["team"]) == (JOB_ID, "home")
    assert event["traceparent"].split("-")[1] == TRACE_ID


def test_each_redispatch_doubles_the_wait(world: World) -> None:
    world.jobs.create(record())
    republished: list[int] = []
    for minute in range(65):
        world.sweep.run()
        if len(world.broker.events) > len(republished):
            republished.append(minute)
        world.clock.advance(seconds=60)
    assert republished == [1, 3, 7, 15, 31, 63]


def test_attempt_resets_the_wait(world: World) -> None:
    world.jobs.create(record())
    for _ in range(8):
        world.sweep.run()
        world.clock.advance(seconds=60)
    before = len(world.broker.events)
    world.crash_attempt()
    world.sweep.run()
    assert len(world.broker.events) == before + 1


def test_request_is_republished_after_the_lease_expires(world: World) -> None:
    world.jobs.create(record())
    world.jobs.claim(JOB_ID)
    world.clock.advance(seconds=LEASE.total_seconds() + 59)
    world.sweep.run()
    assert not world.broker.events
    world.clock.advance(seconds=1)
    world.sweep.run()
    assert len(world.broker.events) == 1


def test_released_job_waits_for_the_broker_first(world: World) -> None:
    world.jobs.create(record())
    world.clock.advance(minutes=5)
    world.jobs.release(world.jobs.claim(JOB_ID), "database: 08006")
    world.clock.advance(seconds=119)
    world.sweep.run()
    assert not world.broker.events
    world.clock.advance(seconds=1)
    world.sweep.run()
    assert len(world.broker.events) == 1


def test_too_many_expired_leases_fail_the_job_with_an_event(world: World) -> None:
    world.jobs.create(record())
    for number in range(6):
        claim = world.crash_attempt()
        world.csvs.put(csv_keys.key(claim.record), b"superseded")
        assert claim.record.expired_leases == number
    world.sweep.run()
    failed = world.record()
    assert (failed.status, failed.error_code) == (Status.FAILED, "TOO_MANY_ATTEMPTS")
    assert world.listed() == [Status.FAILED]
    assert [event["type"] for event in world.broker.events] == ["otelworker.distance.failed.v1"]
    assert not world.csvs.objects


def test_superseded_csvs_are_deleted_after_a_crashed_commit(
    world: World,
) -> None:
    world.jobs.create(record())
    superseded = csv_keys.key(world.crash_attempt().record)
    world.csvs.put(superseded, b"superseded")
    world.csvs.start_upload(superseded, "text/csv")
    current = csv_keys.key((claim := world.jobs.claim(JOB_ID)).record)
    world.csvs.put(current, b"current")
    world.jobs.complete(claim, result(csv_path=current))
    with outage(world.csvs), suppress(errors.Unavailable):
        world.sweep.run()
    assert world.csvs.parts
    world.sweep.run()
    assert (list(world.csvs.objects), world.csvs.parts) == ([current], {})
    assert world.listed() == [Status.COMPLETED]
    assert not world.markers()


def test_job_that_is_never_claimed_fails_within_a_day(world: World) -> None:
    world.jobs.create(record())
    minutes = 0
    while not world.record().status.is_finished:
        world.sweep.run()
        world.clock.advance(minutes=10)
        minutes += 10
    assert world.record().error_code == "TOO_MANY_ATTEMPTS"
    assert 20 < minutes / 60 < 24


def test_too_many_releases_fail_the_job(world: World) -> None:
    world.jobs.create(record())
    for _ in range(100):
        world.jobs.release(world.jobs.claim(JOB_ID), "database: 42P01")
    world.clock.advance(minutes=3)
    world.sweep.run()
    assert world.record().error_code == "TOO_MANY_ATTEMPTS"


def test_job_with_a_valid_lease_is_never_failed(world: World) -> None:
    world.jobs.create(record())
    for _ in range(6):
        world.crash_attempt()
    world.jobs.claim(JOB_ID)
    world.sweep.run()
    assert world.record().status is Status.PROCESSING


@pytest.mark.parametrize("finished", [False, True])
def test_state_without_a_marker_is_listed_after_a_sweep(world: World, finished: bool) -> None:
    world.jobs.create(record())
    world.sweep.run()
    claim = world.jobs.claim(JOB_ID)
    if finished:
        world.jobs.complete(claim, result())
    world.bucket.delete_many(world.markers())
    assert world.listed() == [Status.QUEUED]
    world.sweep.run()
    assert world.listed() == [Status.COMPLETED if finished else Status.PROCESSING]


def test_markers_of_reconciled_jobs_are_deleted(world: World) -> None:
    world.jobs.create(record())
    world.jobs.claim(JOB_ID)
    world.sweep.run()
    assert world.markers() == []
    assert world.listed() == [Status.PROCESSING]


def test_marker_without_a_record_is_deleted_after_ten_minutes(world: World) -> None:
    write_marker(world.bucket, entry_of(record()))
    world.sweep.run()
    assert world.listed() == [Status.QUEUED]
    world.clock.advance(minutes=11)
    world.sweep.run()
    assert world.listed() == []
    assert world.markers() == []


def test_marker_of_a_lost_creation_race_is_deleted(world: World) -> None:
    world.jobs.create(record())
    write_marker(world.bucket, entry_of(record(queued_at=world.clock.now.replace(microsecond=0))))
    assert len(world.listed()) == 2
    world.sweep.run()
    assert world.listed() == [Status.QUEUED]


def test_number_of_requests_does_not_depend_on_finished_jobs(world: World) -> None:
    def requests(count: int) -> int:
        for number in range(count):
            created = world.jobs.create(record(job_id=f"{JOB_ID[:-4]}{number + 1000 * count:04x}"))
            world.jobs.complete(world.jobs.claim(created.job_id), result())
        world.sweep.run()
        world.sweep.run()
        before = len(world.bucket.requests)
        world.sweep.run()
        return len(world.bucket.requests) - before

    assert requests(3) == requests(60)


def test_records_of_finished_jobs_are_not_read(world: World) -> None:
    world.jobs.create(record())
    world.jobs.complete(world.jobs.claim(JOB_ID), result())
    world.sweep.run()
    world.bucket.requests.clear()
    world.sweep.run()
    assert not [key for _, key in world.bucket.requests if key.startswith("jobs/")]


def test_corrupt_record_does_not_block_other_jobs(world: World) -> None:
    broken = f"{JOB_ID[:-1]}0"
    write_marker(world.bucket, entry_of(record(job_id=broken)))
    world.bucket.put(f"jobs/{broken}.json", b"{}")
    world.jobs.create(record())
    world.clock.advance(minutes=2)
    world.sweep.run()
    assert [event["id"] for event in world.broker.events] == [JOB_ID]


def test_unavailable_broker_raises_after_all_other_steps(world: World) -> None:
    published: list[object] = []

    class UnavailableBroker(Broker):
        def publish(self, event: object) -> None:
            published.append(event)
            raise errors.Unavailable("broker", "NewConnectionError")

    sweep = create_sweep(world.jobs, world.bucket, world.csvs, UnavailableBroker(), world.clock)[0]
    for number in range(3):
        world.jobs.create(record(job_id=f"{JOB_ID[:-1]}{number}"))
    world.clock.advance(minutes=2)
    with pytest.raises(errors.Unavailable, match="broker"):
        sweep.run()
    assert len(published) == 1
    assert world.markers() == []
    assert world.record().redispatch_count == 0


def test_missing_sink_counts_as_an_unavailable_broker(world: World) -> None:
    world.jobs.create(record())
    world.clock.advance(minutes=2)
    with pytest.raises(errors.Unavailable, match="broker: K_SINK"):
        create_sweep(world.jobs, world.bucket, world.csvs, None, world.clock)[0].run()


def test_unavailable_storage_raises(world: World) -> None:
    world.jobs.create(record())
    with outage(world.bucket), pytest.raises(errors.Unavailable, match="storage"):
        world.sweep.run()


def test_job_that_changes_during_the_sweep_is_left_alone(world: World) -> None:
    world.jobs.create(record())
    world.clock.advance(minutes=2)

    class CompletingBroker(Broker):
        def publish(self, event: object) -> None:
            world.jobs.complete(world.jobs.claim(JOB_ID), result())

    create_sweep(world.jobs, world.bucket, world.csvs, CompletingBroker(), world.clock)[0].run()
    assert world.record().status is Status.COMPLETED
    assert world.listed() == [Status.COMPLETED]


@pytest.mark.parametrize("at", range(1, 14))
def test_concurrent_sweep_at_any_request_does_no_harm(at: int) -> None:
    world = World()
    for number in range(3):
        world.jobs.create(record(job_id=f"{JOB_ID[:-1]}{number}"))
    world.jobs.complete(world.jobs.claim(JOB_ID), result())
    world.clock.advance(minutes=2)
    started = len(world.bucket.requests)

    def run_concurrently(name: str, key: str) -> None:
        if len(world.bucket.requests) - started == at:
            world.bucket.before = lambda name, key: None
            world.sweep.run()

    world.bucket.before = run_concurrently
    world.sweep.run()
    world.bucket.before = lambda name, key: None
    assert world.listed() == [Status.QUEUED, Status.COMPLETED, Status.QUEUED]
    world.sweep.run()
    assert (world.listed(), world.markers()) == ([Status.QUEUED, Status.COMPLETED, Status.QUEUED], [])
    assert {world.jobs.get(f"{JOB_ID[:-1]}{number}").redispatch_count for number in (0, 2)} == {1}
