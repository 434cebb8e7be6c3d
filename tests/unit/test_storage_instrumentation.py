"""Spans and metrics of object storage requests, on moto's S3."""

from collections.abc import Iterator

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from shared.errors import Unavailable
from shared.storage.bucket import Bucket, ObjectChanged, ObjectMissing
from shared.storage.errors import S3Error
from shared.telemetry import metrics
from tests.s3_connections import MotoConnections, ScriptedConnections, s3_client
from tests.telemetry_capture import TelemetryCapture, capture_telemetry


@pytest.fixture
def bucket() -> Bucket:
    connections = MotoConnections()
    connections.create_bucket("jobs")
    return Bucket(s3_client(connections), "jobs")


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
    connections = ScriptedConnections([S3Error(0, "EndpointConnectionError")] * 3)
    with capture_telemetry() as telemetry, pytest.raises(Unavailable):
        Bucket(s3_client(connections), "jobs").put("a")
    attributes = telemetry.span("S3/PutObject").attributes or {}
    assert attributes["error.type"] == "EndpointConnectionError"
    assert attributes["http.request.resend_count"] == 2
    assert "http.response.status_code" not in attributes


def test_span_has_prefix_and_upload_id(bucket: Bucket, telemetry: TelemetryCapture) -> None:
    bucket.list_page("t/")
    bucket.upload_part("a", upload := bucket.start_upload("a", "text/csv"), 1, b"x")
    assert (telemetry.span("S3/ListObjectsV2").attributes or {})["aws.s3.prefix"] == "t/"
    assert (telemetry.span("S3/UploadPart").attributes or {})["aws.s3.upload_id"] == upload


def test_presigning_creates_no_span(bucket: Bucket, telemetry: TelemetryCapture) -> None:
    bucket.presign("a", "a.csv", 900)
    assert telemetry.spans == []
