"""GET and DELETE /api/distance/jobs/{id}, and GET /api/distance/download/{filename}."""

import json
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.jobs import deletion
from shared.version import VERSION
from tests.builders import JOB_ID, analysis, record, result
from tests.fakes import NOW, outage
from tests.functional.status_function import Status


@pytest.fixture
def status() -> Status:
    return Status()


def test_deleted_job_is_removed_with_its_csv(status: Status) -> None:
    job = status.completed()
    assert job.result is not None
    status.csvs.put(job.result.csv_path, b"csv")
    response = status.client.delete(f"/api/distance/jobs/{JOB_ID.upper()}")
    assert (response.status_code, response.data) == (204, b"")
    assert status.client.get(f"/api/distance/jobs/{JOB_ID}").status_code == 404
    assert status.client.get("/api/distance/download/distance_20260125_iphone_stuart.csv").status_code == 404
    assert not status.csvs.objects
    assert status.client.delete(f"/api/distance/jobs/{JOB_ID}").status_code == 204


def test_download_falls_back_when_the_newest_job_is_deleted(status: Status) -> None:
    older = status.completed()
    status.clock.advance(seconds=1)
    newest = status.completed(job_id=f"{JOB_ID[:-1]}2", queued_at=status.clock.now)
    assert older.result is not None

    def delete_newest(name: str, key: str) -> None:
        if name == "get" and newest.job_id in key:
            status.bucket.before = lambda name, key: None
            deletion.delete(status.jobs, status.csvs, newest.job_id)

    status.bucket.before = delete_newest
    assert older.result.csv_path in status.location("distance_20260125_iphone_stuart.csv")


@pytest.mark.parametrize("job_id", [JOB_ID, "nonsense", f"{JOB_ID}0"])
def test_deleting_an_unknown_job_returns_404(status: Status, job_id: str) -> None:
    response = status.client.delete(f"/api/distance/jobs/{job_id}")
    assert response.status_code == 404
    assert not status.bucket.objects


def test_interrupted_deletion_returns_503(status: Status) -> None:
    status.completed()
    with outage(status.csvs):
        assert status.client.delete(f"/api/distance/jobs/{JOB_ID}").status_code == 503


def test_expired_csv_has_no_url_and_its_result_stays(status: Status) -> None:
    status.completed()
    status.clock.advance(days=30)
    assert status.body()["result"]["csv_download_url"]
    status.clock.advance(seconds=1)
    job_result = status.body()["result"]
    assert (job_result["csv_download_url"], job_result["csv_download_expires_at"]) == (None, None)
    assert job_result["total_distance_km"] == 19.44
    assert status.client.get("/api/distance/download/distance_20260125_iphone_stuart.csv").status_code == 404


def test_queued_job_has_only_known_fields(status: Status) -> None:
    status.jobs.create(record())
    assert status.body() == {
        "job_id": JOB_ID,
        "status": "queued",
        "date": "2026-01-25",
        "device_id": "iphone_stuart",
        "timezone": "UTC",
        "queued_at": "2026-01-26T12:00:00.345Z",
        "job_trace_id": "0af7651916cd43dd8448eb211c80319c",
    }


@pytest.mark.parametrize("claimed", [False, True])
def test_unfinished_job_has_retry_after(status: Status, claimed: bool) -> None:
    status.jobs.create(record())
    if claimed:
        status.jobs.claim(JOB_ID)
    assert int(status.client.get(f"/api/distance/jobs/{JOB_ID}").headers["Retry-After"]) >= 1


def test_processing_job_has_started_at(status: Status) -> None:
    status.jobs.create(record())
    status.clock.advance(seconds=1)
    status.jobs.claim(JOB_ID)
    body = status.body()
    assert (body["status"], body["started_at"]) == ("processing", "2026-01-26T12:00:01.345Z")
    assert "completed_at" not in body
    assert "result" not in body


@pytest.mark.parametrize("field", ["csv_sha256", "worker_version", "analysis"])
def test_missing_result_field_is_null(status: Status, field: str) -> None:
    status.jobs.create(record())
    status.jobs.complete(status.jobs.claim(JOB_ID), result())
    key, stored = next((key, item) for key, item in status.bucket.objects.items() if key.endswith(".json"))
    older = json.loads(stored.body)
    del older["result"][field]
    status.bucket.put(key, json.dumps(older).encode())
    assert status.body()["result"][field] is None


def test_completed_job_has_its_result_and_a_url(status: Status) -> None:
    status.completed()
    body = status.body()
    name = f"distance_20260125_iphone_stuart_{JOB_ID}.csv"
    assert list(body) == [
        "job_id",
        "status",
        "date",
        "device_id",
        "queued_at",
        "started_at",
        "completed_at",
        "result",
    ] or set(body)
    assert body["result"] == {
        "csv_download_url": f"http://csv.example/csv/{JOB_ID}/1/{name}?as=distance_20260125_iphone_stuart.csv",
        "csv_download_expires_at": "2026-01-26T12:15:00.345Z",
        "csv_path": f"csv/{JOB_ID}/1/{name}",
        "csv_size_bytes": 123456,
        "csv_sha256": "31e5ffba38082e1245e4f58accaa693c4a91a0a9b706a163e87919367cddc5b3",
        "csv_download_path": f"/api/distance/download/{name}",
        "total_distance_km": 19.44,
        "total_locations": 1464,
        "max_distance_km": 0.31,
        "min_distance_km": 0.001,
        "avg_distance_km": 0.013,
        "path_length_km": 2.718,
        "away_minutes": 0.0,
        "rejected_locations": 0,
        "processing_time_ms": 600,
        "worker_version": VERSION,
        "date": "2026-01-25",
        "device_id": "iphone_stuart",
        "analysis": analysis(),
    }
    assert "Retry-After" not in status.client.get(f"/api/distance/jobs/{JOB_ID}").headers
    assert "error_message" not in body


