"""The client: its requests, its retries, and its interpretation of responses."""

import hashlib
import sys
from datetime import UTC
from typing import Any

import pytest
import requests
from otel_worker_client import (
    Client,
    ConflictError,
    Devices,
    JobFailedError,
    NotFinishedError,
    NotFoundError,
    OtelWorkerError,
    RouteNotFoundError,
    ServiceUnavailableError,
    ValidationError,
)

from tests.scripted import ScriptedAdapter, ScriptedResponse, script_responses

ID = "019bfa00-0000-7000-8000-000000000001"
ACCEPTED: dict[str, Any] = {"job_id": ID, "status": "queued", "queued_at": "2026-01-26T12:00:00.345Z", "new": 1}
CSV = b"timestamp,device_id\n" * 5_000
RESULT: dict[str, Any] = {
    **dict.fromkeys(("total_distance_km", "max_distance_km", "min_distance_km", "avg_distance_km"), 1.5),
    **dict.fromkeys(("path_length_km", "away_minutes"), 2.5),
    **dict.fromkeys(("total_locations", "rejected_locations", "processing_time_ms"), 3),
    "csv_path": f"csv/{ID}/1/distance_20260125_{ID}.csv",
    "csv_size_bytes": len(CSV),
    "csv_sha256": hashlib.sha256(CSV).hexdigest(),
    "csv_download_url": "http://storage/csv?X-Amz-Signature=1",
    "csv_download_expires_at": "2026-01-26T12:15:00.345Z",
}
DONE: dict[str, Any] = {**ACCEPTED, "status": "completed", "date": "2026-01-25", "device_id": "", "result": RESULT}
ERROR_BODY: dict[str, Any] = {
    "error": {"code": "VALIDATION_ERROR", "message": "Unknown time zone", "details": {"field": "timezone"}},
    "trace_id": "0af7651916cd43dd8448eb211c80319c",
}
UNAVAILABLE: ScriptedResponse = (503, b"no healthy upstream", {"Retry-After": "0"})
TAG = '"0123456789abcdef0123456789abcdef"'  # as with SSE-KMS: not an MD5


