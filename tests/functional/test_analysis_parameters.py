"""The parameters of the analysis in submissions."""

import json

import pytest

from shared.models import AnalysisParameters
from tests.functional.submit_function import BODY, Submit


@pytest.fixture
def submit() -> Submit:
    return Submit()


def test_parameters_of_the_analysis_that_are_not_set_have_the_values_of_the_settings() -> None:
    submit = Submit(DWELL_FIXES="4", GAP_SECONDS="60", JUMP_SPEED_KMH="500")
    job_id = json.loads(submit.post(BODY | {"analysis": {"gap_seconds": 90.5, "dwell_seconds": None}}).data)["job_id"]
    expected = AnalysisParameters(dwell_fixes=4, gap_seconds=90.5, jump_speed_kmh=500)
    assert submit.jobs.get(job_id).analysis == expected
    assert submit.broker.events[0].data["analysis"] == {"gap_seconds": 90.5}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("home_radius_km", -1, "analysis.home_radius_km must be a finite number of 0 or more"),
        ("dwell_seconds", 86_401, "analysis.dwell_seconds must be a number from 0 to 86400"),
        ("dwell_fixes", 2.0, "analysis.dwell_fixes must be an integer from 1 to 1000"),
        ("gap_seconds", "60", "analysis.gap_seconds must be a number from 1 to 86400"),
        ("max_accuracy_m", 0, "analysis.max_accuracy_m must be a finite number greater than 0"),
        ("jump_speed_kmh", False, "analysis.jump_speed_kmh must be a finite number greater than 0"),
    ],
)
def test_invalid_parameter_of_the_analysis_is_named(submit: Submit, name: str, value: object, message: str) -> None:
    error = submit.post_invalid(BODY | {"analysis": {name: value}})
    assert error["message"] == message
    assert error["details"] == {"field": f"analysis.{name}", "value": value}


@pytest.mark.parametrize("name", ["away_threshold_km", "dwell", "timezone"])
def test_unknown_parameter_of_the_analysis_is_rejected(submit: Submit, name: str) -> None:
    error = submit.post_invalid(BODY | {"analysis": {name: None}})
    assert (error["message"], error["details"]) == ("Unknown field", {"field": f"analysis.{name}"})


@pytest.mark.parametrize("value", [1, [3], "dwell_fixes", True])
def test_analysis_that_is_no_object_is_rejected(submit: Submit, value: object) -> None:
    error = submit.post_invalid(BODY | {"analysis": value})
    assert error["message"] == "analysis must be an object with parameters of the analysis"
    assert error["details"] == {"field": "analysis", "value": value}
