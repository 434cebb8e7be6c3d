from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from shared import errors, ids
from shared.job_index import markers
from shared.jobs.store import LEASE, Claim, JobStore
from shared.models import Record, Status
from shared.storage.bucket import ObjectChanged
from tests.builders import JOB_ID, record, result
from tests.fakes import Clock, MemoryBucket, away
from tests.sweeping import listed as shown


class Death(BaseException):
    """The process ends here; nothing of it goes on."""


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
    return {entry.job_id: entry.status for entry in shown(bucket)}


def test_a_created_job_is_durable_and_listed(jobs: JobStore, bucket: MemoryBucket) -> None:
    created = jobs.create(record())
    assert jobs.get(JOB_ID) == created
    assert listed(bucket) == {JOB_ID: Status.QUEUED}


def test_no_record_exists_before_its_marker(jobs: JobStore, bucket: MemoryBucket) -> None:
    jobs.create(record())
    assert [name for name, _ in bucket.requests] == ["put", "create"]


def test_creating_an_id_again_gives_the_job_that_is_there(jobs: JobStore, bucket: MemoryBucket) -> None:
    first = jobs.create(record())
    assert jobs.create(record(device_id="other")) == first
    assert [entry.device_id for entry in shown(bucket)] == ["iphone_stuart"]


def test_of_two_that_make_a_job_of_one_key_at_once_the_list_shows_one_though_the_other_dies(clock: Clock) -> None:
    bucket, key = MemoryBucket(), ids.job_id_of_key("twice")
    jobs = JobStore(bucket, clock)

    def dies(name: str, _: str) -> None:
        if name == "create":
            bucket.before = lambda name, key: None
            clock.advance(seconds=1)
            jobs.create(record(job_id=key, queued_at=clock.now))
            raise Death

    bucket.before = dies
    with pytest.raises(Death):
        jobs.create(record(job_id=key))
    assert [entry.queued_at for entry in shown(bucket)] == [clock.now]


def test_an_unknown_job_is_not_found(jobs: JobStore) -> None:
    with pytest.raises(errors.NotFound):
        jobs.get(JOB_ID)
    with pytest.raises(errors.NotFound):
        jobs.claim(JOB_ID)


def test_a_claim_starts_an_attempt_with_a_lease(jobs: JobStore, bucket: MemoryBucket, clock: Clock) -> None:
    jobs.create(record())
    clock.advance(seconds=2)
    claim = jobs.claim(JOB_ID)
    found = jobs.get(JOB_ID)
    assert found == claim.record
    assert (found.status, found.attempt, found.started_at) == (Status.PROCESSING, 1, clock.now)
    assert found.lease_expires_at == clock.now + LEASE
    assert listed(bucket) == {JOB_ID: Status.PROCESSING}


def test_a_held_job_cannot_be_claimed_until_its_lease_has_ended(jobs: JobStore, clock: Clock) -> None:
    jobs.create(record())
    first = jobs.claim(JOB_ID)
    with pytest.raises(errors.JobLocked):
        jobs.claim(JOB_ID)
    clock.advance(seconds=LEASE.total_seconds() + 1)
    with pytest.raises(errors.JobLocked):  # clocks of two pods may differ
        jobs.claim(JOB_ID)
    clock.advance(seconds=5)
    second = jobs.claim(JOB_ID)
    assert (second.record.attempt, second.record.started_at) == (2, first.record.started_at)
    assert second.record.owner != first.record.owner


def test_a_lease_is_renewed_once_a_third_of_it_has_gone(jobs: JobStore, bucket: MemoryBucket, clock: Clock) -> None:
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


def test_a_released_job_can_be_claimed_at_once(jobs: JobStore) -> None:
    jobs.create(record())
    jobs.release(jobs.claim(JOB_ID), "database: 08006")
    assert jobs.claim(JOB_ID).record.attempt == 2


def test_an_attempt_that_lost_its_lease_overwrites_nothing(jobs: JobStore, clock: Clock) -> None:
    jobs.create(record())
    late = jobs.claim(JOB_ID)
    clock.advance(minutes=2)
    winner = jobs.claim(JOB_ID)
    for move in (
        lambda: jobs.complete(late, result(total_distance_km=1.0)),
        lambda: jobs.fail(late, "NO_DATA", "none"),
        lambda: jobs.release(late, "worker: stopping"),
        lambda: jobs.renew(late),
    ):
        with pytest.raises(errors.LeaseLost):
            move()
    jobs.complete(winner, result())
    with pytest.raises(errors.LeaseLost):
        jobs.complete(late, result(total_distance_km=1.0))
    assert jobs.get(JOB_ID).result == result()


def test_a_finished_job_is_never_claimed_again(jobs: JobStore, clock: Clock) -> None:
    jobs.create(record())
    jobs.fail(jobs.claim(JOB_ID), "NO_DATA", "No location data found for date 2026-01-25")
    clock.advance(hours=1)
    with pytest.raises(errors.JobFinished):
        jobs.claim(JOB_ID)
    found = jobs.get(JOB_ID)
    assert (found.status, found.error_code, found.lease_expires_at) == (Status.FAILED, "NO_DATA", None)


def test_each_state_has_a_marker_and_the_latest_shows(jobs: JobStore, bucket: MemoryBucket, clock: Clock) -> None:
    jobs.create(record())
    jobs.claim(JOB_ID)
    clock.advance(minutes=2)
    jobs.complete(jobs.claim(JOB_ID), result())
    said = [markers.parse_marker_key(key) for key in sorted(bucket.objects) if key.startswith("t/")]
    assert [entry.status for entry in said if entry] == ["queued", "processing", "processing", "completed"]
    assert listed(bucket) == {JOB_ID: Status.COMPLETED}


