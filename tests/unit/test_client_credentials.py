"""Credentials: where the client reads them, and to which servers it sends them."""

from pathlib import Path
from typing import Any

import pytest
from otel_worker_client import Client, NotAllowedError
from otel_worker_client.distance_client import DistanceClient

from tests.scripted import ScriptedAdapter, script_responses
from tests.unit.test_client import ACCEPTED, CSV, DONE, ERROR_BODY, ID, TAG


def sent_headers(server: ScriptedAdapter, name: str) -> list[str | None]:
    return [request.headers.get(name) for request in server.requests]


def test_credentials_are_sent_with_every_attempt_and_not_to_object_storage(tmp_path: Path) -> None:
    tokens = iter(["first", "second", "third"])
    client = Client("http://worker", token=lambda: next(tokens), api_key="k" * 32)
    unavailable = (503, b"", {"Retry-After": "0"})
    server = script_responses(
        client._transport, unavailable, (202, ACCEPTED, {}), (200, DONE, {}), (200, CSV, {"ETag": TAG})
    )
    client.submit("2026-01-25")
    client.download(ID, tmp_path)
    assert sent_headers(server, "Authorization") == ["Bearer first", "Bearer second", "Bearer third", None]
    assert sent_headers(server, "X-API-Key") == ["k" * 32, "k" * 32, "k" * 32, None]


def test_anonymous_requests_ignore_netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine worker login ada password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    client = Client("http://worker")
    server = script_responses(client._transport, (200, DONE, {}))
    client.job(ID)
    assert sent_headers(server, "Authorization") == [None]


@pytest.mark.parametrize("status", [401, 403])
def test_rejected_credentials_are_not_retried(status: int) -> None:
    client = Client("http://worker", token="old")
    server = script_responses(client._transport, (status, ERROR_BODY, {}))
    with pytest.raises(NotAllowedError) as caught:
        client.job(ID)
    assert caught.value.status == status
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("environ", "header", "text"),
    [
        ({"OTEL_WORKER_TOKEN": "abc"}, "Authorization", "Bearer abc"),
        ({"OTEL_WORKER_API_KEY": "key"}, "X-API-Key", "key"),
        ({"OTEL_WORKER_TOKEN": "", "OTEL_WORKER_API_KEY": ""}, "Authorization", None),
    ],
)
def test_credentials_are_read_from_the_environment(environ: dict[str, Any], header: str, text: str | None) -> None:
    client = Client.from_environ(environ)
    server = script_responses(client._transport, (200, DONE, {}))
    client.job(ID)
    assert sent_headers(server, header) == [text]


def test_distance_client_reads_its_key_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISTANCE_SERVICE_ENDPOINT", "worker:8080")
    monkeypatch.setenv("DISTANCE_SERVICE_API_KEY", "key")
    with DistanceClient.from_environ() as client:
        server = script_responses(client._client._transport, (200, DONE, {}))
        client.get_job_status(ID)
        assert sent_headers(server, "X-API-Key") == ["key"]
    with DistanceClient("another:8080") as client:
        server = script_responses(client._client._transport, (200, DONE, {}))
        client.get_job_status(ID)
        assert sent_headers(server, "X-API-Key") == [None]