def ok(body: dict[str, Any], **headers: str) -> ScriptedResponse:
    return 200, body, headers


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Replace `time.sleep` and return the requested durations."""
    durations: list[float] = []
    monkeypatch.setattr("time.sleep", durations.append)
    return durations


@pytest.fixture
def client() -> Client:
    return Client("http://worker/", timeout=60)


def script(client: Client, *responses: ScriptedResponse) -> ScriptedAdapter:
    return script_responses(client._transport, *responses)


def test_submission_sends_its_fields_and_a_new_key(client: Client) -> None:
    server = script(client, (202, ACCEPTED, {}))
    job = client.submit("2026-01-25", "garmin", home=(51.5, -0.1), away_threshold_km=0)
    assert server.sent() == {
        "date": "2026-01-25",
        "device_id": "garmin",
        "home": {"latitude": 51.5, "longitude": -0.1},
        "away_threshold_km": 0,
    }
    assert (job.job_id, job.date, job.device_id, job.finished) == (ID, "2026-01-25", "garmin", False)
    assert job.queued_at.isoformat() == "2026-01-26T12:00:00.345000+00:00"
    client.submit("2026-01-25", idempotency_key="night")
    first, second = (request.headers["Idempotency-Key"] for request in server.requests)
    assert (len(first), second) == (36, "night")


def test_every_attempt_of_a_submission_has_the_same_key(client: Client, pauses: list[float]) -> None:
    server = script(
        client, requests.ConnectionError("refused"), UNAVAILABLE, (429, {}, {"Retry-After": "7"}), (202, ACCEPTED, {})
    )
    assert client.submit("2026-01-25").job_id == ID
    assert len({request.headers["Idempotency-Key"] for request in server.requests}) == 1
    assert len(pauses) == 3
    assert pauses[2] >= 7
    assert pauses[0] < 0.51


def test_retries_end_before_the_timeout(client: Client, pauses: list[float]) -> None:
    script(
        client,
        (
            503,
            ERROR_BODY | {"error": {"code": "SERVICE_UNAVAILABLE", "message": "Unavailable: storage"}},
            {"Retry-After": "61"},
        ),
    )
    with pytest.raises(ServiceUnavailableError, match="Unavailable: storage") as caught:
        client.job(ID)
    assert (caught.value.code, caught.value.status, pauses) == ("SERVICE_UNAVAILABLE", 503, [])
    script(client, requests.ConnectTimeout("http://user:secret@worker"))
    quick = Client("http://worker", timeout=0.2)
    script(quick, requests.ConnectTimeout("http://user:secret@worker"))
    with pytest.raises(ServiceUnavailableError, match="unreachable: ConnectTimeout") as unreachable:
        quick.job(ID)
    assert "secret" not in str(unreachable.value)


CONFLICT: ScriptedResponse = (409, {"error": {"code": "CONFLICT", "message": "Attempts change the job"}}, {})


def test_conflicts_are_retried_with_the_same_key(client: Client) -> None:
    server = script(client, CONFLICT, CONFLICT, (202, ACCEPTED, {}))
    assert client.submit("2026-01-25").job_id == ID
    assert len({request.headers["Idempotency-Key"] for request in server.requests}) == 1
    server = script(client, CONFLICT, (204, b"", {}))
    client.delete(ID)
    assert [request.method for request in server.requests] == ["DELETE"] * 2


def test_conflict_until_the_timeout_has_an_error_of_its_own() -> None:
    quick = Client("http://worker", timeout=0.2)
    script(quick, CONFLICT)
    with pytest.raises(ConflictError, match="Attempts change the job") as caught:
        quick.delete(ID)
    assert (caught.value.code, caught.value.status) == ("CONFLICT", 409)


@pytest.mark.parametrize(
    ("response", "kind", "message"),
    [
        ((400, ERROR_BODY, {}), ValidationError, "Unknown time zone"),
        ((422, ERROR_BODY, {}), ValidationError, "Unknown time zone"),
        ((404, ERROR_BODY, {}), NotFoundError, "Unknown time zone"),
        ((500, ERROR_BODY, {}), OtelWorkerError, "Unknown time zone"),
        ((404, b"<html>", {"X-Trace-Id": "t"}), RouteNotFoundError, "HTTP 404"),
        ((400, b"[]", {}), ValidationError, "HTTP 400"),
    ],
)
def test_errors_have_the_fields_of_the_services_envelope(
    client: Client, response: ScriptedResponse, kind: type[Exception], message: str
) -> None:
    server = script(client, response)
    with pytest.raises(kind, match=message) as caught:
        client.job(ID)
    assert type(caught.value) is kind
    assert len(server.requests) == 1
    if isinstance(caught.value, ValidationError) and "HTTP" not in message:
        assert (caught.value.details, caught.value.trace_id) == ({"field": "timezone"}, ERROR_BODY["trace_id"])


def test_waiting_polls_at_the_interval_of_retry_after(client: Client, pauses: list[float]) -> None:
    working = ok({**ACCEPTED, "status": "processing"}, **{"Retry-After": "2"})
    script(client, ok(ACCEPTED, **{"Retry-After": "1"}), working, ok(DONE))
    statuses: list[str] = []
    job = client.wait(ID, on_poll=lambda job: statuses.append(job.status))
    assert statuses == ["queued", "processing", "completed"]
    assert pauses == [1, 2]
    assert job.result
    assert (job.result.total_locations, job.result.csv_size_bytes) == (3, len(CSV))


def test_waiting_raises_for_failed_and_unfinished_jobs(client: Client) -> None:
    script(client, ok({**ACCEPTED, "status": "failed", "error_code": "NO_DATA", "error_message": "No location data"}))
    with pytest.raises(JobFailedError, match="No location data") as failed:
        client.wait(ID)
    assert failed.value.code == "NO_DATA"
    script(client, ok(ACCEPTED, **{"Retry-After": "1"}))
    with pytest.raises(NotFinishedError, match="still queued after 0 s"):
        client.wait(ID, timeout=0)


def test_jobs_yields_every_job_once(client: Client) -> None:
    rows = [{**ACCEPTED, "job_id": name} for name in ("c", "b", "a")]
    first = {"jobs": rows[:2], "total_count": 3, "limit": 500, "offset": 0, "next_offset": 500}
    second = {"jobs": rows[1:], "total_count": 3, "limit": 500, "offset": 500, "next_offset": None}
    server = script(client, ok(first), ok(second))
    assert [job.job_id for job in client.jobs(status="queued")] == ["c", "b", "a"]
    assert [str(request.url).split("?")[1] for request in server.requests] == [
        "limit=500&offset=0&status=queued",
        "limit=500&offset=500&status=queued",
    ]


def test_a_page_has_results_unless_disabled(client: Client) -> None:
    numbers = {name: value for name, value in RESULT.items() if not name.startswith("csv_download")}
    failed = {**ACCEPTED, "status": "failed", "error_code": "NO_DATA", "error_message": "No location data"}
    rows = [{**DONE, "result": numbers}, failed, ACCEPTED]
    server = script(client, ok({"jobs": rows, "total_count": 3, "limit": 50, "offset": 0, "next_offset": None}))
    completed, no_data, queued = client.page().jobs
    assert completed.result
    assert (completed.result.max_distance_km, completed.result.csv_download_url) == (1.5, None)
    assert (no_data.error_code, no_data.error_message, no_data.result) == ("NO_DATA", "No location data", None)
    assert queued.result is None
    client.page(results=False)
    list(client.jobs(results=False))
    assert [str(request.url).split("?")[1] for request in server.requests] == [
        "limit=50&offset=0",
        "limit=50&offset=0&results=false",
        "limit=500&offset=0&results=false",
    ]


def test_a_job_id_is_escaped_in_the_path(client: Client) -> None:
    server = script(client, (404, ERROR_BODY, {}))
    for name in ("../jobs?limit=1", "a/b#c"):
        with pytest.raises(NotFoundError):
            client.delete(name)
    assert [str(request.url).removeprefix("http://worker/api/distance/jobs/") for request in server.requests] == [
        "..%2Fjobs%3Flimit%3D1",
        "a%2Fb%23c",
    ]
    with pytest.raises(NotFoundError):
        client.job("")
    assert len(server.requests) == 2


def test_waiting_continues_while_the_service_is_unavailable() -> None:
    client = Client("http://worker", timeout=0.1)
    script(client, requests.ConnectionError(), requests.ConnectionError(), ok(DONE))
    assert client.wait(ID).status == "completed"
    script(client, requests.ConnectionError())
    with pytest.raises(NotFinishedError, match="still unknown after 0 s"):
        client.wait(ID, timeout=0.2)


def test_the_client_works_without_opentelemetry(monkeypatch: pytest.MonkeyPatch, client: Client) -> None:
    monkeypatch.setattr(sys.modules["otel_worker_client.tracing"], "propagate", None)
    monkeypatch.setattr(sys.modules["otel_worker_client.tracing"], "trace", None)
    server = script(client, ok(DONE))
    client.job(ID)
    assert "traceparent" not in server.requests[0].headers


def test_devices_have_their_latest_fix(client: Client) -> None:
    device = {"device_id": "garmin", "last_fix_at": "2026-01-26T12:00:00.345Z", "new": 1}
    script(
        client,
        ok({"devices": [device], "as_of": "2026-01-26T12:30:00.345Z", "trace_id": "t"}),
        ok({"devices": [], "as_of": None}),
    )
    listed = client.devices()
    assert [(item.device_id, item.last_fix_at.minute) for item in listed.devices] == [("garmin", 0)]
    assert listed.as_of
    assert (listed.as_of.minute, listed.as_of.tzinfo) == (30, UTC)
    assert client.devices() == Devices((), None)


def test_stats_counts_jobs_by_state(client: Client) -> None:
    script(client, ok({"queued": 1, "total": 1, "trace_id": "t"}))
    assert client.stats() == {"queued": 1, "total": 1}
