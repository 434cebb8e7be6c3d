"""POST /api/distance/calculate, sentence by sentence of the contract."""

import json
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.models import Status
from tests.builders import TRACE_ID, TRACEPARENT
from tests.fakes import NOW, away
from tests.functional.submitting import BODY, PATH, Submit
from tests.sweeping import listed


@pytest.fixture
def submit() -> Submit:
    return Submit()


def test_a_submission_is_accepted_with_a_job_to_follow(submit: Submit) -> None:
    answer = submit.post(traceparent=TRACEPARENT)
    body = json.loads(answer.data)
    assert answer.status_code == 202
    assert list(body) == ["job_id", "status", "queued_at", "status_url", "trace_id"]
    assert str(uuid.UUID(body["job_id"])) == body["job_id"]
    assert body["status"] == "queued"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["queued_at"])
    assert body["status_url"] == answer.headers["Location"] == f"/api/distance/jobs/{body['job_id']}"
    assert body["trace_id"] == answer.headers["X-Trace-Id"] == TRACE_ID


def test_before_202_the_job_is_durable_and_in_the_list(submit: Submit) -> None:
    job_id = json.loads(submit.post().data)["job_id"]
    found = submit.jobs.get(job_id)
    assert (found.status, found.queued_at, found.device_id) == (Status.QUEUED, NOW, "iphone_stuart")
    assert [entry.job_id for entry in listed(submit.bucket)] == [job_id]


def test_the_request_event_says_what_the_caller_said(submit: Submit) -> None:
    job_id = json.loads(submit.post(traceparent=TRACEPARENT).data)["job_id"]
    (event,) = submit.broker.events
    assert event["id"] == event["subject"] == job_id
    assert (event["type"], event["source"]) == ("otelworker.distance.requested.v1", "/otel-worker/submit")
    assert event["datacontenttype"] == "application/json"
    assert event["traceparent"].split("-")[1] == TRACE_ID
    assert event["team"] == "home"
    assert event.data == {"job_id": job_id, **BODY}


def test_extensions_travel_in_the_event_and_the_record(submit: Submit) -> None:
    extensions = {"timezone": "Europe/Berlin", "home": {"latitude": 52.5, "longitude": 13.4}, "away_threshold_km": 1}
    job_id = json.loads(submit.post(BODY | extensions).data)["job_id"]
    assert submit.broker.events[0].data == {"job_id": job_id, **BODY, **extensions}
    found = submit.jobs.get(job_id)
    assert (found.timezone, found.home.latitude, found.away_threshold_km) == ("Europe/Berlin", 52.5, 1.0)


@pytest.mark.parametrize(
    "body",
    [
        {"date": "2026-01-25"},
        {"date": "2026-01-25", "device_id": ""},
        {"date": "2026-01-25", "device_id": None, "home": None, "timezone": None, "away_threshold_km": None},
    ],
)
def test_no_device_is_every_device_and_null_is_absent(submit: Submit, body: object) -> None:
    job_id = json.loads(submit.post(body).data)["job_id"]
    found = submit.jobs.get(job_id)
    assert (found.device_id, found.timezone, found.away_threshold_km) == ("", "UTC", 0.5)


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
def test_the_texts_of_the_contract(submit: Submit, body: object, message: str) -> None:
    assert submit.refused(body)["message"] == message


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
def test_a_bad_field_is_named(submit: Submit, name: str, value: object) -> None:
    details = submit.refused(BODY | {name: value})["details"]
    repeated = value[:100] if isinstance(value, str) else value
    assert details == {"field": name} | ({} if name == "note" else {"value": repeated})


def test_an_infinite_threshold_is_refused(submit: Submit) -> None:
    assert (
        submit.refused(b'{"date": "2026-01-25", "away_threshold_km": 1e999}')["details"]["field"] == "away_threshold_km"
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
def test_a_bad_home_is_refused_and_no_coordinate_is_repeated(submit: Submit, home: object) -> None:
    error = submit.refused(BODY | {"home": home})
    assert error["details"]["field"].startswith("home")
    assert "000123" not in json.dumps(error)


def test_details_name_field_and_value(submit: Submit) -> None:
    assert submit.refused({"date": "2026-1-25"})["details"] == {"field": "date", "value": "2026-1-25"}


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Asia/Tokyo"])
def test_tomorrow_is_today_where_the_sun_rises_first(submit: Submit, zone: str) -> None:
    submit.clock.advance(hours=4)  # 16:00 UTC
    assert submit.post(BODY | {"date": "2026-01-27", "timezone": zone}).status_code == 202
    submit.clock.advance(days=-1)
    submit.bucket.objects.clear()
    assert submit.refused(BODY | {"date": "2026-01-27", "timezone": zone})["message"] == "Date cannot be in the future"


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
def test_media_types_that_are_json(submit: Submit, media_type: str) -> None:
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
def test_media_types_that_are_not(submit: Submit, media_type: str) -> None:
    assert submit.refused(None, Content_Type=media_type)["message"] == "Request must be JSON"


def test_no_media_type_is_json(submit: Submit) -> None:
    assert submit.client.post(PATH, data=json.dumps(BODY)).status_code == 202


def test_a_body_over_64_kib_is_413(submit: Submit) -> None:
    answer = submit.post(BODY | {"device_id": "a" * 65536})
    assert answer.status_code == 413
    assert json.loads(answer.data)["error"]["code"] == "PAYLOAD_TOO_LARGE"


def test_storage_that_is_away_is_503_and_no_event_goes_out(submit: Submit) -> None:
    with away(submit.bucket):
        answer = submit.post()
    assert answer.status_code == 503
    assert json.loads(answer.data)["error"]["message"] == "Unavailable: storage"
    assert not submit.broker.events


def test_a_broker_that_is_away_is_202_because_the_job_is_durable(submit: Submit) -> None:
    submit.broker.away = True
    answer = submit.post(Idempotency_Key="k")
    assert answer.status_code == 202
    submit.broker.away = False
    again = submit.post(Idempotency_Key="k")
    assert [event["id"] for event in submit.broker.events] == [json.loads(again.data)["job_id"]]


def test_a_job_that_runs_already_is_not_asked_for_again(submit: Submit) -> None:
    job_id = json.loads(submit.post(Idempotency_Key="k").data)["job_id"]
    submit.jobs.claim(job_id)
    assert json.loads(submit.post(Idempotency_Key="k").data)["status"] == "processing"
    assert len(submit.broker.events) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(["date", "device_id", "timezone", "home", "away_threshold_km", "x"])


@contextmanager
def quiet(submit: Submit) -> Iterator[None]:
    yield
    submit.bucket.objects.clear()


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.dictionaries(FIELDS, JSON) | JSON | st.binary(max_size=40))
def test_whatever_is_sent_is_accepted_or_refused_in_the_envelope(submit: Submit, body: object) -> None:
    with quiet(submit):
        answer = submit.post(body)
        said = json.loads(answer.data)
        assert answer.status_code in (202, 400)
        assert set(said) == (
            {"error", "trace_id"}
            if answer.status_code == 400
            else {"job_id", "status", "queued_at", "status_url", "trace_id"}
        )
