"""Scripted HTTP responses for the client's tests, without a server. The adapter records requests."""

import io
import json
from typing import Any

import requests
from otel_worker_client.transport import Clock, Transport
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

ScriptedResponse = tuple[int, dict[str, Any] | bytes, dict[str, str]] | Exception


class FakeClock(Clock):
    """A clock that advances only by sleeping and by scripted timeouts."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.sleeps: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.time += seconds


class ScriptedAdapter(BaseAdapter):
    """Returns its responses in order and repeats the last one. A scripted timeout advances a fake clock."""

    def __init__(self, *responses: ScriptedResponse, clock: Clock | None = None) -> None:
        super().__init__()
        self.responses = list(responses)
        self.requests: list[requests.PreparedRequest] = []
        self.clock = clock

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
        self.requests.append(request)
        if isinstance(self.clock, FakeClock) and isinstance(self.responses[0], requests.Timeout):
            connect, read = options["timeout"]
            self.clock.time += connect if isinstance(self.responses[0], requests.ConnectTimeout) else read
        response = self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]
        if isinstance(response, Exception):
            raise response
        status, body, headers = response
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        result = requests.Response()
        result.status_code, result.url, result.request = status, str(request.url), request
        result.headers.update(headers)
        result.raw = HTTPResponse(io.BytesIO(content), headers=headers, status=status, preload_content=False)
        return result

    def close(self) -> None:
        """Do nothing."""

    def sent(self, number: int = -1) -> Any:
        """Return the JSON body of a request."""
        return json.loads(self.requests[number].body or b"null")


def script_responses(transport: Transport, *responses: ScriptedResponse) -> ScriptedAdapter:
    """Make `transport` return the responses, and return the adapter that records its requests."""
    adapter = ScriptedAdapter(*responses, clock=transport.clock)
    for scheme in ("http://", "https://"):
        transport._session.mount(scheme, adapter)
    return adapter
