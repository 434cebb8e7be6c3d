"""A server for the client's tests that is not there: answers by script, requests on record."""

import io
import json
from typing import Any

import requests
from otel_worker_client.transport import Clock, Transport
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

Answer = tuple[int, dict[str, Any] | bytes, dict[str, str]] | Exception


class FakeClock(Clock):
    """Time passes only by sleeping, and by waiting for scripted timeouts."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.sleeps: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.time += seconds


class Scripted(BaseAdapter):
    """Gives its answers one after another, the last one for ever; a timeout takes its time on a fake clock."""

    def __init__(self, *answers: Answer, clock: Clock | None = None) -> None:
        super().__init__()
        self.answers = list(answers)
        self.requests: list[requests.PreparedRequest] = []
        self.clock = clock

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
        self.requests.append(request)
        if isinstance(self.clock, FakeClock) and isinstance(self.answers[0], requests.Timeout):
            connect, read = options["timeout"]
            self.clock.time += connect if isinstance(self.answers[0], requests.ConnectTimeout) else read
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, body, headers = answer
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        made = requests.Response()
        made.status_code, made.url, made.request = status, str(request.url), request
        made.headers.update(headers)
        made.raw = HTTPResponse(io.BytesIO(content), headers=headers, status=status, preload_content=False)
        return made

    def close(self) -> None:
        """Nothing is open."""

    def sent(self, number: int = -1) -> Any:
        """The JSON of a request."""
        return json.loads(self.requests[number].body or b"null")


def answering(transport: Transport, *answers: Answer) -> Scripted:
    """Whatever it asks is answered by script."""
    made = Scripted(*answers, clock=transport.clock)
    for scheme in ("http://", "https://"):
        transport._session.mount(scheme, made)
    return made
