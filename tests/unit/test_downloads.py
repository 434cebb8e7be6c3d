"""Downloads: resumed after interruptions, and verified by the job's size and SHA-256."""

import hashlib
from pathlib import Path

import pytest
import requests
from otel_worker_client import Client, DownloadError, NotFoundError

from tests.scripted import ScriptedResponse
from tests.unit.test_client import ACCEPTED, CSV, DONE, ID, RESULT, TAG, ok, script


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr("time.sleep", lambda _: None)  # tenacity's pauses
    return Client("http://worker/", timeout=60)


def test_a_download_resumes_with_a_new_presigned_url(client: Client, tmp_path: Path) -> None:
    half = len(CSV) // 2
    truncated: ScriptedResponse = (200, CSV[:half], {"ETag": TAG, "Content-Length": str(half)})
    expired: ScriptedResponse = (403, b"<Code>AccessDenied</Code>", {})
    remainder: ScriptedResponse = (206, CSV[half:], {"ETag": TAG})
    server = script(client, ok(DONE), truncated, expired, ok(DONE), requests.ConnectionError(), remainder)
    saved = client.download(ID, tmp_path)
    assert saved == tmp_path / f"distance_20260125_{ID}.csv"
    assert saved.read_bytes() == CSV
    assert [request.headers.get("Range") for request in server.requests][-1] == f"bytes={half}-"
    assert server.requests[-1].headers["If-Range"] == TAG
    assert list(tmp_path.iterdir()) == [saved]


def test_a_csv_without_an_etag_is_downloaded_with_one_request(client: Client, tmp_path: Path) -> None:
    server = script(client, ok(DONE), (200, CSV, {}))
    assert client.download(ID, tmp_path / "day.csv").read_bytes() == CSV
    assert len(server.requests) == 2


def test_a_changed_object_is_downloaded_from_the_start(client: Client, tmp_path: Path) -> None:
    script(client, ok(DONE), (200, CSV[:10], {"ETag": '"old"'}), (200, CSV, {"ETag": '"new-2"'}))
    assert client.download(ID, tmp_path / "day.csv").read_bytes() == CSV


@pytest.mark.parametrize(
    ("response", "message"),
    [
        ((200, CSV[:-1], {"ETag": '"part-2"'}), "99999 of 100000 bytes"),
        (
            (200, CSV[:-1] + b"x", {"ETag": f'"{hashlib.md5(CSV[:-1] + b"x").hexdigest()}"'}),
            "differs from the job's csv_sha256",
        ),
        ((200, CSV[:-1] + b"x", {}), "differs from the job's csv_sha256"),
        ((500, b"", {}), "0 of 100000 bytes"),
    ],
)
def test_a_file_that_is_not_the_csv_is_deleted(
    client: Client, tmp_path: Path, response: ScriptedResponse, message: str
) -> None:
    script(client, ok(DONE), response)
    with pytest.raises(DownloadError, match=message):
        client.download(ID, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("tag", [TAG, '"part-2"', f'"{hashlib.md5(CSV).hexdigest()}"', f"W/{TAG}"])
def test_the_etag_is_not_compared_with_the_file(client: Client, tmp_path: Path, tag: str) -> None:
    script(client, ok(DONE), (200, CSV, {"ETag": tag}))
    assert client.download(ID, tmp_path).read_bytes() == CSV


@pytest.mark.parametrize("older", [{}, {"csv_sha256": None}], ids=["field missing", "null"])
def test_a_csv_without_a_digest_is_verified_by_its_size(client: Client, tmp_path: Path, older: dict[str, None]) -> None:
    result = {name: value for name, value in RESULT.items() if name != "csv_sha256"} | older
    script(client, ok({**DONE, "result": result}), (200, CSV, {"ETag": TAG}))
    assert client.download(ID, tmp_path / "day.csv").read_bytes() == CSV
    script(client, ok({**DONE, "result": result}), (200, CSV[:-1], {"ETag": TAG}))
    with pytest.raises(DownloadError, match="99999 of 100000 bytes"):
        client.download(ID, tmp_path / "other.csv")


def test_unfinished_and_expired_jobs_have_no_csv(client: Client, tmp_path: Path) -> None:
    script(client, ok(ACCEPTED))
    with pytest.raises(DownloadError, match="is queued"):
        client.download(ID, tmp_path)
    script(client, ok({**DONE, "result": {**RESULT, "csv_download_url": None}}))
    with pytest.raises(NotFoundError, match="has expired"):
        client.download(ID, tmp_path)
