"""The calculate function with in-memory dependencies, and the events that tests deliver to it."""

import json
from typing import Any

from cloudevents.conversion import to_binary
from cloudevents.http import CloudEvent, from_http
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from functions.calculate.delivery import service
from functions.calculate.sweep.devices import DeviceRefresher
from shared.config.settings import Settings
from shared.jobs.store import JobStore
from shared.models import Record
from tests.builders import JOB_ID, TRACEPARENT, record
from tests.fakes import Broker, Clock, MemoryBucket, MemoryFixes
from tests.functional.harness import service_client
from tests.reference import Fix
from tests.sweeps import create_sweep

NOON = 1_769_342_400_000_000  # 2026-01-25T12:00:00Z
FIXES = [
    Fix(NOON + n * 60_000_000, ["iphone_stuart", "garmin"][n % 2], 40.736097 + n / 1000, -74.039373, n, 90, None)
    for n in range(250)
]
SETTINGS = Settings.parse({})


class Calculate:
    """The function with in-memory dependencies."""

    def __init__(self) -> None:
        self.jobs_bucket, self.csvs, self.clock = MemoryBucket(), MemoryBucket(), Clock()
        self.jobs, self.fixes = JobStore(self.jobs_bucket, self.clock), MemoryFixes(FIXES)
        self.broker = Broker()
        device_refresher = DeviceRefresher(self.jobs_bucket, self.fixes.latest_fix_times)
        sweep, event_publisher = create_sweep(
            self.jobs, self.jobs_bucket, self.csvs, self.broker, self.clock, device_refresher=device_refresher
        )
        self.client: FlaskClient = service_client(
            lambda: service(
                SETTINGS,
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
        event_headers, body = mode(event or request_event())
        return self.client.post(path, data=body, headers={**event_headers, **headers})

    def create(self, **changes: Any) -> Record:
        return self.jobs.create(record(**changes))


def request_event(data: object = None, **attributes: str) -> CloudEvent:
    fields = {"type": "otelworker.distance.requested.v1", "source": "/otel-worker/submit", "id": JOB_ID}
    fields |= {"datacontenttype": "application/json", "traceparent": TRACEPARENT, **attributes}
    event_data = {"job_id": JOB_ID, "date": "2026-01-25", "device_id": "iphone_stuart"} if data is None else data
    return CloudEvent(fields, event_data)


def outcome_event(response: TestResponse) -> CloudEvent:
    assert response.status_code == 200, response.text
    return from_http(dict(response.headers), response.data)


def assert_error(response: TestResponse, status: int) -> None:
    assert response.status_code == status, response.text
    assert set(json.loads(response.data)) == {"error", "trace_id"}
