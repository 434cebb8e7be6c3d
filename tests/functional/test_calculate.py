"""Deliveries to calculate: outcomes, duplicates, leases, crashes."""

import csv
import hashlib
import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cloudevents.conversion import to_binary, to_structured

from functions.calculate.day.csv_rows import HEADER
from shared.errors import Unavailable
from shared.jobs import csv_keys, deletion
from shared.models import Status
from tests.builders import JOB_ID, TRACE_ID, TRACEPARENT
from tests.fakes import outage
from tests.functional.calculate_function import FIXES, SETTINGS, Calculate, assert_error, outcome_event, request_event
from tests.reference import day
from tests.sweeps import listed


@pytest.fixture
def calculate() -> Calculate:
    return Calculate()


@pytest.mark.parametrize("mode", [to_binary, to_structured])
def test_job_completes_and_the_reply_is_its_outcome_event(calculate: Calculate, mode: Any) -> None:
    calculate.create()
    event = outcome_event(calculate.deliver(mode=mode))
    assert (event["type"], event["source"]) == ("otelworker.distance.completed.v1", "/otel-worker/calculate")
    assert (event["subject"], event["id"]) == (JOB_ID, f"{JOB_ID}-completed")
    assert event["datacontenttype"] == "application/json"
    assert event["traceparent"].split("-")[1] == TRACE_ID
    fixes = [fix for fix in FIXES if fix.device == "iphone_stuart"]
    expected = day(fixes, SETTINGS.home, 0.5).numbers
    assert set(event.data) == {
        "job_id",
        "date",
        "device_id",
        "csv_path",
        "csv_sha256",
        "csv_size_bytes",
        "processing_time_ms",
        "worker_version",
        *expected,
    }
    for name, value in expected.items():
        assert event.data[name] == pytest.approx(value, abs=6e-3)
    assert "http" not in json.dumps(event.data)


def test_record_has_the_result_of_the_event(calculate: Calculate) -> None:
    calculate.create()
    data = outcome_event(calculate.deliver()).data
    stored = calculate.jobs.get(JOB_ID)
    assert stored.status is Status.COMPLETED
    assert stored.result is not None
    assert stored.result.summary() == {name: data[name] for name in stored.result.summary()}


def test_csv_has_a_row_for_each_fix(calculate: Calculate) -> None:
    calculate.create(device_id="")
    data = outcome_event(calculate.deliver()).data
    assert list(calculate.csvs.objects) == [data["csv_path"]]
    text = calculate.csvs.objects[data["csv_path"]].body
    assert len(text) == data["csv_size_bytes"]
    assert hashlib.sha256(text).hexdigest() == data["csv_sha256"]
    assert text.startswith(HEADER)
    assert text.endswith(b"\n")
    rows = list(csv.reader(io.StringIO(text.decode(), newline="")))[1:]
    assert [row[:4] for row in rows] == [row[:4] for row in day(FIXES, SETTINGS.home, 0.5).rows]
    assert sum(float(row[4]) for row in rows) == pytest.approx(data["total_distance_km"], abs=1e-3)


def test_binary_outcome_event_has_the_trace_in_a_header(calculate: Calculate) -> None:
    calculate.create()
    response = calculate.deliver()
    assert response.headers["ce-type"] == "otelworker.distance.completed.v1"
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["traceparent"].split("-")[1] == TRACE_ID == response.headers["X-Trace-Id"]


def test_traceparent_header_takes_precedence_over_the_extension(calculate: Calculate) -> None:
    calculate.create()
    other = TRACEPARENT.replace("0af7", "1af7")
    event = outcome_event(calculate.deliver(traceparent=other))
    assert event["traceparent"].split("-")[1] == other.split("-")[1]


def test_day_without_fixes_fails_the_job(calculate: Calculate) -> None:
    calculate.create(device_id="unknown")
    event = outcome_event(calculate.deliver())
    assert event["type"] == "otelworker.distance.failed.v1"
    assert event["id"] == f"{JOB_ID}-failed"
    assert event.data == {
        "job_id": JOB_ID,
        "date": "2026-01-25",
        "device_id": "unknown",
        "error_code": "NO_DATA",
        "error_message": "No location data found for date 2026-01-25",
    }
    assert calculate.jobs.get(JOB_ID).error_code == "NO_DATA"
    assert not calculate.csvs.objects


