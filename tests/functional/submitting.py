"""Submit with everything around it in memory."""

import json
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from functions.calculate.submission import service
from shared.config.settings import Settings
from shared.jobs.store import JobStore
from tests.fakes import Broker, Clock, MemoryBucket
from tests.functional.harness import served

PATH = "/api/distance/calculate"
BODY = {"date": "2026-01-25", "device_id": "iphone_stuart"}


class Submit:
    """The function with everything around it in memory."""

    def __init__(self, **changed: Any) -> None:
        self.bucket, self.broker, self.clock = MemoryBucket(), Broker(), Clock()
        self.jobs = JobStore(self.bucket, self.clock)
        said = Settings.model_validate({"K_CE_OVERRIDES": '{"extensions": {"team": "home"}}', **changed})
        self.client: FlaskClient = served(lambda: service(said, self.jobs, self.broker, checks={}, clock=self.clock))

    def post(self, body: object = None, **headers: str) -> TestResponse:
        sent = body if isinstance(body, (bytes, str)) else json.dumps(BODY if body is None else body)
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return self.client.post(PATH, data=sent, headers={"Content-Type": "application/json", **named})

    def refused(self, body: object, **headers: str) -> dict[str, Any]:
        answer = self.post(body, **headers)
        assert answer.status_code == 400, answer.text
        assert not self.bucket.objects
        error: dict[str, Any] = json.loads(answer.data)["error"]
        assert error["code"] == "VALIDATION_ERROR"
        return error
