"""A job's way through calculate: outcomes, duplicates, leases, deaths."""

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
from tests.fakes import away
from tests.functional.calculating import CONFIGURED, FIXES, Calculate, refused, reply, requested
from tests.reference import day
from tests.sweeping import listed


@pytest.fixture
def calculate() -> Calculate:
    return Calculate()


@pytest.mark.parametrize("mode", [to_binary, to_structured])
def test_a_job_is_calculated_and_its_outcome_is_the_reply(calculate: Calculate, mode: Any) -> None:
    calculate.create()
    event = reply(calculate.deliver(mode=mode))
    assert (event["type"], event["source"]) == ("otelworker.distance.completed.v1", "/otel-worker/calculate")
    assert (event["subject"], event["id"]) == (JOB_ID, f"{JOB_ID}-completed")
    assert event["datacontenttype"] == "application/json"
    assert event["traceparent"].split("-")[1] == TRACE_ID
    mine = [fix for fix in FIXES if fix.device == "iphone_stuart"]
    wanted = day(mine, CONFIGURED.home, 0.5).numbers
    assert set(event.data) == {
        "job_id",
        "date",
        "device_id",
        "csv_path",
        "csv_sha256",
        "csv_size_bytes",
        "processing_time_ms",
        "worker_version",
        *wanted,
    }
    for name, value in wanted.items():
        assert event.data[name] == pytest.approx(value, abs=6e-3)
    assert "http" not in json.dumps(event.data)


def test_the_record_holds_what_the_event_says(calculate: Calculate) -> None:
    calculate.create()
    data = reply(calculate.deliver()).data
    found = calculate.jobs.get(JOB_ID)
    assert found.status is Status.COMPLETED
    assert found.result is not None
    assert found.result.model_dump() == {name: data[name] for name in type(found.result).model_fields}


def test_the_csv_lies_where_the_record_says_with_a_row_for_each_fix(calculate: Calculate) -> None:
    calculate.create(device_id="")
    data = reply(calculate.deliver()).data
    assert list(calculate.csvs.objects) == [data["csv_path"]]
    text = calculate.csvs.objects[data["csv_path"]].body
    assert len(text) == data["csv_size_bytes"]
    assert hashlib.sha256(text).hexdigest() == data["csv_sha256"]
    assert text.startswith(HEADER)
    assert text.endswith(b"\n")
    rows = list(csv.reader(io.StringIO(text.decode(), newline="")))[1:]
    assert [row[:4] for row in rows] == [row[:4] for row in day(FIXES, CONFIGURED.home, 0.5).rows]
    assert sum(float(row[4]) for row in rows) == pytest.approx(data["total_distance_km"], abs=1e-3)


def test_the_outcome_in_binary_mode_keeps_the_trace_as_a_plain_header(calculate: Calculate) -> None:
    calculate.create()
    answer = calculate.deliver()
    assert answer.headers["ce-type"] == "otelworker.distance.completed.v1"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["traceparent"].split("-")[1] == TRACE_ID == answer.headers["X-Trace-Id"]


def test_the_header_is_read_before_the_extension(calculate: Calculate) -> None:
    calculate.create()
    other = TRACEPARENT.replace("0af7", "1af7")
    event = reply(calculate.deliver(traceparent=other))
    assert event["traceparent"].split("-")[1] == other.split("-")[1]


def test_a_day_without_fixes_is_a_failed_job_and_a_failed_event(calculate: Calculate) -> None:
    calculate.create(device_id="nobody")
    event = reply(calculate.deliver())
    assert event["type"] == "otelworker.distance.failed.v1"
    assert event["id"] == f"{JOB_ID}-failed"
    assert event.data == {
        "job_id": JOB_ID,
        "date": "2026-01-25",
        "device_id": "nobody",
        "error_code": "NO_DATA",
        "error_message": "No location data found for date 2026-01-25",
    }
    assert calculate.jobs.get(JOB_ID).error_code == "NO_DATA"
    assert not calculate.csvs.objects


