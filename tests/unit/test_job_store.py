from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from shared import errors, ids
from shared.job_index import markers
from shared.jobs import record_json
from shared.jobs.store import LEASE, JobStore, VersionedRecord
from shared.models import Record, Status
from shared.storage.bucket import ObjectChanged
from tests.builders import JOB_ID, record, result
from tests.fakes import Clock, MemoryBucket, outage
from tests.sweeps import listed as list_entries


class Death(BaseException):
    """The death of a process: not an Exception, so no handler runs."""


@pytest.fixture
def bucket() -> MemoryBucket:
    return MemoryBucket()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def jobs(bucket: MemoryBucket, clock: Clock) -> JobStore:
    return JobStore(bucket, clock)


def listed(bucket: MemoryBucket) -> dict[str, Status]:
    return {entry.job_id: entry.status for entry in list_entries(bucket)}


def test_created_job_is_stored_and_listed(jobs: JobStore, bucket: MemoryBucket) -> None:
    created = jobs.create(record())
    assert jobs.get(JOB_ID) == created
    assert listed(bucket) == {JOB_ID: Status.QUEUED}


def test_create_writes_the_marker_before_the_record(jobs: JobStore, bucket: MemoryBucket) -> None:
    jobs.create(record())
    assert [name for name, _ in bucket.requests] == ["put", "create"]


def test_creating_an_existing_id_returns_the_existing_job(jobs: JobStore, bucket: MemoryBucket) -> None:
    first = jobs.create(record())
    assert jobs.create(record(device_id="other")) == first
    assert [entry.device_id for entry in list_entries(bucket)] == ["iphone_stuart"]


def test_list_shows_one_job_if_a_concurrent_creation_of_the_same_id_dies(clock: Clock) -> None:
    bucket, key = MemoryBucket(), ids.job_id_of_key("twice")
    jobs = JobStore(bucket, clock)

    def create_concurrently_and_die(name: str, _: str) -> None:
        if name == "create":
            bucket.before = lambda name, key: None
            clock.advance(seconds=1)
            jobs.create(record(job_id=key, queued_at=clock.now))
            raise Death

    bucket.before = create_concurrently_and_die
    with pytest.raises(Death):
        jobs.create(record(job_id=key))
    assert [entry.queued_at for entry in list_entries(bucket)] == [clock.now]


def test_unknown_job_raises_not_found(jobs: JobStore) -> None:
    with pytest.raises(errors.NotFound):
        jobs.get(JOB_ID)
    with pytest.raises(errors.NotFound):
        jobs.claim(JOB_ID)


def test_claim_starts_an_attempt_with_a_lease(jobs: JobStore, bucket: MemoryBucket, clock: Clock) -> None:
    jobs.create(record())
    clock.advance(seconds=2)
    claim = jobs.claim(JOB_ID)
    stored = jobs.get(JOB_ID)
    assert stored == claim.record
    assert (stored.status, stored.attempt, stored.started_at) == (Status.PROCESSING, 1, clock.now)
    assert stored.lease_expires_at == clock.now + LEASE
    assert listed(bucket) == {JOB_ID: Status.PROCESSING}


def test_job_cannot_be_claimed_until_its_lease_has_expired(jobs: JobStore, clock: Clock) -> None:
    jobs.create(record())
    first = jobs.claim(JOB_ID)
    with pytest.raises(errors.JobLocked):
        jobs.claim(JOB_ID)
    clock.advance(seconds=LEASE.total_seconds() + 1)
    with pytest.raises(errors.JobLocked):  # margin for clock skew
        jobs.claim(JOB_ID)
    clock.advance(seconds=5)
    second = jobs.claim(JOB_ID)
    assert (second.record.attempt, second.record.started_at) == (2, first.record.started_at)
    assert second.record.owner != first.record.owner


