"""Metrics and span attributes of the analysis of a day."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.calculate.analysis.screening import Reason
from shared.errors import Unavailable
from shared.openapi.analysis_models import RejectedFixes
from shared.telemetry import metrics
from tests.builders import JOB_ID
from tests.functional.calculate_function import NOON, Calculate
from tests.reference import Fix
from tests.telemetry_capture import TelemetryCapture, capture_telemetry

MINUTE = 60_000_000
HOUR = 60 * MINUTE
MIDNIGHT = NOON - 12 * HOUR
HOME = (40.736097, -74.039373)
AWAY = (40.836097, -74.039373)
# A context fix, and a day at home but for a trip from 06:00 to 07:00.
PHONE = [
    Fix(MIDNIGHT + number * 10 * MINUTE, "phone", *(AWAY if 36 <= number < 42 else HOME), 5)
    for number in range(-1, 144)
]
# Two fixes at home, and nothing else is known of the day.
WATCH = [Fix(NOON + minute * MINUTE, "watch", *HOME, 5) for minute in (0, 30)]
REJECTED = [
    Fix(NOON, "watch", math.nan, 10.0),
    Fix(NOON, "watch", 91.0, 10.0),
    Fix(NOON, "watch", 0.0, 0.0),
    Fix(NOON, "watch", *HOME, -1),
    Fix(NOON, "watch", *HOME, 20_000),
    Fix(NOON, "watch", *HOME, 5, other_own_time_us=NOON - 48 * HOUR),
    Fix(NOON + MINUTE, "watch", *HOME, 5, other_own_time_us=NOON),
    Fix(NOON + MINUTE, "watch", *HOME, 5, other_own_time_us=NOON - HOUR),
    Fix(NOON + 2 * MINUTE, "watch", -33.918861, 18.423311, 5),
]


@pytest.fixture
def telemetry() -> Iterator[TelemetryCapture]:
    with capture_telemetry() as telemetry:
        yield telemetry


@pytest.fixture
def calculate(telemetry: TelemetryCapture) -> Calculate:
    calculate = Calculate()
    calculate.fixes.fixes = sorted([*PHONE, *WATCH, *REJECTED], key=lambda fix: fix.time_us)
    return calculate


def attributes(telemetry: TelemetryCapture) -> dict[str, Any]:
    return dict(telemetry.span("distance.calculate").attributes or {})


def recorded(telemetry: TelemetryCapture) -> list[str]:
    """Return the names of the metrics of a day that have values."""
    days = (metrics.FIXES_READ, metrics.FIXES_REJECTED, metrics.COVERAGE, metrics.UNKNOWN_TIME, metrics.TRIPS)
    return [metric.name for metric in days if telemetry.points(metric)]


def test_reasons_are_those_of_the_analysis() -> None:
    assert tuple(reason.name.lower() for reason in Reason) == metrics.REJECTION_REASONS
    assert tuple(RejectedFixes.model_fields) == metrics.REJECTION_REASONS


def test_rejected_fixes_are_counted_by_reason(telemetry: TelemetryCapture, calculate: Calculate) -> None:
    calculate.create(device_id="")
    calculate.deliver()
    expected = [({"reason": reason}, 1.0) for reason in metrics.REJECTION_REASONS]
    assert sorted(telemetry.points(metrics.FIXES_REJECTED), key=str) == sorted(expected, key=str)
    assert telemetry.points(metrics.FIXES_READ) == [({}, 144 + 2 + 9)]


def test_each_device_of_a_job_is_one_value(telemetry: TelemetryCapture, calculate: Calculate) -> None:
    calculate.create(device_id="")
    calculate.deliver()
    assert telemetry.bucket_counts(metrics.COVERAGE) == {0.1: 1, 1: 1}  # half an hour, and all but 10 minutes
    assert telemetry.bucket_counts(metrics.UNKNOWN_TIME) == {15: 1, 1440: 1}
    assert telemetry.bucket_counts(metrics.TRIPS) == {0: 1, 1: 1}


def test_span_has_the_counts_of_the_analysis(telemetry: TelemetryCapture, calculate: Calculate) -> None:
    calculate.create(device_id="")
    calculate.deliver()
    counts = {name: value for name, value in attributes(telemetry).items() if isinstance(value, int)}
    assert counts == {
        "distance.attempt": 1,
        "distance.fixes.read": 155,
        "distance.fixes.usable": 146,
        **{f"distance.fixes.rejected.{reason}": 1 for reason in metrics.REJECTION_REASONS},
        "distance.devices": 2,
        "distance.trips": 1,
        "distance.gaps": 0,
    }


def test_only_the_attempt_that_completes_a_job_is_recorded(telemetry: TelemetryCapture, calculate: Calculate) -> None:
    def fail(name: str, key: str) -> None:
        raise Unavailable("storage", "EndpointConnectionError")

    calculate.create(device_id="")
    working, calculate.csvs.before = calculate.csvs.before, fail
    assert calculate.deliver().status_code == 503
    assert attributes(telemetry)["distance.fixes.read"] == 155  # the analysis was complete before the upload failed
    assert recorded(telemetry) == []
    calculate.csvs.before = working
    assert calculate.deliver().status_code == 200
    assert calculate.deliver().status_code == 204
    assert telemetry.points(metrics.FIXES_READ) == [({}, 155)]
    assert telemetry.points(metrics.COVERAGE) == telemetry.points(metrics.TRIPS) == [({}, 2)]


def test_attempt_that_loses_its_lease_records_no_analysis(telemetry: TelemetryCapture, calculate: Calculate) -> None:
    def take_over() -> None:
        calculate.clock.advance(minutes=1)
        calculate.jobs.claim(JOB_ID)
        calculate.fixes.during = lambda: None

    calculate.create(device_id="")
    calculate.fixes.during = take_over
    assert calculate.deliver().status_code == 409
    assert recorded(telemetry) == []


def test_failed_job_has_its_counts_only_on_the_span(telemetry: TelemetryCapture, calculate: Calculate) -> None:
    calculate.fixes.fixes = [Fix(NOON, "watch", math.nan, 10.0), Fix(NOON, "watch", 91.0, 10.0)]
    calculate.create(device_id="watch")
    calculate.deliver()
    assert telemetry.points(metrics.FAILED) == [({"error.type": "NO_DATA"}, 1)]
    assert recorded(telemetry) == []
    rejected = {name: value for name, value in attributes(telemetry).items() if "rejected" in name}
    assert rejected == {"distance.fixes.rejected.missing": 1, "distance.fixes.rejected.out_of_range": 1}


def test_day_without_a_window_has_no_coverage(telemetry: TelemetryCapture, calculate: Calculate) -> None:
    calculate.create(device_id="phone", queued_at=datetime(2026, 1, 24, 12, tzinfo=UTC))
    calculate.deliver()
    assert recorded(telemetry) == [metrics.FIXES_READ.name, metrics.FIXES_REJECTED.name]
    assert telemetry.points(metrics.FIXES_REJECTED) == [({"reason": "outside_window"}, 144)]


def test_no_coordinate_and_no_device_is_in_metrics_and_spans(telemetry: TelemetryCapture, calculate: Calculate) -> None:
    calculate.create(device_id="")
    calculate.deliver()
    text = telemetry.text()
    assert "distance.analysis.coverage" in text
    assert "distance.fixes.rejected.jump" in text
    for secret in ("phone", "watch", "40.736097", "40.836097", "74.039373", "33.918861", "18.423311"):
        assert secret not in text
