"""Traces of the functions: spans, their parents, attributes and links."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cloudevents.conversion import to_structured
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from shared.errors import Unavailable
from shared.telemetry.context import span_context
from tests.builders import JOB_ID, TRACE_ID, TRACEPARENT
from tests.fakes import outage
from tests.functional.calculate_function import Calculate, request_event
from tests.functional.status_function import Status
from tests.functional.submit_function import Submit
from tests.telemetry_capture import TelemetryCapture, capture_telemetry

REQUESTED = "otelworker.distance.requested.v1"
PARENT_ID = "b7ad6b7169203331"


@pytest.fixture
def telemetry() -> Iterator[TelemetryCapture]:
    with capture_telemetry() as telemetry:
        yield telemetry


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def events(span: ReadableSpan) -> list[str]:
    return [event.name for event in span.events]


def trace_id(span: ReadableSpan) -> str:
    assert span.context
    return f"{span.context.trace_id:032x}"


def links(span: ReadableSpan) -> list[tuple[str, Any]]:
    return [(f"{link.context.trace_id:032x}", (link.attributes or {})["distance.link"]) for link in span.links]


def test_submission_propagates_the_trace_of_the_caller_to_the_event(telemetry: TelemetryCapture) -> None:
    submit = Submit()
    response = submit.post(traceparent=TRACEPARENT, tracestate="vendor=1")
    assert telemetry.tree() == [
        "POST /api/distance/calculate < -",
        "distance.submit < POST /api/distance/calculate",
        f"publish {REQUESTED} < distance.submit",
    ]
    assert {trace_id(span) for span in telemetry.spans} == {TRACE_ID}
    server, work, publish = (telemetry.span(line.split(" <")[0]) for line in telemetry.tree())
    assert server.parent
    assert f"{server.parent.span_id:016x}" == PARENT_ID
    assert (server.kind, work.kind, publish.kind) == (SpanKind.SERVER, SpanKind.INTERNAL, SpanKind.PRODUCER)
    assert attributes(server) == {
        "http.request.method": "POST",
        "http.route": "/api/distance/calculate",
        "http.response.status_code": 202,
        "url.path": "/api/distance/calculate",
        "url.scheme": "http",
    } | ({"faas.coldstart": True} if "faas.coldstart" in attributes(server) else {})
    job_id = json.loads(response.data)["job_id"]
    assert attributes(work) == {
        "distance.job_id": job_id,
        "distance.date": "2026-01-25",
        "distance.device_id": "iphone_stuart",
    }
    assert events(work) == ["job.created"]
    assert attributes(publish) == {
        "messaging.system": "knative",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "cloudevents.event_id": job_id,
        "cloudevents.event_source": "/otel-worker/submit",
        "cloudevents.event_type": REQUESTED,
        "cloudevents.event_subject": job_id,
    }
    (event,) = submit.broker.events
    assert publish.context
    assert event["traceparent"] == f"00-{TRACE_ID}-{publish.context.span_id:016x}-01"
    assert event["tracestate"] == "vendor=1"


def test_trace_without_a_caller_starts_with_the_server_span(telemetry: TelemetryCapture) -> None:
    response = Submit().post()
    assert {trace_id(span) for span in telemetry.spans} == {response.headers["X-Trace-Id"]}
    assert telemetry.span("POST /api/distance/calculate").parent is None


def test_unsampled_trace_has_no_spans(telemetry: TelemetryCapture) -> None:
    submit = Submit()
    submit.post(traceparent=TRACEPARENT[:-2] + "00")
    assert telemetry.spans == []
    (event,) = submit.broker.events
    assert event["traceparent"].startswith(f"00-{TRACE_ID}-")
    assert event["traceparent"].endswith("-00")


def test_repeated_submission_links_to_the_trace_of_the_job(telemetry: TelemetryCapture) -> None:
    submit = Submit()
    submit.post(traceparent=TRACEPARENT, Idempotency_Key="k")
    telemetry.clear_spans()
    submit.post(Idempotency_Key="k")
    work = telemetry.span("distance.submit")
    assert (links(work), events(work)) == ([(TRACE_ID, "job")], [])


def test_calculation_has_a_span_for_each_stage(telemetry: TelemetryCapture) -> None:
    calculate = Calculate()
    job = calculate.create()
    telemetry.clear_spans()
    response = calculate.deliver(traceparent=TRACEPARENT)
    assert telemetry.tree() == [
        "POST / < -",
        f"process {REQUESTED} < POST /",
        f"distance.calculate < process {REQUESTED}",
        "claim < distance.calculate",
        "fetch < distance.calculate",
        "upload < distance.calculate",
        "compute < distance.calculate",
        "analysis < distance.calculate",
        "csv < distance.calculate",
        "commit < distance.calculate",
    ]
    work, consumer = telemetry.span("distance.calculate"), telemetry.span(f"process {REQUESTED}")
    assert consumer.kind is SpanKind.CONSUMER
    assert attributes(work) == {
        "distance.job_id": job.job_id,
        "distance.date": "2026-01-25",
        "distance.device_id": "iphone_stuart",
        "distance.attempt": 1,
        "distance.status": "completed",
        "distance.fixes.read": 125,
        "distance.fixes.usable": 125,
        "distance.devices": 1,
        "distance.trips": 1,
        "distance.gaps": 0,
    }
    assert events(telemetry.span("claim")) == events(telemetry.span("commit")) == ["state.transition"]
    assert attributes(telemetry.span("compute"))["distance.stage.busy_ms"] > 0
    assert consumer.context
    assert response.headers["ce-traceparent"] == f"00-{TRACE_ID}-{consumer.context.span_id:016x}-01"


def test_event_with_its_own_trace_links_to_the_delivery(telemetry: TelemetryCapture) -> None:
    calculate = Calculate()
    calculate.create()
    calculate.deliver(request_event(traceparent=TRACEPARENT), mode=to_structured)
    consumer, server = telemetry.span(f"process {REQUESTED}"), telemetry.span("POST /")
    assert trace_id(consumer) == TRACE_ID != trace_id(server)
    assert links(consumer) == [(trace_id(server), "delivered by")]


def test_retry_links_to_the_earlier_attempt(telemetry: TelemetryCapture) -> None:
    calculate = Calculate()
    calculate.create()
    calculate.fixes.during = fail
    assert calculate.deliver(traceparent=TRACEPARENT).status_code == 503
    failed = telemetry.span("distance.calculate")
    assert failed.status.status_code is StatusCode.ERROR
    assert attributes(failed)["error.type"] == "database: 57P01"
    (exception,) = [event for event in failed.events if event.name == "exception"]
    assert (exception.attributes or {})["exception.type"] == "Unavailable"
    telemetry.clear_spans()
    calculate.fixes.during = lambda: None
    assert calculate.deliver().status_code == 200
    assert links(telemetry.span("claim")) == [(TRACE_ID, "earlier attempt")]
    latest = span_context(calculate.jobs.get(JOB_ID).attempt_traceparent or "")
    claim = telemetry.span("claim").context
    assert latest
    assert claim
    assert (latest.trace_id, latest.span_id) == (claim.trace_id, claim.span_id)


def fail() -> None:
    raise Unavailable("database", "57P01")


def test_invalid_request_is_not_a_span_error(telemetry: TelemetryCapture) -> None:
    Submit().post({"date": "no"})
    server = telemetry.span("POST /api/distance/calculate")
    assert server.status.status_code is StatusCode.UNSET
    assert attributes(server)["http.response.status_code"] == 400


def test_unavailable_dependency_is_a_span_error(telemetry: TelemetryCapture) -> None:
    submit = Submit()
    with outage(submit.bucket):
        submit.post()
    server = telemetry.span("POST /api/distance/calculate")
    assert (server.status.status_code, attributes(server)["error.type"]) == (StatusCode.ERROR, "storage")


def test_publish_failure_is_an_error_of_its_span_only(telemetry: TelemetryCapture) -> None:
    submit = Submit()
    submit.broker.is_unavailable = True
    assert submit.post().status_code == 202
    publish = telemetry.span(f"publish {REQUESTED}")
    assert attributes(publish)["error.type"] == "broker: NewConnectionError"
    assert telemetry.span("POST /api/distance/calculate").status.status_code is StatusCode.UNSET


def test_republished_request_is_in_the_trace_of_the_job(telemetry: TelemetryCapture) -> None:
    calculate = Calculate()
    calculate.create()
    telemetry.clear_spans()
    calculate.clock.advance(minutes=5)
    assert calculate.client.post("/sweep").status_code == 204
    sweep, publish = telemetry.span("distance.sweep"), telemetry.span(f"publish {REQUESTED}")
    assert trace_id(publish) == TRACE_ID != trace_id(sweep)
    assert links(publish) == [(trace_id(sweep), "published by")]
    assert attributes(sweep) == {"distance.backlog.queued": 1, "distance.backlog.processing": 0}


def test_status_request_links_to_the_trace_of_the_job(telemetry: TelemetryCapture) -> None:
    status = Status()
    status.completed()
    telemetry.clear_spans()
    response = status.client.get(f"/api/distance/jobs/{JOB_ID}")
    server = telemetry.span("GET /api/distance/jobs/<job_id>")
    assert json.loads(response.data)["job_trace_id"] == TRACE_ID
    assert links(server) == [(TRACE_ID, "job")]
    assert (attributes(server)["distance.job_id"], attributes(server)["distance.status"]) == (JOB_ID, "completed")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_have_no_spans(telemetry: TelemetryCapture, path: str) -> None:
    Calculate().client.get(path)
    assert telemetry.spans == []
