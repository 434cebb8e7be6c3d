"""Client of the installed functions and of the Broker, within the cluster."""

import json
import uuid
from collections.abc import Sequence
from typing import Any

from shared import events
from tests.cluster.installation import FUNCTIONS, Installation
from tests.cluster.kubectl import wait_until

SAMPLE = {"date": "2026-01-21", "device_id": "iphone_stuart"}
FINAL_STATUSES = ("completed", "failed")


class ClusterCheckFailed(Exception):
    """The cluster does not behave as promised."""


def expect(condition: object, message: str) -> None:
    """Raise ClusterCheckFailed with `message` unless `condition` is true."""
    if not condition:
        raise ClusterCheckFailed(message)


def expect_completed(job: dict[str, Any]) -> None:
    """Raise ClusterCheckFailed unless the job is completed."""
    expect(job["status"] == "completed", f"the job failed: {job.get('error_code')}")


class Functions:
    """Submits jobs, waits for them, and publishes events to the Broker."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._caller = installation.caller
        self.urls = {name: installation.url(f"distance-{name}") for name in FUNCTIONS}
        self._broker = installation.broker_url()

    def submission_request(self) -> dict[str, Any]:
        """Return the request that submits the sample day, for pod_client.py."""
        return {
            "method": "POST",
            "url": f"{self.urls['submit']}/api/distance/calculate",
            "headers": {"Content-Type": "application/json"},
            "body": json.dumps(SAMPLE),
        }

    def submit(self, count: int = 1) -> list[str]:
        """Submit jobs concurrently and return their ids."""
        responses = self._caller.send_all([self.submission_request()] * count)
        for response in responses:
            expect(response.status == 202, f"{response.status} to a submission: {response.body[:200]}")
        return [response.json()["job_id"] for response in responses]

    def get_job(self, job_id: str) -> dict[str, Any]:
        """Return the status of a job."""
        return self.wait_for_jobs([job_id], ("queued", "processing", *FINAL_STATUSES), seconds=1)[0]

    def wait_for_jobs(
        self, job_ids: Sequence[str], statuses: Sequence[str] = FINAL_STATUSES, seconds: float = 240
    ) -> list[dict[str, Any]]:
        """Return the jobs once each has one of the statuses. Raises ClusterCheckFailed after `seconds`."""
        request = {"method": "GET", "until": list(statuses), "within": seconds}
        url = f"{self.urls['status']}/api/distance/jobs/"
        responses = self._caller.send_all([{**request, "url": url + job_id} for job_id in job_ids])
        jobs = []
        for job_id, response in zip(job_ids, responses, strict=True):
            expect(response.status == 200, f"{response.status} for the status of {job_id}")
            job = response.json()
            expect(job["status"] in statuses, f"job {job_id} is {job['status']} after {seconds:.0f} s")
            jobs.append(job)
        return jobs

    def publish(self, data: Any, **attributes: str) -> str:
        """Publish a request event to the Broker and return its id."""
        event_id = attributes.pop("id", str(uuid.uuid4()))
        defaults = {"type": events.REQUESTED, "source": "/cluster-test", "specversion": "1.0", "id": event_id}
        headers = {f"ce-{name}": text for name, text in (defaults | attributes).items()}
        headers["Content-Type"] = "application/json"
        response = self._caller.send("POST", self._broker, headers=headers, body=json.dumps(data))
        expect(response.status == 202, f"{response.status} from the broker: {response.body[:200]}")
        return event_id

    def wait_for_zero(self, *names: str, seconds: float = 300) -> None:
        """Wait until these functions have no pods, except for those that are terminating."""
        wait_until(f"{', '.join(names)} scaled to zero", lambda: not any(map(self.running_pods, names)), seconds)

    def running_pods(self, name: str) -> list[str]:
        """Return the names of a function's pods that are not terminating."""
        return self._installation.running_pods(f"distance-{name}")
