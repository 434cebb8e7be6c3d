"""The submit function with in-memory dependencies."""

import json
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from functions.calculate.submission import service
from shared.config.settings import Settings
from shared.jobs.store import JobStore
from tests.fakes import Broker, Clock, MemoryBucket
from tests.functional.harness import service_client

PATH = "/api/distance/calculate"
BODY = {"date": "2026-01-25", "device_id": "iphone_stuart"}


class Submit:
    """The function with in-memory dependencies."""

    def __init__(self, **overrides: str) -> None:
        self.bucket, self.broker, self.clock = MemoryBucket(), Broker(), Clock()
        self.jobs = JobStore(self.bucket, self.clock)
        settings = Settings.parse({"K_CE_OVERRIDES": '{"extensions": {"team": "home"}}', **overrides})
        self.client: FlaskClient = service_client(
            lambda: service(settings, self.jobs, self.broker, checks={}, clock=self.clock)
        )

    def post(self, body: object = None, **headers: str) -> TestResponse:
        data = body if isinstance(body, (bytes, str)) else json.dumps(BODY if body is None else body)
        header_fields = {name.replace("_", "-"): text for name, text in headers.items()}
        return self.client.post(PATH, data=data, headers={"Content-Type": "application/json", **header_fields})

    def post_invalid(self, body: object, **headers: str) -> dict[str, Any]:
        response = self.post(body, **headers)
        assert response.status_code == 400, response.text
        assert not self.bucket.objects
        error: dict[str, Any] = json.loads(response.data)["error"]
        assert error["code"] == "VALIDATION_ERROR"
        return error
