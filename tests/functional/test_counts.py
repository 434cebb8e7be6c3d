"""Metrics of submissions, jobs, dead letters and sweeps."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from cloudevents.http import CloudEvent

from shared.errors import JobLocked, Unavailable
from shared.job_index.markers import position_of
from shared.telemetry import metrics
from tests.builders import JOB_ID, record
from tests.fakes import outage
from tests.functional.calculate_function import Calculate, request_event
from tests.functional.submit_function import Submit
from tests.telemetry_capture import TelemetryCapture, capture_telemetry

ANOTHER = JOB_ID[:-1] + "2"
REQUESTED = "otelworker.distance.requested.v1"


@pytest.fixture
def telemetry() -> Iterator[TelemetryCapture]:
    with capture_telemetry() as telemetry:
        yield telemetry


@pytest.fixture
def calculate(telemetry: TelemetryCapture) -> Calculate:
    return Calculate()


def test_completed_job_is_counted_with_its_result(telemetry: TelemetryCapture, calculate: Calculate) -> None:
    calculate.create()
    calculate.clock.advance(seconds=3)
    calculate.deliver()
    assert telemetry.points(metrics.TRANSITIONS) == [
        ({"from": "none", "to": "queued"}, 1),
        ({"from": "queued", "to": "processing"}, 1),
        ({"from": "processing", "to": "completed"}, 1),
    ]
    assert telemetry.points(metrics.COMPLETED) == [({}, 1)]
    assert telemetry.points(metrics.FAILED) == telemetry.points(metrics.RETRIES) == []
    assert telemetry.points(metrics.CLAIMS) == [({"outcome": "won"}, 1)]
    assert telemetry.points(metrics.ACTIVE) == []
    assert telemetry.points(metrics.FIXES_READ) == [({}, 125)]
    assert telemetry.points(metrics.FIXES_REJECTED) == []
    result = calculate.jobs.get(JOB_ID).result
    assert result
    assert telemetry.points(metrics.TOTAL_PATH_LENGTH) == [({}, result.path_length_km)]
    for metric in (metrics.PATH_LENGTH, metrics.MAX_DISTANCE, metrics.AWAY_TIME, metrics.CSV_SIZE, metrics.QUEUE_WAIT):
        assert telemetry.points(metric) == [({}, 1)]
    for metric in (metrics.JOB_DURATION, metrics.TURNAROUND):
        assert telemetry.points(metric) == [({"status": "completed"}, 1)]
    stages = [({"stage": stage, "outcome": "ok"}, 1) for stage in metrics.STAGES]
    assert sorted(map(str, telemetry.points(metrics.STAGE_DURATION))) == sorted(map(str, stages))


def test_failed_job_is_counted_by_error_code(telemetry: TelemetryCapture, calculate: Calculate) -> None:
    calculate.create(device_id="unknown")
    calculate.deliver()
    assert telemetry.points(metrics.FAILED) == [({"error.type": "NO_DATA"}, 1)]
    assert telemetry.points(metrics.JOB_DURATION) == [({"status": "failed"}, 1)]
    assert telemetry.points(metrics.COMPLETED) == telemetry.points(metrics.TOTAL_PATH_LENGTH) == []


def test_failed_attempt_and_its_retry_are_counted(telemetry: TelemetryCapture, calculate: Calculate) -> None:
    def fail() -> None:
        raise Unavailable("database", "57P01")

    calculate.create()
    calculate.fixes.during = fail
    calculate.deliver()
    assert telemetry.points(metrics.ERRORS) == [({"error.type": "database"}, 1)]
    assert ({"stage": "fetch", "outcome": "error"}, 1) in telemetry.points(metrics.STAGE_DURATION)
    assert telemetry.points(metrics.JOB_DURATION) == telemetry.points(metrics.RETRIES) == []
    calculate.fixes.during = lambda: None
    calculate.deliver()
    assert telemetry.points(metrics.RETRIES) == telemetry.points(metrics.RETRIES_COMPLETED) == [({}, 1)]
    assert telemetry.points(metrics.QUEUE_WAIT) == [({}, 1)]


def test_claims_are_counted_by_outcome(telemetry: TelemetryCapture, calculate: Calculate) -> None:
    calculate.create()
    calculate.jobs.claim(JOB_ID)
    calculate.deliver()
    calculate.clock.advance(minutes=1)
    calculate.deliver()
    calculate.deliver()
    assert telemetry.points(metrics.CLAIMS) == [
        ({"outcome": "won"}, 1),
        ({"outcome": "locked"}, 1),
        ({"outcome": "finished"}, 1),
    ]


def test_lost_lease_is_counted(telemetry: TelemetryCapture, calculate: Calculate) -> None:
    def take_over() -> None:
        calculate.clock.advance(minutes=1)
        calculate.jobs.claim(JOB_ID)
        calculate.fixes.during = lambda: None

    calculate.create()
    calculate.fixes.during = take_over
    assert calculate.deliver().status_code == 409
    assert ({"outcome": "lost"}, 1) in telemetry.points(metrics.CLAIMS)
    assert telemetry.points(metrics.ERRORS) == []


def test_dead_letters_are_counted_by_outcome(telemetry: TelemetryCapture, calculate: Calculate) -> None:
    def deliver_dead_letter(event: CloudEvent) -> None:
        assert calculate.deliver(event, path="/dead-letter").status_code == 204

    calculate.create()
    deliver_dead_letter(request_event())
    deliver_dead_letter(request_event())
    deliver_dead_letter(request_event({"date": "2026-01-25", "job_id": ANOTHER}))
    with outage(calculate.jobs_bucket):
        deliver_dead_letter(request_event())
    outcomes = ("failed", "ignored", "no_job", "unavailable")
    assert telemetry.points(metrics.DEAD_LETTERS) == [({"outcome": outcome}, 1) for outcome in outcomes]
    assert telemetry.points(metrics.FAILED) == [({"error.type": "UNDELIVERABLE"}, 1)]


def test_sweep_records_the_backlog_even_if_empty(telemetry: TelemetryCapture, calculate: Calculate) -> None:
    calculate.create()
    calculate.clock.advance(minutes=5)
    calculate.client.post("/sweep")
    assert telemetry.points(metrics.BACKLOG) == [({"status": "queued"}, 1)]
    assert telemetry.points(metrics.BACKLOG_AGE) == [({"status": "queued"}, 300)]
    assert telemetry.points(metrics.REDISPATCHED) == [({}, 1)]
    calculate.deliver()
    calculate.client.post("/sweep")
    assert telemetry.points(metrics.BACKLOG) == telemetry.points(metrics.BACKLOG_AGE) == []
    assert telemetry.points(metrics.SWEEP_DURATION) == [({}, 2)]


def test_submissions_are_counted_by_outcome(telemetry: TelemetryCapture) -> None:
    submit = Submit()
    for _ in range(3):
        submit.post(Idempotency_Key="k")
    assert telemetry.points(metrics.SUBMITTED) == [({"outcome": "created"}, 1), ({"outcome": "repeated"}, 2)]


def test_publish_failure_is_counted(telemetry: TelemetryCapture) -> None:
    submit = Submit()
    submit.broker.is_unavailable = True
    submit.post()
    assert telemetry.points(metrics.PUBLISH_FAILURES) == [({"cloudevents.event_type": REQUESTED}, 1)]
    assert telemetry.points(metrics.ERRORS) == [({"error.type": "broker"}, 1)]
    published = {"messaging.operation.name": "publish", "cloudevents.event_type": REQUESTED}
    assert telemetry.points(metrics.PUBLISH_DURATION) == [({**published, "error.type": "NewConnectionError"}, 1)]


def test_requests_are_counted_by_template_method_and_status(telemetry: TelemetryCapture) -> None:
    client = Submit().client
    client.post("/api/distance/calculate", data=b"{}")
    client.get("/secret/40.736097")
    client.open("/api/distance/calculate", method="SECRET")
    client.get("/healthz")
    assert telemetry.points(metrics.HTTP_DURATION) == [
        (
            {
                "http.request.method": "POST",
                "http.response.status_code": 400,
                "http.route": "/api/distance/calculate",
            },
            1,
        ),
        ({"http.request.method": "GET", "http.response.status_code": 404}, 1),
        ({"http.request.method": "_OTHER", "http.response.status_code": 405}, 1),
    ]


def test_deleted_job_is_counted(telemetry: TelemetryCapture, calculate: Calculate) -> None:
    calculate.jobs.replace_with_tombstone(position_of(calculate.jobs.create(record())))
    assert telemetry.points(metrics.DELETED) == [({}, 1)]


def test_unknown_label_value_is_other(telemetry: TelemetryCapture) -> None:
    metrics.ERRORS.add(labels={"error.type": JobLocked.__name__})
    assert telemetry.points(metrics.ERRORS) == [({"error.type": "_OTHER"}, 1)]
    with pytest.raises(KeyError):
        metrics.ERRORS.add(labels={"device": "iphone_stuart"})


def test_concurrent_requests_are_all_counted(telemetry: TelemetryCapture) -> None:
    submit, posts, threads = Submit(), 20, 8

    def post(number: int) -> int:
        return submit.post({"date": "2026-01-25", "device_id": f"phone-{number}"}).status_code

    with ThreadPoolExecutor(threads) as pool:
        assert set(pool.map(post, range(posts * threads))) == {202}
    assert telemetry.points(metrics.SUBMITTED) == [({"outcome": "created"}, posts * threads)]
    assert sum(amount for _, amount in telemetry.points(metrics.HTTP_DURATION)) == posts * threads
    assert sum(amount for _, amount in telemetry.points(metrics.TRANSITIONS)) == posts * threads
    assert len([span for span in telemetry.spans if span.name == "distance.submit"]) == posts * threads
