"""The function status on fakes."""

import json
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient

from functions.status.handler import service
from shared.job_index.index import Index
from shared.jobs.store import JobStore
from shared.models import Record
from tests.builders import JOB_ID, record, result
from tests.fakes import Clock, MemoryBucket
from tests.functional.harness import service_client
from tests.sweeps import newest


class Status:
    """The function with in-memory dependencies."""

    def __init__(self) -> None:
        self.bucket, self.csvs, self.clock = MemoryBucket(), MemoryBucket(), Clock()
        self.jobs, self.index = JobStore(self.bucket, self.clock), Index(self.bucket)
        self.client: FlaskClient = service_client(
            lambda: service(
                self.jobs,
                self.csvs,
                newest(self.index),
                self.csvs.signed,
                checks={},
                csv_age=timedelta(days=30),
                clock=self.clock,
            )
        )

    def completed(self, **changes: Any) -> Record:
        created = self.jobs.create(record(**changes))
        name = f"distance_20260125{'_' + created.device_id if created.device_id else ''}_{created.job_id}.csv"
        job_result = result(csv_path=f"csv/{created.job_id}/1/{name}")
        return self.jobs.complete(self.jobs.claim(created.job_id), job_result)

    def body(self, job_id: str = JOB_ID) -> dict[str, Any]:
        response = self.client.get(f"/api/distance/jobs/{job_id}")
        assert response.status_code == 200
        body: dict[str, Any] = json.loads(response.data)
        assert body.pop("trace_id") == response.headers["X-Trace-Id"]
        return body

    def location(self, filename: str) -> str:
        response = self.client.get(f"/api/distance/download/{filename}")
        assert response.status_code == 302, response.text
        return response.headers["Location"]
