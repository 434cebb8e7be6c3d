"""Submissions: the parser accepts what the models of the API's documents accept, and reads the same values."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from shared.analysis_parameters import BOUNDS
from shared.errors import InvalidRequest
from shared.openapi.event_models import RequestedData
from shared.openapi.request_models import Submission
from shared.submissions import parse_body, parse_event_data
from tests.builders import JOB_ID

_NUMBERS = st.floats() | st.integers() | st.sampled_from([0, -0.0, 90, -90.0, 180, 180.00000001, 10**400, -(10**400)])
_ANY = st.none() | st.booleans() | _NUMBERS | st.text(max_size=3) | st.lists(st.integers(), max_size=2)
_COORDINATES = st.floats(-90, 90) | st.integers(-180, 180) | _ANY
_HOME = st.fixed_dictionaries(
    {"latitude": _COORDINATES, "longitude": _COORDINATES}, optional={"altitude": _ANY}
) | st.dictionaries(st.sampled_from(["latitude", "longitude"]), _COORDINATES)
_PARAMETER = st.sampled_from([0, -0.0, 1, 2.0, 1_000, 1_001, 86_400.0, 86_401, 5e-324]) | _ANY
_ANALYSIS = st.dictionaries(st.sampled_from([*BOUNDS, "away_threshold_km"]), _PARAMETER)
_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "device_id": st.sampled_from(["", "phone_1", "a" * 100, "a" * 101, "a..b", "a b", "\u00e9"]) | _ANY,
    "timezone": st.sampled_from(["Europe/Vienna", "UTC", "Mars/Base", "", "../UTC"]) | _ANY,
    "home": _HOME | _ANY,
    "away_threshold_km": st.floats(0, 100) | _ANY,
    "analysis": _ANALYSIS | _ANY,
    "job_id": st.sampled_from([JOB_ID, JOB_ID.upper(), JOB_ID[1:]]) | _ANY,
    "later": _ANY,
}
_DAYS = st.sampled_from(["2026-01-25", "2026-02-29", "2026-1-25", "20260125", "2026-01-25 ", "0000-01-01"])
_DATA = st.fixed_dictionaries({"date": _DAYS | _ANY}, optional=_FIELDS) | st.fixed_dictionaries({}, optional=_FIELDS)
_VALID = {"date": "2026-01-25"}


def expected(model: type[BaseModel], data: object) -> dict[str, Any] | None:
    """Return the fields of the model; None if it rejects the data."""
    try:
        fields = {"job_id": None, **model.model_validate(data).model_dump()}
    except ValidationError:
        return None
    parameters = fields["analysis"] or {}
    return {**fields, "analysis": {name: value for name, value in parameters.items() if value is not None}}


def actual(parse: Any, data: object) -> dict[str, Any] | None:
    """Return the fields that the parser reads; None if it rejects the data."""
    try:
        parsed = parse(data)
    except InvalidRequest:
        return None
    submission, job_id = parsed if isinstance(parsed, tuple) else (parsed, None)
    home = submission.home and vars(submission.home)
    return {**vars(submission), "home": home, "job_id": job_id}


@given(_DATA | _ANY)
@example({**_VALID, "home": {"latitude": 1, "longitude": 10**400}})
@example({**_VALID, "away_threshold_km": 10**400})
@example({**_VALID, "away_threshold_km": True})
@example({**_VALID, "analysis": {"max_accuracy_m": 10**400}})
@example({**_VALID, "analysis": {"dwell_fixes": True}})
@example({**_VALID, "analysis": {"dwell_fixes": 2.0}})
@example({**_VALID, "analysis": {"away_threshold_km": 1}})
def test_parser_accepts_what_the_documented_model_accepts(data: object) -> None:
    assert actual(parse_body, data) == expected(Submission, data)
    assert actual(parse_event_data, data) == expected(RequestedData, data)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"device_id": 1}, "date"),
        ({**_VALID, "later": 1, "timezone": "Mars/Base"}, "timezone"),
        ({**_VALID, "later": None}, "later"),
        ({**_VALID, "home": {"latitude": 1}}, "home.longitude"),
        ({**_VALID, "home": {"latitude": 91, "longitude": 181}}, "home.latitude"),
        ({**_VALID, "home": {"latitude": 1, "longitude": 1, "altitude": 3}}, "home"),
        ({**_VALID, "home": [1, 2]}, "home"),
        ({**_VALID, "analysis": [1, 2]}, "analysis"),
        ({**_VALID, "analysis": {"gap_seconds": 0, "dwell_fixes": 0}}, "analysis.dwell_fixes"),
        ({**_VALID, "analysis": {"away_threshold_km": 1}}, "analysis.away_threshold_km"),
        ({**_VALID, "analysis": {"later": 1, "max_accuracy_m": 0}}, "analysis.max_accuracy_m"),
    ],
)
def test_error_names_the_first_invalid_field(data: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        parse_body(data)
    assert raised.value.field == field
    assert "home" not in field or raised.value.value is None


def test_explicit_fields_are_those_that_are_not_null() -> None:
    analysis = {"jump_speed_kmh": None, "dwell_seconds": 0}
    home = {"latitude": 0, "longitude": 0}
    data = {**_VALID, "away_threshold_km": 0, "timezone": None, "home": home, "analysis": analysis}
    submission = parse_body(json.loads(json.dumps(data)))
    assert submission.explicit_fields == ("analysis.dwell_seconds", "away_threshold_km", "home")
    assert submission.analysis == {"dwell_seconds": 0}


@pytest.mark.parametrize("analysis", [None, {}, {"dwell_fixes": None}])
def test_analysis_without_values_is_absent(analysis: object) -> None:
    assert parse_body({**_VALID, "analysis": analysis}) == parse_body(_VALID)