def test_record_takes_precedence_over_event_data(calculate: Calculate) -> None:
    calculate.create(device_id="garmin")
    assert outcome_event(calculate.deliver()).data["device_id"] == "garmin"


def test_day_is_in_the_time_zone_of_the_job(calculate: Calculate) -> None:
    calculate.create(timezone="Pacific/Kiritimati", date="2026-01-26")  # 12:00Z is 02:00 of the next day there
    assert outcome_event(calculate.deliver()).data["total_locations"] == 125


def test_duplicate_event_returns_204_and_changes_nothing(calculate: Calculate) -> None:
    calculate.create()
    calculate.deliver()
    before = dict(calculate.csvs.objects), calculate.jobs.get(JOB_ID)
    for _ in range(3):
        response = calculate.deliver()
        assert (response.status_code, response.data) == (204, b"")
    assert (dict(calculate.csvs.objects), calculate.jobs.get(JOB_ID)) == before


def test_ten_concurrent_deliveries_run_one_calculation(calculate: Calculate) -> None:
    calculate.create()
    with ThreadPoolExecutor(10) as pool:
        statuses = sorted(response.status_code for response in pool.map(lambda _: calculate.deliver(), range(10)))
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 204, 409}
    assert len(calculate.csvs.objects) == 1


def test_locked_job_returns_409(calculate: Calculate) -> None:
    calculate.create()
    calculate.jobs.claim(JOB_ID)
    assert_error(calculate.deliver(), 409)


def test_expired_lease_allows_a_new_attempt(calculate: Calculate) -> None:
    calculate.create()
    calculate.jobs.claim(JOB_ID)
    calculate.clock.advance(seconds=66)
    assert f"csv/{JOB_ID}/2/" in outcome_event(calculate.deliver()).data["csv_path"]


def test_attempt_that_lost_its_lease_leaves_no_csv(calculate: Calculate) -> None:
    calculate.create()

    def run_other_attempt() -> None:
        calculate.fixes.during = lambda: None
        calculate.clock.advance(minutes=2)
        assert outcome_event(calculate.deliver()).data["csv_path"].split("/")[2] == "2"

    calculate.fixes.during = run_other_attempt
    assert_error(calculate.deliver(), 409)
    stored = calculate.jobs.get(JOB_ID)
    assert stored.result is not None
    assert list(calculate.csvs.objects) == [stored.result.csv_path]


def test_long_job_renews_its_lease(calculate: Calculate) -> None:
    calculate.create(device_id="")
    calculate.fixes.rows = 10
    calculate.fixes.during = lambda: calculate.clock.advance(seconds=25)
    assert outcome_event(calculate.deliver()).data["total_locations"] == 250


@pytest.mark.parametrize("dependency", ["database", "storage"])
def test_unavailable_dependency_returns_503_and_leaves_no_partial_csv(calculate: Calculate, dependency: str) -> None:
    calculate.create()

    def fail(*_: object) -> None:
        raise Unavailable(dependency, "08006 at 10.0.0.1")

    if dependency == "database":
        calculate.fixes.during = fail
    else:
        calculate.csvs.before = fail
    response = calculate.deliver()
    assert_error(response, 503)
    assert "08006" not in response.text
    assert not calculate.csvs.objects
    assert calculate.jobs.get(JOB_ID).status is Status.PROCESSING
    calculate.fixes.during, calculate.csvs.before = (lambda: None), (lambda name, key: None)
    assert outcome_event(calculate.deliver()).data["csv_path"].split("/")[2] == "2"  # the lease was released


def test_unavailable_job_storage_returns_503(calculate: Calculate) -> None:
    calculate.create()
    with outage(calculate.jobs_bucket):
        assert_error(calculate.deliver(), 503)


