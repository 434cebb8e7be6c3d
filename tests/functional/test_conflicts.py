"""409 responses of the API: other requests and attempts change the same job faster than a request can."""

import json

from shared.ids import job_id_of_key
from shared.jobs import deletion
from tests.builders import JOB_ID, record
from tests.fakes import MemoryBucket
from tests.functional.status_function import Status
from tests.functional.submit_function import Submit
from tests.sweeps import listed

KEYED = job_id_of_key("k")


def test_submission_while_others_create_and_delete_the_job_of_its_key_returns_409() -> None:
    submit = Submit()

    def create_and_delete(name: str, key: str) -> None:
        """Create and delete the job before each attempt of the request to write its record."""
        if name not in ("create", "replace"):
            return
        submit.bucket.before = lambda name, key: None
        submit.jobs.create(record(job_id=KEYED, queued_at=submit.clock.now), replace_deleted=True)
        deletion.delete(submit.jobs, MemoryBucket(), KEYED)
        submit.bucket.before = create_and_delete

    submit.bucket.before = create_and_delete
    response = submit.post(Idempotency_Key="k")
    assert (response.status_code, json.loads(response.data)["error"]["code"]) == (409, "CONFLICT")
    assert not submit.broker.events
    submit.bucket.before = lambda name, key: None
    assert submit.post(Idempotency_Key="k").status_code == 202
    assert [entry.job_id for entry in listed(submit.bucket)] == [KEYED]


def test_deletion_while_attempts_change_the_job_returns_409_and_has_started() -> None:
    status = Status()
    status.jobs.create(record())
    claim = status.jobs.claim(JOB_ID)

    def renew(name: str, key: str) -> None:
        """Renew the lease before each attempt of the request to replace the record."""
        if name == "replace":
            status.bucket.before = lambda name, key: None
            status.clock.advance(seconds=25)
            status.jobs.renew(claim)
            status.bucket.before = renew

    status.bucket.before = renew
    response = status.client.delete(f"/api/distance/jobs/{JOB_ID}")
    assert (response.status_code, json.loads(response.data)["error"]["code"]) == (409, "CONFLICT")
    assert not listed(status.bucket)
    assert status.client.get(f"/api/distance/jobs/{JOB_ID}").status_code == 200
    status.bucket.before = lambda name, key: None
    assert status.client.delete(f"/api/distance/jobs/{JOB_ID}").status_code == 204
    assert status.client.get(f"/api/distance/jobs/{JOB_ID}").status_code == 404