def test_the_records_words_count_not_the_events(calculate: Calculate) -> None:
    calculate.create(device_id="garmin")
    assert reply(calculate.deliver()).data["device_id"] == "garmin"


def test_a_day_is_that_of_the_jobs_time_zone(calculate: Calculate) -> None:
    calculate.create(timezone="Pacific/Kiritimati", date="2026-01-26")  # 12:00Z is 02:00 of the next day there
    assert reply(calculate.deliver()).data["total_locations"] == 125


def test_a_duplicate_is_204_and_changes_nothing(calculate: Calculate) -> None:
    calculate.create()
    calculate.deliver()
    before = dict(calculate.csvs.objects), calculate.jobs.get(JOB_ID)
    for _ in range(3):
        answer = calculate.deliver()
        assert (answer.status_code, answer.data) == (204, b"")
    assert (dict(calculate.csvs.objects), calculate.jobs.get(JOB_ID)) == before


def test_ten_at_once_are_one_calculation(calculate: Calculate) -> None:
    calculate.create()
    with ThreadPoolExecutor(10) as pool:
        statuses = sorted(answer.status_code for answer in pool.map(lambda _: calculate.deliver(), range(10)))
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 204, 409}
    assert len(calculate.csvs.objects) == 1


def test_a_held_job_is_409(calculate: Calculate) -> None:
    calculate.create()
    calculate.jobs.claim(JOB_ID)
    refused(calculate.deliver(), 409)


def test_an_attempt_that_died_is_followed_by_another_when_its_lease_has_ended(calculate: Calculate) -> None:
    calculate.create()
    calculate.jobs.claim(JOB_ID)
    calculate.clock.advance(seconds=66)
    assert f"csv/{JOB_ID}/2/" in reply(calculate.deliver()).data["csv_path"]


def test_an_attempt_that_is_overtaken_leaves_no_trace(calculate: Calculate) -> None:
    calculate.create()

    def overtaken() -> None:
        calculate.fixes.during = lambda: None
        calculate.clock.advance(minutes=2)
        assert reply(calculate.deliver()).data["csv_path"].split("/")[2] == "2"

    calculate.fixes.during = overtaken
    refused(calculate.deliver(), 409)
    found = calculate.jobs.get(JOB_ID)
    assert found.result is not None
    assert list(calculate.csvs.objects) == [found.result.csv_path]


def test_a_long_job_keeps_its_lease(calculate: Calculate) -> None:
    calculate.create(device_id="")
    calculate.fixes.rows = 10
    calculate.fixes.during = lambda: calculate.clock.advance(seconds=25)
    assert reply(calculate.deliver()).data["total_locations"] == 250


@pytest.mark.parametrize("which", ["database", "storage"])
def test_a_dependency_that_is_away_is_503_and_nothing_is_half_written(calculate: Calculate, which: str) -> None:
    calculate.create()

    def fail(*_: object) -> None:
        raise Unavailable(which, "08006 at 10.0.0.1")

    if which == "database":
        calculate.fixes.during = fail
    else:
        calculate.csvs.before = fail
    answer = calculate.deliver()
    refused(answer, 503)
    assert "08006" not in answer.text
    assert not calculate.csvs.objects
    assert calculate.jobs.get(JOB_ID).status is Status.PROCESSING
    calculate.fixes.during, calculate.csvs.before = (lambda: None), (lambda name, key: None)
    assert reply(calculate.deliver()).data["csv_path"].split("/")[2] == "2"  # at once: the lease was given back


def test_jobs_storage_that_is_away_is_503(calculate: Calculate) -> None:
    calculate.create()
    with away(calculate.jobs_bucket):
        refused(calculate.deliver(), 503)