def test_lease_is_renewed_after_a_third_of_its_duration(jobs: JobStore, bucket: MemoryBucket, clock: Clock) -> None:
    jobs.create(record())
    claim = jobs.claim(JOB_ID)
    bucket.requests.clear()
    clock.advance(seconds=LEASE.total_seconds() / 3 - 1)
    jobs.renew(claim)
    assert bucket.requests == []
    clock.advance(seconds=1)
    jobs.renew(claim)
    assert jobs.get(JOB_ID).lease_expires_at == clock.now + LEASE
    assert jobs.complete(claim, result()).status is Status.COMPLETED


def test_released_job_can_be_claimed_immediately(jobs: JobStore) -> None:
    jobs.create(record())
    jobs.release(jobs.claim(JOB_ID), "database: 08006")
    assert jobs.claim(JOB_ID).record.attempt == 2


def test_attempt_without_its_lease_cannot_change_the_record(jobs: JobStore, clock: Clock) -> None:
    jobs.create(record())
    late = jobs.claim(JOB_ID)
    clock.advance(minutes=2)
    winner = jobs.claim(JOB_ID)
    for transition in (
        lambda: jobs.complete(late, result(total_distance_km=1.0)),
        lambda: jobs.fail(late, "NO_DATA", "none"),
        lambda: jobs.release(late, "worker: stopping"),
        lambda: jobs.renew(late),
    ):
        with pytest.raises(errors.LeaseLost):
            transition()
    jobs.complete(winner, result())
    with pytest.raises(errors.LeaseLost):
        jobs.complete(late, result(total_distance_km=1.0))
    assert jobs.get(JOB_ID).result == result()


def test_finished_job_cannot_be_claimed(jobs: JobStore, clock: Clock) -> None:
    jobs.create(record())
    jobs.fail(jobs.claim(JOB_ID), "NO_DATA", "No location data found for date 2026-01-25")
    clock.advance(hours=1)
    with pytest.raises(errors.JobFinished):
        jobs.claim(JOB_ID)
    stored = jobs.get(JOB_ID)
    assert (stored.status, stored.error_code, stored.lease_expires_at) == (Status.FAILED, "NO_DATA", None)


def test_each_state_has_a_marker_and_the_list_shows_the_latest(
    jobs: JobStore, bucket: MemoryBucket, clock: Clock
) -> None:
    jobs.create(record())
    jobs.claim(JOB_ID)
    clock.advance(minutes=2)
    jobs.complete(jobs.claim(JOB_ID), result())
    entries = [markers.parse_marker_key(key) for key in sorted(bucket.objects) if key.startswith("t/")]
    assert [entry.status for entry in entries if entry] == ["queued", "processing", "processing", "completed"]
    assert listed(bucket) == {JOB_ID: Status.COMPLETED}


def test_expired_leases_and_released_attempts_are_counted_separately(jobs: JobStore, clock: Clock) -> None:
    jobs.create(record())
    jobs.claim(JOB_ID)
    clock.advance(minutes=2)
    claim = jobs.claim(JOB_ID)
    assert claim.record.expired_leases == 1
    jobs.release(claim, "database: 08006")
    stored = jobs.get(JOB_ID)
    assert (stored.expired_leases, stored.released_attempts, stored.cause, stored.lease_expires_at) == (
        1,
        1,
        "database: 08006",
        None,
    )
    assert jobs.claim(JOB_ID).record.expired_leases == 1


def test_creating_an_existing_id_writes_its_marker_again(jobs: JobStore, bucket: MemoryBucket) -> None:
    created = jobs.create(record())
    for key in [key for key in bucket.objects if key.startswith("t/")]:
        bucket.delete(key)
    assert jobs.create(record(device_id="other")) == created
    assert listed(bucket) == {JOB_ID: Status.QUEUED}


def test_slow_creation_writes_a_second_marker(jobs: JobStore, bucket: MemoryBucket, clock: Clock) -> None:
    def delay_creation(name: str, key: str) -> None:
        if name == "create":
            clock.advance(minutes=11)
            for marker in [marker for marker in bucket.objects if marker.startswith("t/")]:
                del bucket.objects[marker]  # as a sweep does with orphaned markers

    bucket.before = delay_creation
    jobs.create(record())
    assert listed(bucket) == {JOB_ID: Status.QUEUED}


