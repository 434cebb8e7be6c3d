"""POST /api/distance/calculate."""

import json
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.models import AnalysisParameters, Status
from tests.builders import TRACE_ID, TRACEPARENT
from tests.fakes import NOW, outage
from tests.functional.submit_function import BODY, PATH, Submit
from tests.sweeps import listed


@pytest.fixture
def submit() -> Submit:
    return Submit()


def test_submission_returns_202_with_a_job(submit: Submit) -> None:
    response = submit.post(traceparent=TRACEPARENT)
    body = json.loads(response.data)
    assert response.status_code == 202
    assert list(body) == ["job_id", "status", "queued_at", "status_url", "trace_id"]
    assert str(uuid.UUID(body["job_id"])) == body["job_id"]
    assert body["status"] == "queued"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["queued_at"])
    assert body["status_url"] == response.headers["Location"] == f"/api/distance/jobs/{body['job_id']}"
    assert body["trace_id"] == response.headers["X-Trace-Id"] == TRACE_ID


def test_accepted_job_is_stored_and_listed(submit: Submit) -> None:
    job_id = json.loads(submit.post().data)["job_id"]
    stored = submit.jobs.get(job_id)
    assert (stored.status, stored.queued_at, stored.device_id) == (Status.QUEUED, NOW, "iphone_stuart")
    assert [entry.job_id for entry in listed(submit.bucket)] == [job_id]


def test_request_event_has_the_fields_of_the_body(submit: Submit) -> None:
    job_id = json.loads(submit.post(traceparent=TRACEPARENT).data)["job_id"]
    (event,) = submit.broker.events
    assert event["id"] == event["subject"] == job_id
    assert (event["type"], event["source"]) == ("otelworker.distance.requested.v1", "/otel-worker/submit")
    assert event["datacontenttype"] == "application/json"
    assert event["traceparent"].split("-")[1] == TRACE_ID
    assert event["team"] == "home"
    assert event.data == {"job_id": job_id, **BODY}


def test_optional_fields_are_in_the_event_and_the_record(submit: Submit) -> None:
    extensions: dict[str, object] = {
        "timezone": "Europe/Berlin",
        "home": {"latitude": 52.5, "longitude": 13.4},
        "away_threshold_km": 1,
        "analysis": {"dwell_fixes": 3, "gap_seconds": 900},
    }
    job_id = json.loads(submit.post(BODY | extensions).data)["job_id"]
    assert submit.broker.events[0].data == {"job_id": job_id, **BODY, **extensions}
    stored = submit.jobs.get(job_id)
    assert (stored.timezone, stored.home.latitude, stored.away_threshold_km) == ("Europe/Berlin", 52.5, 1.0)
    assert stored.analysis == AnalysisParameters(dwell_fixes=3, gap_seconds=900)
    assert stored.explicit_fields == (
        *("analysis.dwell_fixes", "analysis.gap_seconds", "away_threshold_km", "home", "timezone"),
    )


@pytest.mark.parametrize(
    "body",
    [
        {"date": "2026-01-25"},
        {"date": "2026-01-25", "device_id": ""},
        {"date": "2026-01-25", "device_id": None, "home": None, "timezone": None, "away_threshold_km": None},
        {"date": "2026-01-25", "analysis": None},
        {"date": "2026-01-25", "analysis": {}},
    ],
)
def test_absent_and_null_fields_have_defaults(submit: Submit, body: object) -> None:
    job_id = json.loads(submit.post(body).data)["job_id"]
    stored = submit.jobs.get(job_id)
    assert (stored.device_id, stored.timezone, stored.away_threshold_km) == ("", "UTC", 0.5)
    assert (stored.analysis, stored.explicit_fields) == (AnalysisParameters(), ())
    assert "analysis" not in submit.broker.events[0].data


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "Request must be JSON"),
        (b"{", "Request must be JSON"),
        (b'\xef\xbb\xbf{"date": "2026-01-25"}', "Request must be JSON"),
        ('{"date": "2026-01-25"}'.encode("utf-16"), "Request must be JSON"),
        (b'{"date": "\xff"}', "Request must be JSON"),
        (b'{"date": "2026-01-25", "date": "2026-01-24"}', "Request must be JSON"),
        (b'{"date": "2026-01-25", "away_threshold_km": NaN}', "Request must be JSON"),
        (b"[" * 60_000, "Request must be JSON"),
        ([], "Request body must be a JSON object"),
        ("null", "Request body must be a JSON object"),
        ({}, "Missing required field: date"),
        ({"date": None}, "Missing required field: date"),
        ({"device_id": "../x"}, "Missing required field: date"),
        ({"date": "2026-1-25"}, "Invalid date format. Expected YYYY-MM-DD"),
        ({"date": "2026-02-29"}, "Invalid date format. Expected YYYY-MM-DD"),
        ({"date": "2026-01-25T00:00:00Z"}, "Invalid date format. Expected YYYY-MM-DD"),
        ({"date": ""}, "Invalid date format. Expected YYYY-MM-DD"),
        ({"date": 20260125}, "Invalid date format. Expected YYYY-MM-DD"),
        ({"date": "2026-01-27"}, "Date cannot be in the future"),
    ],
)
def test_invalid_body_returns_400_with_its_message(submit: Submit, body: object, message: str) -> None:
    assert submit.post_invalid(body)["message"] == message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("device_id", "a b"),
        ("device_id", "a" * 101),
        ("device_id", "a..b"),
        ("device_id", "ü"),
        ("device_id", "a/b"),
        ("device_id", 5),
        ("timezone", "Mars/Olympus"),
        ("timezone", "../../etc/passwd"),
        ("timezone", 1),
        ("away_threshold_km", -0.1),
        ("away_threshold_km", "1"),
        ("away_threshold_km", True),
        ("note", "unknown"),
    ],
)
def test_details_have_the_invalid_field_and_its_value(submit: Submit, name: str, value: object) -> None:
    details = submit.post_invalid(BODY | {name: value})["details"]
    repeated = value[:100] if isinstance(value, str) else value
    assert details == {"field": name} | ({} if name == "note" else {"value": repeated})


