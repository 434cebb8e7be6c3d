"""The four functions that handle jobs, with one bucket in memory."""

import json
from typing import Any

from flask.testing import FlaskClient

from functions.calculate import delivery, submission
from functions.list import handler as listing
from functions.status import handler as reading
from shared.config.settings import Settings
from shared.http.health import AnyCheck
from shared.http.service import Options
from shared.job_index.index import Index
from shared.jobs.store import JobStore
from tests.builders import TRACEPARENT
from tests.fakes import Broker, Clock, MemoryBucket
from tests.functional.harness import service_client
from tests.sweeps import create_sweep, newest

HEADERS = {"traceparent": TRACEPARENT}


class NoFixes:
    """A database that is never read."""

    def read_day(self, *_: object) -> Any:
        raise AssertionError

    def ping(self) -> None:
        """Report success."""


class World:
    """The four functions that handle jobs, with one bucket in memory."""

    def __init__(self, options: Options = Options()) -> None:  # noqa: B008 - immutable
        self.bucket, self.clock = MemoryBucket(), Clock()
        self.jobs = JobStore(self.bucket, self.clock)
        settings, index, broker = Settings(), Index(self.bucket), Broker()
        checks: dict[str, AnyCheck] = {"storage": self.bucket.ping}
        sweep, event_publisher = create_sweep(self.jobs, self.bucket, MemoryBucket(), broker, self.clock)
        self.services = [
            submission.service(settings, self.jobs, broker, checks=checks, clock=self.clock, options=options),
            delivery.service(
                settings,
                self.jobs,
                NoFixes(),
                self.bucket,
                event_publisher=event_publisher,
                sweep=sweep,
                checks=checks,
                options=Options(health_details=options.health_details),
            ),
            reading.service(self.jobs, self.bucket, newest(index), self.bucket.signed, checks=checks, options=options),
            listing.service(self.bucket, checks, self.clock, options=options),
        ]

    def client(self, number: int) -> FlaskClient:
        return service_client(lambda: self.services[number])

    def get(self, number: int, path: str) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.client(number).get(path, headers=HEADERS).data)
        return body
