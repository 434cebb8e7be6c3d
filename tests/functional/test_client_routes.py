"""The client with one host for each service, and with servers that are not the service."""

import io
import logging
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from flask.testing import FlaskClient
from otel_worker_client import (
    Client,
    ConfigurationError,
    NotAllowedError,
    NotFoundError,
    RouteNotFoundError,
    ValidationError,
)
from otel_worker_client.distance_client import DistanceClient, DistanceServiceError
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from shared.auth.authenticator import ApiKeys, Authenticator
from shared.http.service import Options
from tests.contract.world import World
from tests.scripted import ScriptedResponse, script_responses
from tests.unit.test_client import ID
from tests.unit.test_client_retries import CALLS

KEY = "k" * 32
HOSTS = {"submit": 0, "status": 2, "list": 3}


class Hosts(BaseAdapter):
    """Routes requests to in-memory services, one for each host. Hosts in `without` refuse connections."""

    def __init__(self, *without: str, world: World | None = None) -> None:
        super().__init__()
        world = world or World()
        self.clients: dict[str, FlaskClient] = {
            name: world.client(number) for name, number in HOSTS.items() if name not in without
        }

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        parts = urlsplit(str(request.url))
        if parts.hostname not in self.clients:
            raise requests.ConnectionError
        response = self.clients[parts.hostname].open(
            f"{parts.path}?{parts.query}", method=request.method, data=request.body, headers=dict(request.headers)
        )
        result = requests.Response()
        result.status_code = response.status_code
        result.headers.update(response.headers)
        result.raw = HTTPResponse(io.BytesIO(response.data), status=response.status_code, preload_content=False)
        return result

    def close(self) -> None:
        """Do nothing."""


def client_at(
    adapter: Hosts, submit: str = "submit", status: str = "status", listing: str = "list", **more: Any
) -> Client:
    client = Client(f"http://{submit}", 0.01, status_url=f"http://{status}", list_url=f"http://{listing}", **more)
    client._transport._session.mount("http://", adapter)
    return client


def test_services_at_their_own_hosts_are_healthy() -> None:
    assert client_at(Hosts()).healthy()


@pytest.mark.parametrize("missing", HOSTS)
def test_unreachable_service_fails_the_health_check(missing: str) -> None:
    assert not client_at(Hosts(missing)).healthy()


@pytest.mark.parametrize(
    "wrong", [("submit", "submit", "submit"), ("list", "status", "list"), ("submit", "list", "list")]
)
def test_health_check_detects_swapped_hosts(wrong: tuple[str, str, str]) -> None:
    assert not client_at(Hosts(), *wrong).healthy()


def test_health_check_requires_the_services_key() -> None:
    hosts = Hosts(world=World(Options(auth=Authenticator(None, ApiKeys(KEY), None))))
    assert client_at(hosts, api_key=KEY).healthy()
    assert not client_at(hosts).healthy()
    with pytest.raises(NotAllowedError):
        client_at(hosts).page()


def test_health_check_creates_no_jobs_and_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    client = client_at(Hosts())
    client.healthy()
    assert client.page().total_count == 0
    assert caplog.text == ""


@pytest.fixture
def drop_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[DistanceClient]:
    """Return a drop-in whose only endpoint is distance-submit."""
    monkeypatch.setenv("DISTANCE_SERVICE_ENDPOINT", "http://submit")
    with DistanceClient.from_environ() as drop_in:
        drop_in._client._transport._session.mount("http://", Hosts())
        yield drop_in


def test_one_endpoint_for_three_hosts_is_a_configuration_error(drop_in: DistanceClient) -> None:
    assert drop_in.calculate_distance("2026-01-21").status == "queued"
    calls: dict[str, Callable[[], object]] = {
        "DISTANCE_STATUS_ENDPOINT": lambda: drop_in.get_job_status(ID),
        "DISTANCE_LIST_ENDPOINT": drop_in.list_jobs,
    }
    for setting, call in calls.items():
        with pytest.raises(RouteNotFoundError, match=setting) as caught:
            call()
        assert isinstance(caught.value, DistanceServiceError)
        assert not isinstance(caught.value, ValidationError)
        assert "http://" not in str(caught.value)
        assert len(caught.value.trace_id) == 32
    assert not drop_in.health_check()


def test_missing_job_or_file_raises_not_found() -> None:
    client = client_at(Hosts())
    for call in (client.job, client.delete):
        with pytest.raises(NotFoundError, match="No such job"):
            call("none")
    with pytest.raises(NotFoundError, match="No such file"):
        client.csv("distance_20260121.csv")


OTHER_SERVERS: dict[str, ScriptedResponse] = {
    "HTML 404": (404, b"<html>404 page not found</html>", {"Content-Type": "text/html"}),
    "empty 404": (404, b"", {}),
    "JSON 404 of another API": (404, {"detail": "Not Found"}, {}),
    "405": (405, b"Method Not Allowed", {"Allow": "GET"}),
    "405 of the service": (405, {"error": {"code": "METHOD_NOT_ALLOWED", "message": "Method not allowed"}}, {}),
    "redirect to https": (308, b"", {"Location": "https://worker/api/distance/jobs"}),
    "redirect without a target": (302, b"", {}),
    "page": (200, b"<html>It works!</html>", {"Content-Type": "text/html"}),
    "empty page": (200, b"", {}),
    "JSON of another API": (200, {"status": "ok"}, {}),
    "JSON that is not an object": (200, b'["jobs"]', {}),
    "bad time": (200, {"job_id": ID, "status": "queued", "queued_at": "today", "jobs": 1, "devices": 1}, {}),
}


@pytest.mark.parametrize("call", [call for name, call in CALLS.items() if name != "csv"])
@pytest.mark.parametrize("response", OTHER_SERVERS.values(), ids=OTHER_SERVERS)
def test_other_server_at_the_url_is_a_configuration_error(
    response: ScriptedResponse, call: Callable[[Client], Any]
) -> None:
    client = Client("http://worker", api_key=KEY)
    server = script_responses(client._transport, response)
    with pytest.raises(RouteNotFoundError, match="not at its configured URL") as caught:
        call(client)
    assert len(server.requests) == 1
    assert not client.healthy()
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "responses",
    [
        [(302, b"", {"Location": "/login"}), (200, b"<html>", {"Content-Type": "text/html; charset=utf-8"})],
        [(302, b"", {})],
        [(200, b"<html>", {})],
        [(404, b"<html>", {})],
    ],
    ids=["login page", "no target", "page", "not found"],
)
def test_login_page_is_not_accepted_as_csv(responses: list[ScriptedResponse]) -> None:
    client = Client("http://worker")
    server = script_responses(client._transport, *responses)
    with pytest.raises(RouteNotFoundError):
        client.csv("distance_20260121.csv")
    assert [str(request.url) for request in server.requests[1:]] == ["http://worker/login"][: len(responses) - 1]


def test_proxy_that_requires_credentials_is_a_configuration_error() -> None:
    client = Client("http://worker")
    script_responses(client._transport, (407, b"", {"Proxy-Authenticate": "Basic"}))
    with pytest.raises(ConfigurationError, match="HTTP 407"):
        client.job(ID)


def test_unexpected_error_bodies_raise_errors_of_the_client() -> None:
    bodies: list[dict[str, Any]] = [
        {"error": {"code": "X", "message": "m", "details": ["a"]}},
        {"error": {"code": 7, "message": None}},
        {"error": "text"},
    ]
    for body in bodies:
        client = Client("http://worker")
        script_responses(client._transport, (400, body, {}))
        with pytest.raises(ValidationError) as caught:
            client.job(ID)
        assert caught.value.details == {}