def test_an_attempt_that_died_is_counted_and_one_that_gave_up_is_not(jobs: JobStore, clock: Clock) -> None:
    jobs.create(record())
    jobs.claim(JOB_ID)
    clock.advance(minutes=2)
    claim = jobs.claim(JOB_ID)
    assert claim.record.expired_leases == 1
    jobs.release(claim, "database: 08006")
    found = jobs.get(JOB_ID)
    assert (found.expired_leases, found.released_attempts, found.cause, found.lease_expires_at) == (
        1,
        1,
        "database: 08006",
        None,
    )
    assert jobs.claim(JOB_ID).record.expired_leases == 1


def test_a_job_that_exists_already_is_listed_again(jobs: JobStore, bucket: MemoryBucket) -> None:
    made = jobs.create(record())
    for key in [key for key in bucket.objects if key.startswith("t/")]:
        bucket.delete(key)
    assert jobs.create(record(device_id="other")) == made
    assert listed(bucket) == {JOB_ID: Status.QUEUED}


def test_a_slow_creation_is_listed_again_since_its_marker_may_have_gone(
    jobs: JobStore, bucket: MemoryBucket, clock: Clock
) -> None:
    def slow(name: str, key: str) -> None:
        if name == "create":
            clock.advance(minutes=11)
            for marker in [marker for marker in bucket.objects if marker.startswith("t/")]:
                del bucket.objects[marker]  # as a sweep does with one that no record followed

    bucket.before = slow
    jobs.create(record())
    assert listed(bucket) == {JOB_ID: Status.QUEUED}


def test_a_record_that_is_none_of_ours_is_told(jobs: JobStore, bucket: MemoryBucket) -> None:
    bucket.put(f"jobs/{JOB_ID}.json", b'{"version": 2}')
    with pytest.raises(errors.CorruptRecord):
        jobs.get(JOB_ID)


def test_a_finished_job_stands_though_its_marker_cannot_be_put_and_a_repeat_heals_it(
    jobs: JobStore, bucket: MemoryBucket
) -> None:
    jobs.create(record())
    claim = jobs.claim(JOB_ID)

    def no_markers(name: str, key: str) -> None:
        if name == "put":
            raise errors.Unavailable("storage", "SlowDown")

    bucket.before = no_markers
    assert jobs.complete(claim, result()).status is Status.COMPLETED
    bucket.before = lambda name, key: None
    assert listed(bucket) == {JOB_ID: Status.PROCESSING}
    with pytest.raises(errors.JobFinished):
        jobs.claim(JOB_ID)
    assert listed(bucket) == {JOB_ID: Status.COMPLETED}


def test_of_many_claims_at_once_one_wins(jobs: JobStore) -> None:
    jobs.create(record())

    def attempt(_: int) -> Claim | None:
        try:
            return jobs.claim(JOB_ID)
        except errors.JobLocked:
            return None

    with ThreadPoolExecutor(10) as pool:
        claims = [claim for claim in pool.map(attempt, range(10)) if claim]
    assert len(claims) == 1
    assert jobs.get(JOB_ID).attempt == 1


def test_of_many_creations_at_once_all_get_the_same_job(jobs: JobStore, bucket: MemoryBucket) -> None:
    with ThreadPoolExecutor(10) as pool:
        made = list(pool.map(lambda n: jobs.create(record(device_id=f"phone{n}")), range(10)))
    assert {found.device_id for found in made} == {jobs.get(JOB_ID).device_id}
    assert len(shown(bucket)) == 1


def test_a_creation_whose_answer_was_lost_keeps_its_marker_though_the_job_has_moved_since(clock: Clock) -> None:
    class LosesTheAnswer(MemoryBucket):
        def create(self, key: str, body: bytes) -> str:
            super().create(key, body)
            moved = Record.model_validate_json(body).moved(attempt=1)
            self.replace(key, moved.model_dump_json().encode(), self.objects[key].etag)
            raise ObjectChanged(key)

    bucket = LosesTheAnswer()
    JobStore(bucket, clock).create(record())
    assert listed(bucket) == {JOB_ID: Status.QUEUED}


def test_storage_that_is_away_is_told_and_changes_nothing(jobs: JobStore, bucket: MemoryBucket) -> None:
    jobs.create(record())
    with away(bucket), pytest.raises(errors.Unavailable):
        jobs.claim(JOB_ID)
    assert jobs.get(JOB_ID).status is Status.QUEUED


@pytest.mark.parametrize("dies_at", range(1, 8))
def test_wherever_a_process_dies_the_next_attempt_ends_the_job(dies_at: int) -> None:
    bucket, clock = MemoryBucket(), Clock()
    jobs = JobStore(bucket, clock)

    def life() -> Record:
        jobs.create(record())
        return jobs.complete(jobs.claim(JOB_ID), result())

    def die(name: str, key: str) -> None:
        if len(bucket.requests) == dies_at:
            raise Death

    bucket.before = die
    with pytest.raises(Death):
        life()
    bucket.before = lambda name, key: None
    clock.advance(minutes=5)
    with suppress(errors.JobFinished):
        life()
    found = jobs.get(JOB_ID)
    assert (found.status, found.result) == (Status.COMPLETED, result())
    assert listed(bucket) == {JOB_ID: Status.COMPLETED}
