"""The whole system for the tests that need it all; conftest.py makes it a fixture."""

import http.client
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from local import options, ports
from local.stack import Stack

DAY = {"date": "2026-01-21", "device_id": "iphone_stuart"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def environ(**settings: object) -> dict[str, str]:
    """This process's environment with settings of a stack, on a port of its own unless PORT is among them."""
    return {**os.environ, "PORT": str(ports.find_free_port()), **{name: str(value) for name, value in settings.items()}}


def given(**settings: object) -> options.Options:
    return options.read(environ(**settings))


def ask(
    method: str, url: str, body: bytes | Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """One request; a mapping is sent as JSON. Status 0: nobody answered."""
    parts = urlsplit(url)
    sent = {"Content-Type": "application/json"} if isinstance(body, Mapping) else {}
    data = json.dumps(body).encode() if isinstance(body, Mapping) else body
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, data, {**sent, **(headers or {})})
        answer = connection.getresponse()
        return Answer(answer.status, {name.lower(): text for name, text in answer.getheaders()}, answer.read())
    except (OSError, http.client.HTTPException) as exc:
        return Answer(0, {}, type(exc).__name__.encode())
    finally:
        connection.close()


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Return once `condition` holds; it is an error if that takes longer."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"still not so after {seconds} s"
        time.sleep(0.1)


def is_ready(url: str) -> bool:
    return ask("GET", f"{url}/readyz").status == 200


def submit(stack: Stack, **body: object) -> str:
    """The id of a new job for DAY."""
    answer = ask("POST", f"{stack.url}/api/distance/calculate", {**DAY, **body})
    assert answer.status == 202, answer
    return str(answer.json["job_id"])


def ended(stack: Stack, job_id: str, seconds: float = 60) -> dict[str, Any]:
    """The job's status once it has ended."""
    found: dict[str, Any] = {}

    def has_ended() -> bool:
        answer = ask("GET", f"{stack.url}/api/distance/jobs/{job_id}")
        found.update(answer.json if answer.status == 200 else {})
        return found.get("status") in ("completed", "failed")

    until(has_ended, seconds)
    return found
