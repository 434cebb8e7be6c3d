"""The client and a Flask API that uses the drop-in, with the running system."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from opentelemetry import trace
from otel_worker_client import Client, JobFailedError, NotFoundError, ServiceUnavailableError, ValidationError
from otel_worker_client.distance_client import DistanceClient

from local.stack import Stack
from tests.integration import demo_api
from tests.integration.ports import free_port
from tests.integration.processes import Gate
from tests.integration.whole_stack import wait_until
from tests.telemetry_capture import capture_telemetry

DAY = ("2026-01-21", "iphone_stuart")


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    with Client.from_environ({"OTEL_WORKER_URL": stack.url}) as client:
        yield client


def test_job_is_submitted_downloaded_listed_and_deleted(client: Client, tmp_path: Path) -> None:
    assert client.healthy()
    job = client.wait(client.submit(*DAY).job_id)
    assert job.result
    saved = client.download(job, tmp_path)
    assert saved.stat().st_size == job.result.csv_size_bytes
    assert len(saved.read_text(encoding="utf-8").splitlines()) == job.result.total_locations + 1
    assert job.job_id in [listed.job_id for listed in client.jobs(status="completed", date=DAY[0], device_id=DAY[1])]
    assert b"".join(client.csv(saved.name)) == saved.read_bytes()
    client.delete(job.job_id)
    with pytest.raises(NotFoundError):
        client.job(job.job_id)


def test_same_idempotency_key_returns_the_same_job(client: Client) -> None:
    first, second = (client.submit(*DAY, idempotency_key="test-client") for _ in range(2))
    assert first.job_id == second.job_id
    with pytest.raises(ValidationError, match="Idempotency-Key was used with another body"):
        client.submit("2026-01-22", idempotency_key="test-client")


def test_day_without_fixes_and_invalid_date_raise_their_errors(client: Client) -> None:
    with pytest.raises(JobFailedError, match="No location data found for date 2026-01-21") as failed:
        client.wait(client.submit(DAY[0], "unknown").job_id)
    assert failed.value.code == "NO_DATA"
    with pytest.raises(ValidationError, match="Expected YYYY-MM-DD") as invalid:
        client.submit("2026-1-25")
    assert invalid.value.details == {"field": "date", "value": "2026-1-25"}
    assert len(invalid.value.trace_id) == 32


def test_calls_succeed_after_the_service_is_reachable_again(stack: Stack) -> None:
    with Gate(stack.url) as gate, Client(gate.url, timeout=20) as client:
        assert client.healthy()
        gate.close()
        assert not client.healthy()
        with pytest.raises(ServiceUnavailableError):
            Client(gate.url, timeout=0.5).page()
        gate.open()
        assert client.page(limit=1).limit == 1


def test_trace_of_the_caller_is_propagated(stack: Stack) -> None:
    caller = trace.NonRecordingSpan(trace.SpanContext(0xABC, 0xDEF, is_remote=False))
    with capture_telemetry() as telemetry, Client(stack.url) as client, trace.use_span(caller):
        job = client.submit(*DAY)
    assert client.job(job.job_id).job_trace_id == f"{0xABC:032x}"
    assert telemetry.spans == []


def test_list_rows_equal_the_jobs_of_status(client: Client) -> None:
    job_ids = [client.submit("2026-01-22", device).job_id for device in ("garmin", "unknown")]
    job = client.wait(job_ids[0])
    with pytest.raises(JobFailedError):
        client.wait(job_ids[1])
    completed, failed = (
        next(row for row in client.page(status=status, date="2026-01-22").jobs if row.job_id in job_ids)
        for status in ("completed", "failed")
    )
    assert job.result
    assert completed.result
    without_url = replace(job.result, csv_download_url=None, csv_download_expires_at=None)
    assert completed.result == replace(without_url, date="", device_id="", analysis=None)
    assert (failed.result, failed.error_message) == (None, "No location data found for date 2026-01-22")
    without_results = client.page(date="2026-01-22", results=False).jobs
    assert not any(row.result or row.error_code for row in without_results)


@pytest.fixture
def demo(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    monkeypatch.setenv("DISTANCE_SERVICE_ENDPOINT", f"127.0.0.1:{stack.plan.options.port}")
    yield demo_api.app().test_client()
    DistanceClient().close()


def test_flask_api_works_with_the_drop_in(demo: FlaskClient) -> None:
    response = demo.post("/api/distance/calculate", json={"date": DAY[0], "device_id": DAY[1]})
    assert response.status_code == 202
    assert response.json
    assert response.json["queued_at"].endswith("Z")
    path = response.json["status_url"]
    wait_until(lambda: (demo.get(path).json or {})["status"] == "completed")
    job = demo.get(path).json or {}
    assert {"started_at", "completed_at"} <= set(job)
    result = job["result"]
    assert (result["total_locations"], result["date"], result["device_id"]) == (1463, *DAY)
    csv = demo.get(result["csv_download_url"])
    assert (csv.status_code, csv.mimetype) == (200, "text/csv")
    name = result["csv_download_url"].removeprefix("/api/distance/download/")
    assert csv.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert len(csv.text.splitlines()) == 1464
    listed = demo.get(f"/api/distance/jobs?status=completed&limit=1&date={DAY[0]}").json
    assert listed
    assert listed["jobs"][0]["completed_at"]
    assert listed["total_count"] >= 1


def test_flask_api_maps_the_services_errors(demo: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert demo.post("/api/distance/calculate", json={"date": "2026-1-25"}).status_code == 400
    assert demo.get("/api/distance/jobs/none").status_code == 404
    assert demo.get("/api/distance/download/distance_20200101.csv").status_code == 404
    assert demo.get("/api/distance/download/day.csv").status_code == 400
    assert demo.get("/api/distance/jobs?device_id=a@b").status_code == 500  # without the clause for the list
    monkeypatch.setenv("DISTANCE_SERVICE_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("DISTANCE_SERVICE_TIMEOUT", "1")
    unavailable = demo.get("/api/distance/jobs")
    assert (unavailable.status_code, unavailable.json["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")  # type: ignore[index] # it is JSON
    assert not DistanceClient().health_check()


def test_drop_in_is_a_singleton_per_endpoint_until_closed(stack: Stack) -> None:
    with DistanceClient(stack.url) as first:
        assert DistanceClient(stack.url) is first
        assert first.health_check()
        assert (first.endpoint, first.timeout) == (stack.url, 30)
    second = DistanceClient.from_environ({"DISTANCE_SERVICE_ENDPOINT": stack.url, "DISTANCE_SERVICE_TIMEOUT": "5"})
    assert second is not first
    assert second.timeout == 5
    second.close()
