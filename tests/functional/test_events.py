"""Events that calculate accepts, and its responses to invalid ones."""

import json
from typing import Any

import pytest
from cloudevents.conversion import to_binary, to_structured
from cloudevents.http import CloudEvent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.ids import job_id_of_event
from shared.models import AnalysisParameters, Status
from tests.builders import JOB_ID
from tests.fakes import outage
from tests.functional.calculate_function import Calculate, assert_error, outcome_event, request_event
from tests.sweeps import listed


@pytest.fixture
def calculate() -> Calculate:
    return Calculate()


def test_event_of_another_producer_creates_one_job(calculate: Calculate) -> None:
    foreign = request_event({"date": "2026-01-25", "device_id": "garmin", "note": 1}, source="/calendar", id="e-1")
    event = outcome_event(calculate.deliver(foreign))
    assert event.data["job_id"] == job_id_of_event("/calendar", "e-1")
    assert calculate.deliver(foreign).status_code == 204
    assert len(listed(calculate.jobs_bucket)) == 1


def test_event_of_another_producer_can_set_all_fields(calculate: Calculate) -> None:
    home = {"latitude": 52.5, "longitude": 13.4, "altitude": 34}
    data = {
        "job_id": JOB_ID.upper(),
        "date": "2026-01-25",
        "device_id": None,
        "home": home,
        "timezone": "Europe/Berlin",
        "analysis": {"dwell_fixes": 3, "gap_seconds": None, "away_threshold_km": "far", "later": 1},
    }
    assert outcome_event(calculate.deliver(request_event(data))).data["min_distance_km"] > 6000
    stored = calculate.jobs.get(JOB_ID)
    assert (stored.timezone, stored.home.latitude, stored.device_id) == ("Europe/Berlin", 52.5, "")
    assert stored.analysis == AnalysisParameters(dwell_fixes=3)
    assert stored.explicit_fields == ("analysis.dwell_fixes", "home", "timezone")


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"date": "2026-1-25"},
        {"date": "2026-01-25", "device_id": "../x"},
        {"date": "2026-01-25", "job_id": "1"},
        {"date": "2026-01-25", "home": {"latitude": 91, "longitude": 0}},
        {"date": "2026-01-25", "away_threshold_km": -1},
        {"date": "2026-01-25", "analysis": {"dwell_fixes": 0}},
        {"date": "2026-01-25", "analysis": []},
        {"date": "2999-01-01"},
        [],
        "text",
        5,
    ],
)
@pytest.mark.parametrize("mode", [to_binary, to_structured])
def test_invalid_event_data_returns_400(calculate: Calculate, data: object, mode: Any) -> None:
    assert_error(calculate.deliver(request_event(data, source="/other"), mode=mode), 400)
    assert not calculate.jobs_bucket.objects


BINARY = {"ce-specversion": "1.0", "ce-type": "otelworker.distance.requested.v1", "ce-source": "/o", "ce-id": "1"}
VALID_BODY = b'{"date": "2026-01-25"}'
DUPLICATE_KEY = json.dumps(
    {"specversion": "1.0", "type": BINARY["ce-type"], "source": "/o", "id": "1", "data": {}}
).encode()
DUPLICATE_KEY = DUPLICATE_KEY.replace(b"{}", b'{"date": "2026-01-25", "date": "2026-01-24"}')


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b""),
        ({}, VALID_BODY),
        ({"Content-Type": "application/json"}, VALID_BODY),
        ({"Content-Type": "application/cloudevents+json"}, b"{"),
        ({"Content-Type": "application/cloudevents+json"}, b"[]"),
        ({"Content-Type": "application/cloudevents+json"}, b"null"),
        ({"Content-Type": "application/cloudevents+json"}, b'{"specversion": "1.0", "type": 1, "source": 2, "id": 3}'),
        ({"Content-Type": "application/cloudevents-batch+json"}, b"[]"),
        ({"ce-specversion": "1.0"}, VALID_BODY),
        (BINARY | {"ce-specversion": "9"}, VALID_BODY),
        (BINARY | {"ce-type": "other"}, VALID_BODY),
        (BINARY | {"ce-id": ""}, VALID_BODY),
        (BINARY, b""),
        (BINARY, b"{"),
        (BINARY, b"\xff\xfe"),
        (BINARY, b'{"date": "2026-01-25", "date": "2026-01-24"}'),
        (BINARY, b'"{\\"date\\": \\"2026-01-25\\"}"'),
        (BINARY, b"[" * 100_000),
        ({"Content-Type": "application/cloudevents+json"}, DUPLICATE_KEY),
    ],
)
def test_invalid_or_unknown_event_returns_400(calculate: Calculate, headers: dict[str, str], body: bytes) -> None:
    assert_error(calculate.client.post("/", data=body, headers=headers), 400)
    assert not calculate.jobs_bucket.objects


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from([*BINARY, "ce-time", "Content-Type", "traceparent"]),
        st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=20),
    ),
    st.binary(max_size=50) | st.just(VALID_BODY),
    st.booleans(),
)
def test_any_delivery_returns_an_event_204_or_400(
    calculate: Calculate, headers: dict[str, str], body: bytes, valid: bool
) -> None:
    response = calculate.client.post("/", data=body, headers=(BINARY if valid else {}) | headers)
    assert response.status_code in (200, 204, 400)
    if response.status_code == 200:
        assert response.headers["ce-type"].startswith("otelworker.distance.")


def test_dead_letter_fails_its_job(calculate: Calculate) -> None:
    calculate.create()
    assert calculate.deliver(path="/dead-letter").status_code == 204
    stored = calculate.jobs.get(JOB_ID)
    assert (stored.status, stored.error_code) == (Status.FAILED, "UNDELIVERABLE")
    assert calculate.deliver(path="/dead-letter").status_code == 204


@pytest.mark.parametrize("event", [request_event({}), request_event(), request_event([], source="/x")])
def test_dead_letter_without_a_job_returns_204(calculate: Calculate, event: CloudEvent) -> None:
    assert calculate.deliver(event, path="/dead-letter").status_code == 204


def test_dead_letter_returns_204_when_storage_is_unavailable(calculate: Calculate) -> None:
    calculate.create()
    with outage(calculate.jobs_bucket):
        assert calculate.deliver(path="/dead-letter").status_code == 204


def test_sweep_returns_204_or_503(calculate: Calculate) -> None:
    calculate.create()
    assert calculate.client.post("/sweep").status_code == 204
    with outage(calculate.jobs_bucket):
        assert calculate.client.post("/sweep").status_code == 503
