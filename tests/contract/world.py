"""The four functions, whole, over one bucket in memory."""

import json
from typing import Any

from flask.testing import FlaskClient

from functions.calculate import delivery, submission
from functions.list import handler as listing
from functions.status import handler as reading
from shared.http.health import AnyCheck
from shared.job_index.index import Index
from shared.jobs.store import JobStore
from shared.settings import Settings
from tests.builders import TRACEPARENT
from tests.fakes import Broker, Clock, MemoryBucket
from tests.functional.harness import served
from tests.sweeping import newest, sweeping

HEADERS = {"traceparent": TRACEPARENT}


class NoFixes:
    """A database that nobody asks."""

    def of_day(self, *_: object) -> Any:
        raise AssertionError

    def ping(self) -> None:
        """It is there."""


class World:
    """The four functions over one bucket in memory."""

    def __init__(self) -> None:
        self.bucket, self.clock = MemoryBucket(), Clock()
        self.jobs = JobStore(self.bucket, self.clock)
        settings, index, broker = Settings(), Index(self.bucket), Broker()
        checks: dict[str, AnyCheck] = {"storage": self.bucket.ping}
        sweep, announcer = sweeping(self.jobs, self.bucket, MemoryBucket(), broker, self.clock)
        self.services = [
            submission.service(settings, self.jobs, broker, checks=checks, clock=self.clock),
            delivery.service(
                settings, self.jobs, NoFixes(), self.bucket, announcer=announcer, sweep=sweep, checks=checks
            ),
            reading.service(self.jobs, self.bucket, newest(index), self.bucket.signed, checks=checks),
            listing.service(self.bucket, checks, self.clock),
        ]

    def client(self, number: int) -> FlaskClient:
        return served(lambda: self.services[number])

    def get(self, number: int, path: str) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.client(number).get(path, headers=HEADERS).data)
        return body