@pytest.mark.parametrize("crash_at", range(1, 7))
def test_redelivery_completes_a_job_after_a_crash_at_any_request(crash_at: int) -> None:
    calculate = Calculate()
    calculate.create()
    requests = [0]

    class Crash(BaseException):
        """A crash of the process."""

    def count_request(before: Callable[[], None] = lambda: None) -> None:
        requests[0] += 1
        before()
        if requests[0] >= crash_at:
            raise Crash

    calculate.jobs_bucket.before = calculate.csvs.before = lambda name, key: count_request()
    with pytest.raises(Crash):
        calculate.deliver()
    calculate.jobs_bucket.before = calculate.csvs.before = lambda name, key: None
    calculate.clock.advance(minutes=2)
    assert calculate.deliver().status_code in (200, 204)
    stored = calculate.jobs.get(JOB_ID)
    assert stored.status is Status.COMPLETED
    assert stored.result is not None
    assert stored.result.csv_path in calculate.csvs.objects
    assert [entry.status for entry in listed(calculate.jobs_bucket)] == [Status.COMPLETED]


def dead_letter(calculate: Calculate, **attributes: str) -> None:
    response = calculate.deliver(request_event(**attributes), path="/dead-letter")
    assert (response.status_code, response.data) == (204, b"")


def test_dead_letter_fails_its_job_and_publishes_the_outcome(calculate: Calculate) -> None:
    calculate.create()

    def fail() -> None:
        raise Unavailable("database", "08006")

    calculate.fixes.during = fail
    for _ in range(3):
        assert_error(calculate.deliver(), 503)
    dead_letter(calculate, knativeerrorcode="503")
    stored = calculate.jobs.get(JOB_ID)
    assert stored.error_code == "UNDELIVERABLE"
    assert stored.error_message == "The calculation was given up after 3 attempts: database was unavailable"
    (event,) = calculate.broker.events
    assert (event["type"], event.data["error_code"]) == ("otelworker.distance.failed.v1", "UNDELIVERABLE")


def test_dead_letter_after_409_does_not_fail_the_job(calculate: Calculate) -> None:
    calculate.create()
    dead_letter(calculate, knativeerrorcode="409")
    assert calculate.jobs.get(JOB_ID).status is Status.QUEUED


@pytest.mark.parametrize("finished", [False, True])
def test_dead_letter_does_not_change_running_or_finished_jobs(calculate: Calculate, finished: bool) -> None:
    calculate.create()
    if finished:
        calculate.deliver()
    else:
        calculate.jobs.claim(JOB_ID)
    before = calculate.jobs.get(JOB_ID)
    dead_letter(calculate)
    assert calculate.jobs.get(JOB_ID) == before


def test_job_deleted_during_its_attempt_leaves_nothing(calculate: Calculate) -> None:
    calculate.create()

    def deleted() -> None:
        calculate.fixes.during = lambda: None
        deletion.delete(calculate.jobs, calculate.csvs, JOB_ID)

    calculate.fixes.during = deleted
    assert_error(calculate.deliver(), 409)
    assert not calculate.csvs.objects
    assert calculate.deliver().status_code == 204
    assert not calculate.csvs.objects
    assert listed(calculate.jobs_bucket) == []


def test_csvs_of_earlier_attempts_are_deleted_on_completion(calculate: Calculate) -> None:
    calculate.create()
    crashed = calculate.jobs.claim(JOB_ID)
    calculate.csvs.put(csv_keys.key(crashed.record), b"superseded")
    calculate.csvs.start_upload(csv_keys.key(crashed.record), "text/csv")
    calculate.clock.advance(minutes=2)
    current = outcome_event(calculate.deliver()).data["csv_path"]
    assert list(calculate.csvs.objects) == [current]
    assert not calculate.csvs.parts


def test_too_many_expired_leases_fail_the_job(calculate: Calculate) -> None:
    calculate.create()
    for _ in range(5):
        calculate.jobs.claim(JOB_ID)
        calculate.clock.advance(minutes=2)
    assert outcome_event(calculate.deliver()).data["error_code"] == "TOO_MANY_ATTEMPTS"
