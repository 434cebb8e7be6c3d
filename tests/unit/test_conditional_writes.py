"""Two processes that make the same change of a job in the same millisecond, on a server that compares entity tags."""

import logging
from collections.abc import Callable

import pytest

from shared.errors import LeaseLost
from shared.job_index import manifest
from shared.job_index.manifest import Manifest
from shared.job_index.markers import position_of
from shared.jobs.store import JobStore, VersionedRecord
from shared.storage.bucket import Bucket, ObjectChanged
from tests.builders import JOB_ID, record, result
from tests.fakes import Clock
from tests.s3_connections import MotoConnections, s3_client

Change = Callable[[JobStore, VersionedRecord], object]


@pytest.fixture
def bucket() -> Bucket:
    connections = MotoConnections()
    connections.create_bucket("jobs")
    return Bucket(s3_client(connections), "jobs")


@pytest.fixture
def jobs(bucket: Bucket) -> JobStore:
    return JobStore(bucket, Clock())


def copy(claim: VersionedRecord) -> VersionedRecord:
    return VersionedRecord(claim.record, claim.etag)


@pytest.mark.parametrize(
    "change",
    [
        lambda jobs, claim: jobs.record_redispatch(claim),
        lambda jobs, claim: jobs.fail(claim, "TOO_MANY_ATTEMPTS", "5 attempts ended without a result"),
        lambda jobs, claim: jobs.complete(claim, result()),
        lambda jobs, claim: jobs.release(claim, "database: 08006"),
    ],
    ids=["redispatch", "fail", "complete", "release"],
)
def test_one_of_two_equal_changes_succeeds(jobs: JobStore, change: Change) -> None:
    jobs.create(record())
    claim = jobs.claim(JOB_ID)
    change(jobs, copy(claim))
    with pytest.raises(LeaseLost):
        change(jobs, copy(claim))


def test_one_of_two_equal_deletions_is_recorded(
    jobs: JobStore, bucket: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    position = position_of(jobs.create(record()))

    class InterruptedBucket(Bucket):
        """Another process deletes the job between the read and the write."""

        def replace(self, key: str, body: bytes, etag: str) -> str:
            jobs.replace_with_tombstone(position)
            return super().replace(key, body, etag)

    JobStore(InterruptedBucket(bucket._s3, "jobs"), Clock()).replace_with_tombstone(position)
    assert [entry.message for entry in caplog.records].count("job deleted") == 1


def test_one_of_two_equal_creations_is_recorded(jobs: JobStore, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert jobs.create(record()) == jobs.create(record())
    assert [entry.message for entry in caplog.records].count("job created") == 1


def test_one_of_two_equal_manifests_replaces_the_current_one(bucket: Bucket) -> None:
    before = manifest.read(bucket)
    manifest.replace(bucket, before, Manifest(generation=1))
    with pytest.raises(ObjectChanged):
        manifest.replace(bucket, before, Manifest(generation=1))


def test_change_whose_response_is_lost_succeeds(bucket: Bucket) -> None:
    class LosesResponses(Bucket):
        """Sends each conditional write twice, as a client that got no response."""

        def create(self, key: str, body: bytes) -> str:
            super().create(key, body)
            return super().create(key, body)

        def replace(self, key: str, body: bytes, etag: str) -> str:
            super().replace(key, body, etag)
            return super().replace(key, body, etag)

    clock = Clock()
    jobs = JobStore(LosesResponses(bucket._s3, "jobs"), clock)
    jobs.create(record())
    claim = jobs.claim(JOB_ID)
    clock.advance(seconds=20)
    jobs.renew(claim)
    assert jobs.complete(claim, result()) == jobs.get(JOB_ID)