def test_invalid_record_raises_corrupt_record(jobs: JobStore, bucket: MemoryBucket) -> None:
    bucket.put(f"jobs/{JOB_ID}.json", b'{"version": 2}')
    with pytest.raises(errors.CorruptRecord):
        jobs.get(JOB_ID)


def test_job_completes_without_its_marker_and_the_next_claim_writes_it(jobs: JobStore, bucket: MemoryBucket) -> None:
    jobs.create(record())
    claim = jobs.claim(JOB_ID)

    def fail_put(name: str, key: str) -> None:
        if name == "put":
            raise errors.Unavailable("storage", "SlowDown")

    bucket.before = fail_put
    assert jobs.complete(claim, result()).status is Status.COMPLETED
    bucket.before = lambda name, key: None
    assert listed(bucket) == {JOB_ID: Status.PROCESSING}
    with pytest.raises(errors.JobFinished):
        jobs.claim(JOB_ID)
    assert listed(bucket) == {JOB_ID: Status.COMPLETED}


def test_only_one_of_concurrent_claims_succeeds(jobs: JobStore) -> None:
    jobs.create(record())

    def attempt(_: int) -> VersionedRecord | None:
        try:
            return jobs.claim(JOB_ID)
        except errors.JobLocked:
            return None

    with ThreadPoolExecutor(10) as pool:
        claims = [claim for claim in pool.map(attempt, range(10)) if claim]
    assert len(claims) == 1
    assert jobs.get(JOB_ID).attempt == 1


def test_concurrent_creations_of_one_id_return_the_same_job(jobs: JobStore, bucket: MemoryBucket) -> None:
    with ThreadPoolExecutor(10) as pool:
        created = list(pool.map(lambda n: jobs.create(record(device_id=f"phone{n}")), range(10)))
    assert {job.device_id for job in created} == {jobs.get(JOB_ID).device_id}
    assert len(list_entries(bucket)) == 1


def test_creation_with_a_lost_response_keeps_its_marker(clock: Clock) -> None:
    class LosesTheResponse(MemoryBucket):
        def create(self, key: str, body: bytes) -> str:
            super().create(key, body)
            moved = record_json.decode(body)
            assert isinstance(moved, Record)
            self.replace(key, record_json.encode(moved.copy_with(attempt=1)), self.objects[key].etag)
            raise ObjectChanged(key)

    bucket = LosesTheResponse()
    JobStore(bucket, clock).create(record())
    assert listed(bucket) == {JOB_ID: Status.QUEUED}


def test_claim_raises_unavailable_and_changes_nothing_during_an_outage(jobs: JobStore, bucket: MemoryBucket) -> None:
    jobs.create(record())
    with outage(bucket), pytest.raises(errors.Unavailable):
        jobs.claim(JOB_ID)
    assert jobs.get(JOB_ID).status is Status.QUEUED


@pytest.mark.parametrize("dies_at", range(1, 8))
def test_next_attempt_completes_the_job_after_a_death_at_any_request(dies_at: int) -> None:
    bucket, clock = MemoryBucket(), Clock()
    jobs = JobStore(bucket, clock)

    def run_job() -> Record:
        jobs.create(record())
        return jobs.complete(jobs.claim(JOB_ID), result())

    def die(name: str, key: str) -> None:
        if len(bucket.requests) == dies_at:
            raise Death

    bucket.before = die
    with pytest.raises(Death):
        run_job()
    bucket.before = lambda name, key: None
    clock.advance(minutes=5)
    with suppress(errors.JobFinished):
        run_job()
    stored = jobs.get(JOB_ID)
    assert (stored.status, stored.result) == (Status.COMPLETED, result())
    assert listed(bucket) == {JOB_ID: Status.COMPLETED}
