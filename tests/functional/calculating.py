"""Calculate with everything around it in memory, and the events that it is sent."""

import json
from typing import Any

from cloudevents.conversion import to_binary
from cloudevents.http import CloudEvent, from_http
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from functions.calculate.delivery import service
from functions.calculate.sweep.devices import Devices
from shared.config.settings import Settings
from shared.jobs.store import JobStore
from shared.models import Record
from tests.builders import JOB_ID, TRACEPARENT, record
from tests.fakes import Broker, Clock, MemoryBucket, MemoryFixes
from tests.functional.harness import served
from tests.reference import Fix
from tests.sweeping import sweeping

NOON = 1_769_342_400_000_000  # 2026-01-25T12:00:00Z
FIXES = [
    Fix(NOON + n * 60_000_000, ["iphone_stuart", "garmin"][n % 2], 40.736097 + n / 1000, -74.039373, n, 90, None)
    for n in range(250)
]
CONFIGURED = Settings.model_validate({})


class Calculate:
    """The function with everything around it in memory."""

    def __init__(self) -> None:
        self.jobs_bucket, self.csvs, self.clock = MemoryBucket(), MemoryBucket(), Clock()
        self.jobs, self.fixes = JobStore(self.jobs_bucket, self.clock), MemoryFixes(FIXES)
        self.broker = Broker()
        devices = Devices(self.jobs_bucket, self.fixes.latest)
        sweep, event_publisher = sweeping(
            self.jobs, self.jobs_bucket, self.csvs, self.broker, self.clock, devices=devices
        )
        self.client: FlaskClient = served(
            lambda: service(
                CONFIGURED,
                self.jobs,
                self.fixes,
                self.csvs,
                event_publisher=event_publisher,
                sweep=sweep,
                checks={},
                clock=self.clock,
            )
        )

    def deliver(
        self, event: CloudEvent | None = None, path: str = "/", mode: Any = to_binary, **headers: str
    ) -> TestResponse:
        sent, body = mode(event or requested())
        return self.client.post(path, data=body, headers={**sent, **headers})

    def create(self, **changes: Any) -> Record:
        return self.jobs.create(record(**changes))


def requested(data: object = None, **attributes: str) -> CloudEvent:
    said = {"type": "otelworker.distance.requested.v1", "source": "/otel-worker/submit", "id": JOB_ID}
    said |= {"datacontenttype": "application/json", "traceparent": TRACEPARENT, **attributes}
    given_data = {"job_id": JOB_ID, "date": "2026-01-25", "device_id": "iphone_stuart"} if data is None else data
    return CloudEvent(said, given_data)


def reply(answer: TestResponse) -> CloudEvent:
    assert answer.status_code == 200, answer.text
    return from_http(dict(answer.headers), answer.data)


def refused(answer: TestResponse, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert set(json.loads(answer.data)) == {"error", "trace_id"}