def test_failed_job_has_its_error(status: Status) -> None:
    status.jobs.create(record())
    status.jobs.fail(status.jobs.claim(JOB_ID), "NO_DATA", "No location data found for date 2026-01-25")
    body = status.body()
    assert (body["status"], body["error_code"]) == ("failed", "NO_DATA")
    assert body["error_message"] == "No location data found for date 2026-01-25"
    assert "completed_at" in body
    assert "result" not in body


def test_unknown_error_code_is_shown(status: Status) -> None:
    status.jobs.create(record())
    status.jobs.fail(status.jobs.claim(JOB_ID), "OF_ANOTHER_VERSION", "Some other reason")
    assert status.body()["error_code"] == "OF_ANOTHER_VERSION"


def test_response_has_no_internal_fields(status: Status) -> None:
    status.completed()
    text = status.client.get(f"/api/distance/jobs/{JOB_ID}").text
    assert not any(word in text for word in ("owner", "lease", "marker", "latitude", "40.736", "traceparent"))


@pytest.mark.parametrize("job_id", ["x", JOB_ID[:-1], JOB_ID + "0", "..%2f..", "jobs", JOB_ID[:-1] + "f", "%00"])
def test_unknown_or_malformed_id_returns_404(status: Status, job_id: str) -> None:
    response = status.client.get(f"/api/distance/jobs/{job_id}")
    assert (response.status_code, json.loads(response.data)["error"]["code"]) == (404, "NOT_FOUND")


def test_job_id_is_case_insensitive(status: Status) -> None:
    status.jobs.create(record())
    assert status.body(JOB_ID.upper())["job_id"] == JOB_ID


def test_unavailable_storage_returns_503(status: Status) -> None:
    with outage(status.bucket):
        assert status.client.get(f"/api/distance/jobs/{JOB_ID}").status_code == 503


def test_download_path_of_a_result_redirects_to_its_csv(status: Status) -> None:
    job = status.completed()
    assert job.result is not None
    path = status.body()["result"]["csv_download_path"]
    assert path.startswith("/api/distance/download/distance_")
    assert f"/{job.result.csv_path}?" in status.client.get(path).headers["Location"]


def test_file_name_with_job_id_redirects_to_its_csv(status: Status) -> None:
    job = status.completed()
    assert job.result is not None
    assert f"/{job.result.csv_path}?" in status.location(job.result.csv_path.rsplit("/", 1)[1])


def test_file_name_without_job_id_redirects_to_the_newest_completed_job(status: Status) -> None:
    older, newer, unfinished = (f"{JOB_ID[:-1]}{n}" for n in "123")
    status.completed(job_id=newer, queued_at=NOW + timedelta(seconds=5))
    status.completed(job_id=older)
    status.jobs.create(record(job_id=unfinished, queued_at=NOW + timedelta(seconds=9)))
    status.completed(job_id=f"{JOB_ID[:-1]}4", device_id="")
    assert f"/{newer}/" in status.location("distance_20260125_iphone_stuart.csv")
    assert f"/{JOB_ID[:-1]}4/" in status.location("distance_20260125.csv")


def test_device_named_like_a_job_id_can_be_downloaded(status: Status) -> None:
    status.completed(device_id=JOB_ID)
    assert f"/{JOB_ID}/" in status.location(f"distance_20260125_{JOB_ID}.csv")


@pytest.mark.parametrize(
    "filename",
    [
        "x.csv",
        "distance_a.txt",
        "distance_..%2f..%2fsecret.csv",
        "distance_a%5cb.csv",
        "distance_...csv",
        "a/b",
        "distance_a/b.csv",
        "%2e%2e",
    ],
)
def test_invalid_file_name_returns_400(status: Status, filename: str) -> None:
    response = status.client.get(f"/api/distance/download/{filename}")
    assert (response.status_code, json.loads(response.data)["error"]["code"]) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    "filename", ["distance_20260124.csv", f"distance_20260125_garmin_{JOB_ID}.csv", "distance_x.csv"]
)
def test_unknown_file_returns_404(status: Status, filename: str) -> None:
    status.completed()
    assert status.client.get(f"/api/distance/download/{filename}").status_code == 404


def test_download_of_an_unfinished_job_returns_404(status: Status) -> None:
    status.jobs.create(record())
    assert status.client.get(f"/api/distance/download/distance_20260125_iphone_stuart_{JOB_ID}.csv").status_code == 404


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60))
def test_any_path_is_answered_without_5xx(status: Status, text: str) -> None:
    assert status.client.get("/api/distance/jobs/" + text).status_code in (404, 405, 400, 200)
    assert status.client.get("/api/distance/download/distance_" + text + ".csv").status_code in (302, 400, 404)