def test_infinite_threshold_is_rejected(submit: Submit) -> None:
    assert (
        submit.post_invalid(b'{"date": "2026-01-25", "away_threshold_km": 1e999}')["details"]["field"]
        == "away_threshold_km"
    )


@pytest.mark.parametrize(
    "home",
    [
        {"latitude": 90.000123, "longitude": 0},
        {"latitude": 0, "longitude": -180.000123},
        {"latitude": 12.000123},
        {"latitude": "12.000123", "longitude": 0},
        {"latitude": 12.000123, "longitude": 0, "altitude": 1},
        "12.000123,0",
        [12.000123, 0],
    ],
)
def test_invalid_home_is_rejected_without_coordinates_in_the_error(submit: Submit, home: object) -> None:
    error = submit.post_invalid(BODY | {"home": home})
    assert error["details"]["field"].startswith("home")
    assert "000123" not in json.dumps(error)


def test_details_name_field_and_value(submit: Submit) -> None:
    assert submit.post_invalid({"date": "2026-1-25"})["details"] == {"field": "date", "value": "2026-1-25"}


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Asia/Tokyo"])
def test_future_date_is_judged_in_the_time_zone_of_the_job(submit: Submit, zone: str) -> None:
    submit.clock.advance(hours=4)  # 16:00 UTC
    assert submit.post(BODY | {"date": "2026-01-27", "timezone": zone}).status_code == 202
    submit.clock.advance(days=-1)
    submit.bucket.objects.clear()
    assert (
        submit.post_invalid(BODY | {"date": "2026-01-27", "timezone": zone})["message"]
        == "Date cannot be in the future"
    )


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "APPLICATION/JSON",
        "application/json; charset=UTF-8",
        'application/json;charset="utf-8"',
        "application/vnd.api+json",
        "",
    ],
)
def test_json_media_type_is_accepted(submit: Submit, media_type: str) -> None:
    assert submit.post(Content_Type=media_type).status_code == 202


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "application/jsonp",
        "application/json; charset=latin-1",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    ],
)
def test_other_media_type_is_rejected(submit: Submit, media_type: str) -> None:
    assert submit.post_invalid(None, Content_Type=media_type)["message"] == "Request must be JSON"


def test_missing_media_type_is_accepted(submit: Submit) -> None:
    assert submit.client.post(PATH, data=json.dumps(BODY)).status_code == 202


def test_body_over_64_kib_returns_413(submit: Submit) -> None:
    response = submit.post(BODY | {"device_id": "a" * 65536})
    assert response.status_code == 413
    assert json.loads(response.data)["error"]["code"] == "PAYLOAD_TOO_LARGE"


def test_unavailable_storage_returns_503_without_an_event(submit: Submit) -> None:
    with outage(submit.bucket):
        response = submit.post()
    assert response.status_code == 503
    assert json.loads(response.data)["error"]["message"] == "Unavailable: storage"
    assert not submit.broker.events


def test_unavailable_broker_returns_202(submit: Submit) -> None:
    submit.broker.is_unavailable = True
    response = submit.post(Idempotency_Key="k")
    assert response.status_code == 202
    submit.broker.is_unavailable = False
    again = submit.post(Idempotency_Key="k")
    assert [event["id"] for event in submit.broker.events] == [json.loads(again.data)["job_id"]]


def test_repeated_submission_of_a_running_job_publishes_no_event(submit: Submit) -> None:
    job_id = json.loads(submit.post(Idempotency_Key="k").data)["job_id"]
    submit.jobs.claim(job_id)
    assert json.loads(submit.post(Idempotency_Key="k").data)["status"] == "processing"
    assert len(submit.broker.events) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(["date", "device_id", "timezone", "home", "away_threshold_km", "analysis", "x"])


@contextmanager
def emptied(submit: Submit) -> Iterator[None]:
    yield
    submit.bucket.objects.clear()


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.dictionaries(FIELDS, JSON) | JSON | st.binary(max_size=40))
def test_any_body_returns_202_or_400_in_the_envelope(submit: Submit, body: object) -> None:
    with emptied(submit):
        response = submit.post(body)
        body_fields = json.loads(response.data)
        assert response.status_code in (202, 400)
        assert set(body_fields) == (
            {"error", "trace_id"}
            if response.status_code == 400
            else {"job_id", "status", "queued_at", "status_url", "trace_id"}
        )