@pytest.mark.parametrize("dies_at", range(1, 7))
def test_wherever_calculate_dies_the_event_that_comes_again_ends_the_job_once(dies_at: int) -> None:
    calculate = Calculate()
    calculate.create()
    asked = [0]

    class Death(BaseException):
        """The process is gone."""

    def counted(before: Callable[[], None] = lambda: None) -> None:
        asked[0] += 1
        before()
        if asked[0] >= dies_at:
            raise Death

    calculate.jobs_bucket.before = calculate.csvs.before = lambda name, key: counted()
    with pytest.raises(Death):
        calculate.deliver()
    calculate.jobs_bucket.before = calculate.csvs.before = lambda name, key: None
    calculate.clock.advance(minutes=2)
    assert calculate.deliver().status_code in (200, 204)
    found = calculate.jobs.get(JOB_ID)
    assert found.status is Status.COMPLETED
    assert found.result is not None
    assert found.result.csv_path in calculate.csvs.objects
    assert [entry.status for entry in listed(calculate.jobs_bucket)] == [Status.COMPLETED]


def dead_letter(calculate: Calculate, **attributes: str) -> None:
    answer = calculate.deliver(requested(**attributes), path="/dead-letter")
    assert (answer.status_code, answer.data) == (204, b"")


def test_the_job_of_a_dead_letter_fails_with_its_reason_and_that_is_told(calculate: Calculate) -> None:
    calculate.create()

    def fail() -> None:
        raise Unavailable("database", "08006")

    calculate.fixes.during = fail
    for _ in range(3):
        refused(calculate.deliver(), 503)
    dead_letter(calculate, knativeerrorcode="503")
    found = calculate.jobs.get(JOB_ID)
    assert found.error_code == "UNDELIVERABLE"
    assert found.error_message == "The calculation was given up after 3 attempts: database was unavailable"
    (event,) = calculate.broker.events
    assert (event["type"], event.data["error_code"]) == ("otelworker.distance.failed.v1", "UNDELIVERABLE")


def test_a_dead_letter_because_another_attempt_held_the_job_says_nothing_about_it(calculate: Calculate) -> None:
    calculate.create()
    dead_letter(calculate, knativeerrorcode="409")
    assert calculate.jobs.get(JOB_ID).status is Status.QUEUED


@pytest.mark.parametrize("ended", [False, True])
def test_a_dead_letter_changes_no_job_that_runs_or_has_ended(calculate: Calculate, ended: bool) -> None:
    calculate.create()
    if ended:
        calculate.deliver()
    else:
        calculate.jobs.claim(JOB_ID)
    before = calculate.jobs.get(JOB_ID)
    dead_letter(calculate)
    assert calculate.jobs.get(JOB_ID) == before


def test_a_job_that_is_deleted_while_it_runs_stops_and_leaves_nothing(calculate: Calculate) -> None:
    calculate.create()

    def deleted() -> None:
        calculate.fixes.during = lambda: None
        deletion.delete(calculate.jobs, calculate.csvs, JOB_ID)

    calculate.fixes.during = deleted
    refused(calculate.deliver(), 409)
    assert not calculate.csvs.objects
    assert calculate.deliver().status_code == 204
    assert not calculate.csvs.objects
    assert listed(calculate.jobs_bucket) == []


def test_what_earlier_attempts_left_goes_when_the_job_ends(calculate: Calculate) -> None:
    calculate.create()
    died = calculate.jobs.claim(JOB_ID)
    calculate.csvs.put(csv_keys.key(died.record), b"never named")
    calculate.csvs.start_upload(csv_keys.key(died.record), "text/csv")
    calculate.clock.advance(minutes=2)
    named = reply(calculate.deliver()).data["csv_path"]
    assert list(calculate.csvs.objects) == [named]
    assert not calculate.csvs.parts


def test_a_job_whose_attempts_keep_dying_fails_instead_of_another(calculate: Calculate) -> None:
    calculate.create()
    for _ in range(5):
        calculate.jobs.claim(JOB_ID)
        calculate.clock.advance(minutes=2)
    assert reply(calculate.deliver()).data["error_code"] == "TOO_MANY_ATTEMPTS"
