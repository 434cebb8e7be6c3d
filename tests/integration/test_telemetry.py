"""Telemetry of the whole system in an OTLP receiver: one trace per job, bounded metrics, and no sensitive data."""

import re
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from local.telemetry_store import Span
from shared.telemetry import metrics
from tests.integration.monitored_stack import (
    DAY,
    DEVICE,
    DRIVER_TEXT,
    HEADER,
    MonitoredStack,
    coordinates,
    failing_reads,
    run_monitored_stack,
)
from tests.integration.otlp_requests import data_points, log_records
from tests.integration.whole_stack import send_request, wait_for_end, wait_until

REQUESTED = "otelworker.distance.requested.v1"
STAGES = ("claim", "fetch", "upload", "compute", "analysis", "csv", "commit")
READS = ("DESCRIBE public.locations", *["SELECT public.locations"] * 2, "COPY public.locations")
CALLER = "b7ad6b7169203331"


@pytest.fixture(scope="module")
def monitored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MonitoredStack]:
    with run_monitored_stack(tmp_path_factory.mktemp("monitored")) as monitored:
        yield monitored


@pytest.fixture(scope="module")
def job(monitored: MonitoredStack) -> dict[str, Any]:
    """Submit a job with a trace and credentials, and return its status once it has finished."""
    headers = {
        "traceparent": f"00-{'0af7651916cd43dd8448eb211c80319c'}-{CALLER}-01",
        "Authorization": f"Bearer {HEADER}",
        "Cookie": f"session={HEADER}",
        "X-Api-Key": HEADER,
        "Idempotency-Key": HEADER,
    }
    url = monitored.stack.url
    response = send_request("POST", f"{url}/api/distance/calculate", {"date": DAY, "device_id": DEVICE}, headers)
    assert response.status == 202
    return wait_for_end(monitored.stack, response.json["job_id"])


def tree(spans: list[Span]) -> list[str]:
    """Return `service: name < parent` of each span, in the order of their starts."""
    by_id = {span.span_id: span for span in spans}
    parents = {
        span.span_id: by_id[span.parent_id].name if span.parent_id in by_id else span.parent_id for span in spans
    }
    return [f"{span.service.removeprefix('distance-')}: {span.name} < {parents[span.span_id]}" for span in spans]


