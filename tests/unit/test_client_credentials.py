"""What the client shows to the service, and to nobody else."""

from pathlib import Path
from typing import Any

import pytest
from otel_worker_client import Client, NotAllowedError
from otel_worker_client.distance_client import DistanceClient

from tests.scripted import Scripted, answering
from tests.unit.test_client import ACCEPTED, CSV, DONE, ID, REFUSED, TAG


def shown(server: Scripted, name: str) -> list[str | None]:
    return [request.headers.get(name) for request in server.requests]


def test_credentials_are_sent_with_every_attempt_and_not_to_object_storage(tmp_path: Path) -> None:
    tokens = iter(["first", "second", "third"])
    client = Client("http://worker", token=lambda: next(tokens), api_key="k" * 32)
    refused = (503, b"", {"Retry-After": "0"})
    server = answering(client._transport, refused, (202, ACCEPTED, {}), (200, DONE, {}), (200, CSV, {"ETag": TAG}))
    client.submit("2026-01-25")
    client.download(ID, tmp_path)
    assert shown(server, "Authorization") == ["Bearer first", "Bearer second", "Bearer third", None]
    assert shown(server, "X-API-Key") == ["k" * 32, "k" * 32, "k" * 32, None]


def test_anonymous_requests_ignore_netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine worker login ada password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    client = Client("http://worker")
    server = answering(client._transport, (200, DONE, {}))
    client.job(ID)
    assert shown(server, "Authorization") == [None]


@pytest.mark.parametrize("status", [401, 403])
def test_rejected_credentials_are_not_retried(status: int) -> None:
    client = Client("http://worker", token="old")
    server = answering(client._transport, (status, REFUSED, {}))
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
    server = answering(client._transport, (200, DONE, {}))
    client.job(ID)
    assert shown(server, header) == [text]


def test_distance_client_reads_its_key_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISTANCE_SERVICE_ENDPOINT", "worker:8080")
    monkeypatch.setenv("DISTANCE_SERVICE_API_KEY", "key")
    with DistanceClient.from_environ() as client:
        server = answering(client._client._transport, (200, DONE, {}))
        client.get_job_status(ID)
        assert shown(server, "X-API-Key") == ["key"]
    with DistanceClient("another:8080") as client:
        server = answering(client._client._transport, (200, DONE, {}))
        client.get_job_status(ID)
        assert shown(server, "X-API-Key") == [None]
