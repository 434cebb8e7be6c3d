"""Deletion of jobs whose records are corrupt."""

import pytest

from shared import ids
from shared.errors import Unavailable
from tests.builders import JOB_ID
from tests.fakes import Broker
from tests.functional.status_function import Status
from tests.sweeps import create_sweep, listed


@pytest.fixture
def status() -> Status:
    return Status()


@pytest.mark.parametrize("job_id", [JOB_ID, ids.job_id_of_key("tuesday")])
@pytest.mark.parametrize("is_listed", [True, False])
@pytest.mark.parametrize("body", [b"not json", b"", b'{"version": 2}', b'{"status": "deleted"}'])
def test_job_with_a_corrupt_record_can_be_deleted(status: Status, job_id: str, body: bytes, is_listed: bool) -> None:
    job = status.completed(job_id=job_id)
    assert job.result is not None
    status.csvs.put(job.result.csv_path, b"csv")
    status.bucket.put(f"jobs/{job_id}.json", body)
    if not is_listed:
        status.bucket.delete_many([key for key in status.bucket.objects if key.startswith("t/")])
    url = f"/api/distance/jobs/{job_id}"
    assert status.client.get(url).status_code == 500
    assert status.client.delete(url).status_code == 204
    assert status.client.get(url).status_code == 404
    assert status.client.delete(url).status_code == 204
    assert listed(status.bucket) == []
    assert not status.csvs.objects
    create_sweep(status.jobs, status.bucket, status.csvs, Broker(), status.clock)[0].run()
    assert not [key for key in status.bucket.objects if key.startswith("t/")]


@pytest.mark.parametrize("fails_at", range(1, 9))
def test_sweep_completes_an_interrupted_deletion_of_a_corrupt_record(fails_at: int) -> None:
    status = Status()
    job = status.completed()
    assert job.result is not None
    status.csvs.put(job.result.csv_path, b"csv")
    sweep = create_sweep(status.jobs, status.bucket, status.csvs, Broker(), status.clock)[0]
    sweep.run()
    status.bucket.put(f"jobs/{JOB_ID}.json", b"not json")
    requests = [0]

    def fail(name: str, key: str) -> None:
        requests[0] += 1
        if requests[0] >= fails_at:
            raise Unavailable("storage", "SlowDown")

    status.bucket.before = status.csvs.before = fail
    assert status.client.delete(f"/api/distance/jobs/{JOB_ID}").status_code == 503
    status.bucket.before = status.csvs.before = lambda name, key: None
    if not [key for key in status.bucket.objects if key.startswith("t/")]:
        assert len(listed(status.bucket)) == 1
        return
    assert listed(status.bucket) == []
    sweep.run()
    assert status.client.get(f"/api/distance/jobs/{JOB_ID}").status_code == 404
    assert not [key for key in status.bucket.objects if key.startswith("t/")]
    assert not status.csvs.objects
