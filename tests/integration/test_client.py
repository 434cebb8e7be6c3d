"""The client against the running system, and a Flask API that stands on its drop-in."""

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
from tests.watched import watched

DAY = ("2026-01-21", "iphone_stuart")


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    with Client.from_environ({"OTEL_WORKER_URL": stack.url}) as made:
        yield made


def test_a_day_is_submitted_followed_downloaded_listed_and_deleted(client: Client, tmp_path: Path) -> None:
    assert client.healthy()
    job = client.wait(client.submit(*DAY).job_id)
    assert job.result
    saved = client.download(job, tmp_path)
    assert saved.stat().st_size == job.result.csv_size_bytes
    assert len(saved.read_text(encoding="utf-8").splitlines()) == job.result.total_locations + 1
    assert job.job_id in [one.job_id for one in client.jobs(status="completed", date=DAY[0], device_id=DAY[1])]
    assert b"".join(client.csv(saved.name)) == saved.read_bytes()
    client.delete(job.job_id)
    with pytest.raises(NotFoundError):
        client.job(job.job_id)


def test_the_same_key_is_the_same_job(client: Client) -> None:
    first, second = (client.submit(*DAY, idempotency_key="test-client") for _ in range(2))
    assert first.job_id == second.job_id
    with pytest.raises(ValidationError, match="Idempotency-Key was used with another body"):
        client.submit("2026-01-22", idempotency_key="test-client")


def test_a_day_without_fixes_and_a_bad_one_are_errors_of_their_own(client: Client) -> None:
    with pytest.raises(JobFailedError, match="No location data found for date 2026-01-21") as failed:
        client.wait(client.submit(DAY[0], "nobody").job_id)
    assert failed.value.code == "NO_DATA"
    with pytest.raises(ValidationError, match="Expected YYYY-MM-DD") as refused:
        client.submit("2026-1-25")
    assert refused.value.details == {"field": "date", "value": "2026-1-25"}
    assert len(refused.value.trace_id) == 32


def test_a_service_that_comes_back_in_time_was_never_away(stack: Stack) -> None:
    with Gate(stack.url) as gate, Client(gate.url, timeout=20) as client:
        assert client.healthy()
        gate.shut()
        assert not client.healthy()
        with pytest.raises(ServiceUnavailableError):
            Client(gate.url, timeout=0.5).page()
        gate.open()
        assert client.page(limit=1).limit == 1


def test_the_services_see_the_trace_of_the_caller(stack: Stack) -> None:
    caller = trace.NonRecordingSpan(trace.SpanContext(0xABC, 0xDEF, is_remote=False))
    with watched() as watching, Client(stack.url) as client, trace.use_span(caller):
        job = client.submit(*DAY)
    assert client.job(job.job_id).job_trace_id == f"{0xABC:032x}"
    assert watching.spans == []


def test_the_list_makes_status_calls_needless(client: Client) -> None:
    ended = [client.submit("2026-01-22", device).job_id for device in ("garmin", "nobody")]
    job = client.wait(ended[0])
    with pytest.raises(JobFailedError):
        client.wait(ended[1])
    done, failed = (
        next(one for one in client.page(status=status, date="2026-01-22").jobs if one.job_id in ended)
        for status in ("completed", "failed")
    )
    assert job.result
    assert done.result
    without_its_way = replace(job.result, csv_download_url=None, csv_download_expires_at=None)
    assert done.result == replace(without_its_way, date="", device_id="")
    assert (failed.result, failed.error_message) == (None, "No location data found for date 2026-01-22")
    bare = client.page(date="2026-01-22", results=False).jobs
    assert not any(one.result or one.error_code for one in bare)


@pytest.fixture
def demo(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    monkeypatch.setenv("DISTANCE_SERVICE_ENDPOINT", f"127.0.0.1:{stack.plan.options.port}")
    yield demo_api.app().test_client()
    DistanceClient().close()


def test_an_api_stands_on_the_drop_in_as_it_stood_on_grpc(demo: FlaskClient) -> None:
    answer = demo.post("/api/distance/calculate", json={"date": DAY[0], "device_id": DAY[1]})
    assert answer.status_code == 202
    assert answer.json
    assert answer.json["queued_at"].endswith("Z")
    path = answer.json["status_url"]
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


def test_the_apis_errors_are_those_of_the_service(demo: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert demo.post("/api/distance/calculate", json={"date": "2026-1-25"}).status_code == 400
    assert demo.get("/api/distance/jobs/none").status_code == 404
    assert demo.get("/api/distance/download/distance_20200101.csv").status_code == 404
    assert demo.get("/api/distance/download/day.csv").status_code == 400
    assert demo.get("/api/distance/jobs?device_id=a@b").status_code == 500  # without the clause for the list
    monkeypatch.setenv("DISTANCE_SERVICE_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("DISTANCE_SERVICE_TIMEOUT", "1")
    away = demo.get("/api/distance/jobs")
    assert (away.status_code, away.json["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")  # type: ignore[index] # it is JSON
    assert not DistanceClient().health_check()


def test_a_drop_in_is_one_for_each_endpoint_until_it_is_closed(stack: Stack) -> None:
    with DistanceClient(stack.url) as first:
        assert DistanceClient(stack.url) is first
        assert first.health_check()
        assert (first.endpoint, first.timeout) == (stack.url, 30)
    second = DistanceClient.from_environ({"DISTANCE_SERVICE_ENDPOINT": stack.url, "DISTANCE_SERVICE_TIMEOUT": "5"})
    assert second is not first
    assert second.timeout == 5
    second.close()
