"""Connections of an S3Client without a network: to moto's S3 in this process, or with scripted responses."""

import time
from collections.abc import Iterable, Mapping

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import Client

from shared.storage.client import S3Client
from shared.storage.connection import Body, Connections, HttpResponse, Timeouts
from shared.storage.credentials import static
from shared.storage.endpoint import Endpoint
from shared.storage.errors import S3Error
from shared.storage.signature import HttpRequest

ENDPOINT = Endpoint.parse("http://127.0.0.1:9000")


class MotoConnections(Connections):
    """Calls moto's S3 server in this process. The requests are kept."""

    def __init__(self) -> None:
        self.timeouts = Timeouts()
        self.requests: list[HttpRequest] = []
        self._client = Client(DomainDispatcherApplication(create_backend_app))
        self._client.post("/moto-api/reset")  # servers of one process share their state

    def send(self, bucket: str, request: HttpRequest, body: Body, deadline: float) -> HttpResponse:
        self.requests.append(request)
        response = self._client.open(
            request.target,
            method=request.method,
            headers=dict(request.headers),
            data=bytes(body),
            base_url=f"http://{ENDPOINT.host}:{ENDPOINT.port}",
        )
        headers = {name.lower(): text for name, text in response.headers}
        return HttpResponse(response.status_code, headers, response.data)

    def create_bucket(self, name: str) -> None:
        """Create an empty bucket."""
        assert self._client.put(f"/{name}", base_url=f"http://{ENDPOINT.host}:{ENDPOINT.port}").status_code == 200

    def close(self) -> None:
        pass


class ScriptedConnections(Connections):
    """Returns or raises the given outcomes in turn. The requests and their remaining seconds are kept."""

    def __init__(self, outcomes: Iterable[HttpResponse | S3Error], call_seconds: float = 30) -> None:
        self.timeouts = Timeouts(call=call_seconds)
        self.requests: list[HttpRequest] = []
        self.remaining: list[float] = []
        self._outcomes = iter(outcomes)

    def send(self, bucket: str, request: HttpRequest, body: Body, deadline: float) -> HttpResponse:
        self.requests.append(request)
        self.remaining.append(deadline - time.monotonic())
        outcome = next(self._outcomes)
        if isinstance(outcome, S3Error):
            raise outcome
        return outcome

    def close(self) -> None:
        pass


def s3_client(connections: Connections, slept: list[float] | None = None) -> S3Client:
    """Create a client with these connections. It records the delays before its retries instead of sleeping."""
    sleep = (slept if slept is not None else []).append
    return S3Client(ENDPOINT, "us-east-1", static("key", "secret"), connections=connections, sleep=sleep)


def response(status: int = 200, body: bytes = b"", headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Create a response with an entity tag."""
    return HttpResponse(status, {"etag": '"1"', **(headers or {})}, body)


def error_response(status: int, code: str, headers: Mapping[str, str] | None = None, details: str = "") -> HttpResponse:
    """Create an error response of S3."""
    body = f"<Error><Code>{code}</Code><Message>secret text</Message>{details}</Error>"
    return HttpResponse(status, headers or {}, body.encode())
