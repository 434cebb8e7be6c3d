"""Spans and metrics of object storage requests, on moto's S3."""

from collections.abc import Iterator

import pytest
from moto import mock_aws
from opentelemetry.trace import SpanKind, StatusCode

from shared.config.settings import Settings
from shared.errors import Unavailable
from shared.storage.bucket import Bucket, ObjectChanged, ObjectMissing, client
from shared.telemetry import metrics
from tests.telemetry_capture import TelemetryCapture, capture_telemetry


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        s3 = client(Settings.model_validate({}))
        s3.create_bucket(Bucket="jobs")
        yield Bucket(s3, "jobs")


@pytest.fixture
def telemetry(bucket: Bucket) -> Iterator[TelemetryCapture]:
    with capture_telemetry() as telemetry:
        yield telemetry


def test_request_has_a_span_with_bucket_and_key_and_a_duration(bucket: Bucket, telemetry: TelemetryCapture) -> None:
    bucket.put("jobs/a.json", b"1")
    put = telemetry.span("S3/PutObject")
    assert put.kind is SpanKind.CLIENT
    assert dict(put.attributes or {}) == {
        "rpc.system.name": "aws-api",
        "rpc.method": "S3/PutObject",
        "aws.s3.bucket": "jobs",
        "aws.s3.key": "jobs/a.json",
        "http.response.status_code": 200,
    }
    labels = {"rpc.system.name": "aws-api", "rpc.method": "S3/PutObject"}
    assert telemetry.points(metrics.STORAGE_DURATION) == [(labels, 1)]


def test_failed_condition_is_not_an_error(bucket: Bucket, telemetry: TelemetryCapture) -> None:
    etag = bucket.create("a", b"1")
    with pytest.raises(ObjectMissing):
        bucket.get("b")
    with pytest.raises(ObjectChanged):
        bucket.create("a", b"2")
    assert bucket.get_if_modified("a", etag) is None
    assert {span.status.status_code for span in telemetry.spans} == {StatusCode.UNSET}
    assert not any("error.type" in labels for labels, _ in telemetry.points(metrics.STORAGE_DURATION))
    statuses = [(span.attributes or {})["http.response.status_code"] for span in telemetry.spans]
    assert {404, 412, 304} <= set(statuses)


def test_missing_bucket_is_an_error(bucket: Bucket, telemetry: TelemetryCapture) -> None:
    with pytest.raises(Unavailable):
        Bucket(bucket._s3, "others").get("a")
    get = telemetry.span("S3/GetObject")
    assert (get.status.status_code, (get.attributes or {})["error.type"]) == (StatusCode.ERROR, "NoSuchBucket")
    ((labels, _),) = telemetry.points(metrics.STORAGE_DURATION)
    assert labels["error.type"] == "NoSuchBucket"


def test_unreachable_server_is_an_error() -> None:
    environ = {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1"}
    s3 = client(Settings.model_validate(environ), keys=("a", "b"))
    with capture_telemetry() as telemetry, pytest.raises(Unavailable):
        Bucket(s3, "jobs").put("a")
    assert (telemetry.span("S3/PutObject").attributes or {})["error.type"] == "EndpointConnectionError"


def test_presigning_creates_no_span(bucket: Bucket, telemetry: TelemetryCapture) -> None:
    bucket.presign("a", "a.csv", 900)
    assert telemetry.spans == []