def test_one_trace_spans_caller_event_and_storage(monitored: MonitoredStack, job: dict[str, Any]) -> None:
    assert job["job_trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    spans = monitored.spans(job["job_trace_id"], "POST /api/distance/calculate", "distance.calculate")
    lines = [line for line in tree(spans) if "S3/" not in line]
    assert lines[:6] == [
        f"submit: POST /api/distance/calculate < {CALLER}",
        "submit: distance.submit < POST /api/distance/calculate",
        f"submit: publish {REQUESTED} < distance.submit",
        f"calculate: POST / < publish {REQUESTED}",
        f"calculate: process {REQUESTED} < POST /",
        f"calculate: distance.calculate < process {REQUESTED}",
    ]
    stages = [f"calculate: {name} < distance.calculate" for name in STAGES]
    statements = [f"calculate: {name} < fetch" for name in ("SET", *READS)]
    without_connect = [line for line in lines[6:] if line != "calculate: CONNECT < fetch"]  # a sweep may have connected
    assert sorted(without_connect) == sorted(stages + statements)
    stored = {line for line in tree(spans) if "S3/" in line}
    assert {
        "submit: S3/PutObject < distance.submit",
        "calculate: S3/PutObject < claim",
        "calculate: S3/PutObject < upload",
        "calculate: S3/PutObject < commit",
    } <= stored
    (read,) = [span for span in spans if span.name.startswith("COPY")]
    assert read.attributes["db.response.returned_rows"] == 60
    assert "device_id::text = ?" in read.attributes["db.query.text"]
    assert DEVICE not in read.attributes["db.query.text"]
    assert len({span.span_id for span in spans}) == len(spans)


def test_read_requests_are_traced(monitored: MonitoredStack, job: dict[str, Any]) -> None:
    requests = {
        "GET /api/distance/jobs/<job_id>": f"/api/distance/jobs/{job['job_id']}",
        "GET /api/distance/jobs": "/api/distance/jobs",
        "GET /api/distance/download/<path:filename>": "/api/distance/download/"
        + job["result"]["csv_path"].split("/")[-1],
    }
    for number, (name, path) in enumerate(requests.items()):
        trace_id = f"{number + 1:032x}"
        response = send_request(
            "GET", monitored.stack.url + path, headers={"traceparent": f"00-{trace_id}-{CALLER}-01"}
        )
        assert response.status in (200, 302, 303, 307), response
        spans = monitored.spans(trace_id, name)
        assert spans[0].name == name
        assert spans[0].parent_id == CALLER
        assert any(span.name.startswith("S3/") for span in spans), tree(spans)


def test_log_records_of_job_have_its_trace(monitored: MonitoredStack, job: dict[str, Any]) -> None:
    def texts() -> list[str]:
        records = [record for record in log_records(monitored.bodies) if record.trace_id == job["job_trace_id"]]
        return [record.text for record in records if record.level == "INFO"]

    wait_until(lambda: len(texts()) == 3)
    assert texts() == ["job created", "job claimed", "job completed"]


def test_exported_metrics_are_documented_and_have_bounded_labels(
    monitored: MonitoredStack, job: dict[str, Any]
) -> None:
    expected = {
        metrics.TRANSITIONS.name,
        metrics.QUEUE_WAIT.name,
        metrics.TURNAROUND.name,
        metrics.HTTP_DURATION.name,
        metrics.FIXES_READ.name,
        metrics.COVERAGE.name,
        metrics.COLD_STARTS.name,
    }
    wait_until(lambda: expected <= {point.metric for point in data_points(monitored.bodies)})
    points = data_points(monitored.bodies)
    assert {point.metric for point in points} <= {metric.name for metric in metrics.all_metrics()}
    labels = {name for point in points for name in point.labels}
    assert not [name for name in labels if re.search("job|device|date|trace", name)], labels
    completed = [
        point.value
        for point in points
        if point.metric == metrics.TRANSITIONS.name and point.labels == {"from": "processing", "to": "completed"}
    ]
    assert sum(completed) == 1
    assert job["status"] == "completed"


def test_telemetry_contains_no_coordinates_secrets_headers_or_driver_text(
    monitored: MonitoredStack, job: dict[str, Any]
) -> None:
    url = monitored.stack.url
    with failing_reads(monitored.database):
        response = send_request("POST", f"{url}/api/distance/calculate", {"date": DAY, "device_id": DEVICE})
        wait_until(lambda: "job released" in monitored.logs() or "job failed" in monitored.logs())
    failed = monitored.spans(response.json["trace_id"], "distance.calculate")
    assert any("exception" in span.events for span in failed), tree(failed)
    send_request("POST", f"{url}/api/distance/calculate", b'{"date": "' + HEADER.encode())
    send_request("GET", f"{url}/api/distance/jobs/{job['job_id']}?token={HEADER}")
    signature = str(job["result"]["csv_download_url"]).split("X-Amz-Signature=")[1].split("&")[0]

    text = "\n".join(body.decode("latin-1") for _, body in monitored.bodies) + monitored.logs()
    assert {"traces", "metrics", "logs"} == {signal for signal, _ in monitored.bodies}
    assert job["job_id"] in text
    for secret in (DRIVER_TEXT, HEADER, signature, *monitored.secrets(), *coordinates()):
        assert secret not in text, secret[:12]
    numbers = {struct.pack("<d", float(coordinate)).decode("latin-1") for coordinate in coordinates()}
    assert not [number for number in numbers if number in text]
