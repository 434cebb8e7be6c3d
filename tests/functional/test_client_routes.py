"""The client in front of the real services, one host each, and of servers that are not the service."""

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
from tests.scripted import Answer, answering
from tests.unit.test_client import ID
from tests.unit.test_client_retries import CALLS

KEY = "k" * 32
HOSTS = {"submit": 0, "status": 2, "list": 3}


class Hosts(BaseAdapter):
    """Each service at a host of its own; `without` these."""

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
        answer = self.clients[parts.hostname].open(
            f"{parts.path}?{parts.query}", method=request.method, data=request.body, headers=dict(request.headers)
        )
        made = requests.Response()
        made.status_code = answer.status_code
        made.headers.update(answer.headers)
        made.raw = HTTPResponse(io.BytesIO(answer.data), status=answer.status_code, preload_content=False)
        return made

    def close(self) -> None:
        """Nothing is open."""


def at(adapter: Hosts, submit: str = "submit", status: str = "status", listing: str = "list", **more: Any) -> Client:
    client = Client(f"http://{submit}", 0.01, status_url=f"http://{status}", list_url=f"http://{listing}", **more)
    client._transport._session.mount("http://", adapter)
    return client


def test_services_at_their_own_hosts_are_healthy() -> None:
    assert at(Hosts()).healthy()


@pytest.mark.parametrize("missing", HOSTS)
def test_each_service_has_to_be_reachable(missing: str) -> None:
    assert not at(Hosts(missing)).healthy()


@pytest.mark.parametrize(
    "wrong", [("submit", "submit", "submit"), ("list", "status", "list"), ("submit", "list", "list")]
)
def test_health_check_finds_a_service_at_the_host_of_another(wrong: tuple[str, str, str]) -> None:
    assert not at(Hosts(), *wrong).healthy()


def test_health_check_needs_the_key_where_the_service_does() -> None:
    hosts = Hosts(world=World(Options(auth=Authenticator(None, ApiKeys(KEY), None))))
    assert at(hosts, api_key=KEY).healthy()
    assert not at(hosts).healthy()
    with pytest.raises(NotAllowedError):
        at(hosts).page()


def test_health_check_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    client = at(Hosts())
    client.healthy()
    assert client.page().total_count == 0
    assert caplog.text == ""


@pytest.fixture
def drop_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[DistanceClient]:
    """With only the one endpoint, that of distance-submit itself."""
    monkeypatch.setenv("DISTANCE_SERVICE_ENDPOINT", "http://submit")
    with DistanceClient.from_environ() as made:
        made._client._transport._session.mount("http://", Hosts())
        yield made


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


def test_missing_job_or_file_is_still_one() -> None:
    client = at(Hosts())
    for call in (client.job, client.delete):
        with pytest.raises(NotFoundError, match="No such job"):
            call("none")
    with pytest.raises(NotFoundError, match="No such file"):
        client.csv("distance_20260121.csv")


OTHER_SERVERS: dict[str, Answer] = {
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
    "JSON that is no object": (200, b'["jobs"]', {}),
    "bad time": (200, {"job_id": ID, "status": "queued", "queued_at": "today", "jobs": 1, "devices": 1}, {}),
}


@pytest.mark.parametrize("call", [call for name, call in CALLS.items() if name != "csv"])
@pytest.mark.parametrize("answer", OTHER_SERVERS.values(), ids=OTHER_SERVERS)
def test_other_server_at_the_url_is_a_configuration_error(answer: Answer, call: Callable[[Client], Any]) -> None:
    client = Client("http://worker", api_key=KEY)
    server = answering(client._transport, answer)
    with pytest.raises(RouteNotFoundError, match="not at its configured URL") as caught:
        call(client)
    assert len(server.requests) == 1
    assert not client.healthy()
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "answers",
    [
        [(302, b"", {"Location": "/login"}), (200, b"<html>", {"Content-Type": "text/html; charset=utf-8"})],
        [(302, b"", {})],
        [(200, b"<html>", {})],
        [(404, b"<html>", {})],
    ],
    ids=["login page", "no target", "page", "not found"],
)
def test_login_page_is_not_taken_for_a_csv(answers: list[Answer]) -> None:
    client = Client("http://worker")
    server = answering(client._transport, *answers)
    with pytest.raises(RouteNotFoundError):
        client.csv("distance_20260121.csv")
    assert [str(request.url) for request in server.requests[1:]] == ["http://worker/login"][: len(answers) - 1]


def test_proxy_that_wants_credentials_is_a_configuration_error() -> None:
    client = Client("http://worker")
    answering(client._transport, (407, b"", {"Proxy-Authenticate": "Basic"}))
    with pytest.raises(ConfigurationError, match="HTTP 407"):
        client.job(ID)


def test_foreign_error_bodies_are_errors_of_the_client() -> None:
    bodies: list[dict[str, Any]] = [
        {"error": {"code": "X", "message": "m", "details": ["a"]}},
        {"error": {"code": 7, "message": None}},
        {"error": "text"},
    ]
    for body in bodies:
        client = Client("http://worker")
        answering(client._transport, (400, body, {}))
        with pytest.raises(ValidationError) as caught:
            client.job(ID)
        assert caught.value.details == {}
