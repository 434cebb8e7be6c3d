"""The installed functions as their callers see them, from within the cluster."""

import json
import uuid
from collections.abc import Sequence
from typing import Any

from shared import events
from tests.cluster.caller import Answer
from tests.cluster.installation import FUNCTIONS, Installation
from tests.cluster.kubectl import until

SAMPLE = {"date": "2026-01-21", "device_id": "iphone_stuart"}
ENDED = ("completed", "failed")


class NotProven(Exception):
    """The cluster did something else than what is promised."""


def expect(holds: object, otherwise: str) -> None:
    """NotProven with these words, unless it holds."""
    if not holds:
        raise NotProven(otherwise)


class Functions:
    """Submit, follow, list; events straight to the Broker."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._caller = installation.caller
        self.urls = {name: installation.url(f"distance-{name}") for name in FUNCTIONS}
        self.broker = installation.broker_url()

    def submission(self, **more: str) -> dict[str, Any]:
        """A request that submits the sample day, as in_pod.py takes it."""
        return {
            "method": "POST",
            "url": f"{self.urls['submit']}/api/distance/calculate",
            "headers": {"Content-Type": "application/json"},
            "body": json.dumps(SAMPLE | more),
        }

    def submitted(self, count: int = 1) -> list[str]:
        """The ids of jobs that are submitted at once."""
        answers = self._caller.ask_together([self.submission()] * count)
        for answer in answers:
            expect(answer.status == 202, f"a submission was answered with {answer.status}: {answer.body[:200]}")
        return [answer.json()["job_id"] for answer in answers]

    def job(self, job_id: str) -> dict[str, Any]:
        """What status says of a job."""
        return self.followed([job_id], ("queued", "processing", *ENDED), within=1)[0]

    def followed(
        self, job_ids: Sequence[str], until_status: Sequence[str] = ENDED, within: float = 240
    ) -> list[dict[str, Any]]:
        """The jobs once each has one of these states; NotProven if one has not in time."""
        wanted = {"method": "GET", "until": list(until_status), "within": within}
        url = f"{self.urls['status']}/api/distance/jobs/"
        answers = self._caller.ask_together([{**wanted, "url": url + job_id} for job_id in job_ids])
        found = []
        for job_id, answer in zip(job_ids, answers, strict=True):
            expect(answer.status == 200, f"the status of {job_id} was answered with {answer.status}")
            job = answer.json()
            expect(job["status"] in until_status, f"job {job_id} is {job['status']} after {within:.0f} s")
            found.append(job)
        return found

    def published(self, data: Any, **attributes: str) -> str:
        """The id of a request event that the Broker has taken."""
        event_id = attributes.pop("id", str(uuid.uuid4()))
        wanted = {
            "type": events.REQUESTED,
            "source": "/cluster-test",
            "specversion": "1.0",
            "id": event_id,
        } | attributes
        headers = {f"ce-{name}": text for name, text in wanted.items()} | {"Content-Type": "application/json"}
        answer = self.posted(headers, json.dumps(data))
        expect(answer.status == 202, f"the broker answered an event with {answer.status}: {answer.body[:200]}")
        return event_id

    def posted(self, headers: dict[str, str], body: str) -> Answer:
        """What the Broker's ingress answers."""
        return self._caller.asks("POST", self.broker, headers=headers, body=body)

    def at_zero(self, *names: str, seconds: float = 300) -> None:
        """Wait until these functions have no pod but ending ones."""
        until(f"{', '.join(names)} at zero", lambda: not any(map(self.running, names)), seconds)

    def running(self, name: str) -> list[str]:
        """The names of a function's pods that are not ending."""
        return self._installation.running(f"distance-{name}")
