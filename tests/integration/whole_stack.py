"""Options, requests and waits for tests of the whole system. The fixture `stack` in conftest.py runs it."""

import http.client
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from local import options
from local.stack import Stack
from tests.integration.ports import free_port

DAY = {"date": "2026-01-21", "device_id": "iphone_stuart"}


@dataclass(frozen=True)
class Response:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def environ(**settings: object) -> dict[str, str]:
    """Return the environment of this process with the settings, and with a free PORT unless they have one."""
    return {**os.environ, "PORT": str(free_port()), **{name: str(value) for name, value in settings.items()}}


def stack_options(**settings: object) -> options.Options:
    return options.read(environ(**settings))


def send_request(
    method: str, url: str, body: bytes | Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """Send one request, a mapping as JSON, and return the response. Status 0 means that there was none."""
    parts = urlsplit(url)
    sent = {"Content-Type": "application/json"} if isinstance(body, Mapping) else {}
    data = json.dumps(body).encode() if isinstance(body, Mapping) else body
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, data, {**sent, **(headers or {})})
        response = connection.getresponse()
        return Response(response.status, {name.lower(): text for name, text in response.getheaders()}, response.read())
    except (OSError, http.client.HTTPException) as exc:
        return Response(0, {}, type(exc).__name__.encode())
    finally:
        connection.close()


def wait_until(condition: Callable[[], object], seconds: float = 120) -> None:
    """Poll until `condition` is true. AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"the condition is still false after {seconds} s"
        time.sleep(0.1)


def is_ready(url: str) -> bool:
    return send_request("GET", f"{url}/readyz").status == 200


def submit(stack: Stack, **body: object) -> str:
    """Submit a job for DAY and return its id."""
    response = send_request("POST", f"{stack.url}/api/distance/calculate", {**DAY, **body})
    assert response.status == 202, response
    return str(response.json["job_id"])


def wait_for_end(stack: Stack, job_id: str, seconds: float = 60) -> dict[str, Any]:
    """Wait until the job has completed or failed, and return its status."""
    job: dict[str, Any] = {}

    def has_ended() -> bool:
        response = send_request("GET", f"{stack.url}/api/distance/jobs/{job_id}")
        job.update(response.json if response.status == 200 else {})
        return job.get("status") in ("completed", "failed")

    wait_until(has_ended, seconds)
    return job
