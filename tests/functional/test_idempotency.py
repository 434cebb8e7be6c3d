"""The header Idempotency-Key: the same key with an equal task returns the same job."""

import json

import pytest

from tests.functional.submit_function import BODY, Submit
from tests.sweeps import listed


@pytest.fixture
def submit() -> Submit:
    return Submit()


@pytest.mark.parametrize("key", ["k", "!~" * 127])
def test_same_key_and_equal_task_return_the_same_job(submit: Submit, key: str) -> None:
    first = submit.post(Idempotency_Key=key)
    submit.clock.advance(seconds=5)
    analysis = {"home_radius_km": 0.3, "dwell_seconds": 180, "dwell_fixes": 2}
    explicit = BODY | {
        "analysis": analysis | {"gap_seconds": 1800.0, "max_accuracy_m": 1e4, "jump_speed_kmh": None},
        "timezone": "UTC",
        "away_threshold_km": 0.5,
        "home": {"longitude": -74.039373, "latitude": 40.736097},
    }
    for again in (submit.post(Idempotency_Key=key), submit.post(explicit, Idempotency_Key=key)):
        assert again.status_code == 202
        for name in ("job_id", "queued_at", "status_url"):
            assert json.loads(again.data)[name] == json.loads(first.data)[name]
    assert len(listed(submit.bucket)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"date": "2026-01-24"},
        {"device_id": "garmin"},
        {"away_threshold_km": 1.0},
        {"timezone": "Asia/Tokyo"},
        {"analysis": {"dwell_fixes": 3}},
    ],
)
def test_same_key_with_another_body_returns_422(submit: Submit, change: dict[str, object]) -> None:
    submit.post(Idempotency_Key="k")
    response = submit.post(BODY | change, Idempotency_Key="k")
    assert response.status_code == 422
    assert json.loads(response.data)["error"]["code"] == "CONFLICT"
    assert len(submit.broker.events) == 1


def test_key_stays_valid_when_defaults_change(submit: Submit) -> None:
    first = json.loads(submit.post(Idempotency_Key="k").data)["job_id"]
    later = Submit(AWAY_THRESHOLD_KM="2")
    later.bucket.objects = submit.bucket.objects
    assert json.loads(later.post(Idempotency_Key="k").data)["job_id"] == first
    assert later.post(BODY | {"away_threshold_km": 2}, Idempotency_Key="k").status_code == 422


def test_key_stays_valid_when_defaults_of_the_analysis_change(submit: Submit) -> None:
    body = BODY | {"analysis": {"dwell_fixes": 3}}
    first = json.loads(submit.post(body, Idempotency_Key="k").data)["job_id"]
    later = Submit(GAP_SECONDS="900", DWELL_FIXES="5")
    later.bucket.objects = submit.bucket.objects
    assert json.loads(later.post(body, Idempotency_Key="k").data)["job_id"] == first
    for other in ({"dwell_fixes": 4}, {"dwell_fixes": 3, "gap_seconds": 900}, {}):
        assert later.post(BODY | {"analysis": other}, Idempotency_Key="k").status_code == 422


@pytest.mark.parametrize("key", ["", " ", "a b", "a" * 256, "ü"])
def test_invalid_key_returns_400(submit: Submit, key: str) -> None:
    assert submit.post_invalid(None, Idempotency_Key=key)["details"]["field"] == "Idempotency-Key"


def test_submissions_without_a_key_create_separate_jobs(submit: Submit) -> None:
    assert submit.post().json != submit.post().json
    assert len(listed(submit.bucket)) == 2
