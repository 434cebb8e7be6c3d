"""The parameters of the analysis: the same names and bounds in settings, requests, records and models."""

import dataclasses
import sys

import pytest

from shared.analysis_parameters import BOUNDS, parse_parameter
from shared.config.settings import Settings
from shared.models import FIELD_ERRORS, AnalysisParameters
from shared.openapi import analysis_models

OTHER_VALUES: list[object] = [None, True, "1", [1], {}, float("nan"), float("inf"), 10**400]
NAMES = [field.name for field in dataclasses.fields(AnalysisParameters)]


def test_all_places_have_the_same_names() -> None:
    assert list(BOUNDS) == NAMES
    assert list(analysis_models.AnalysisParameters.model_fields) == NAMES
    assert set(analysis_models.AppliedParameters.model_fields) == {*NAMES, "away_threshold_km", "day_column"}
    assert {name.removeprefix("analysis.") for name in FIELD_ERRORS if name.startswith("analysis.")} == set(NAMES)


def test_each_parameter_has_a_setting() -> None:
    values = {"home_radius_km": 0.1, "dwell_seconds": 1.5, "dwell_fixes": 7, "gap_seconds": 60.0}
    values |= {"max_accuracy_m": 50.0, "jump_speed_kmh": 900.0}
    settings = Settings.parse({name.upper(): str(value) for name, value in values.items()})
    assert vars(settings.analysis) == values


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("home_radius_km", value) for value in (0, 0.3, sys.float_info.max)),
        *(("dwell_seconds", value) for value in (0, -0.0, 0.5, 86_400)),
        *(("dwell_fixes", value) for value in (1, 1_000)),
        *(("gap_seconds", value) for value in (1, 1.5, 86_400.0)),
        *((name, value) for name in ("max_accuracy_m", "jump_speed_kmh") for value in (5e-324, 1, 2**64)),
    ],
)
def test_value_within_the_bounds_is_accepted(name: str, value: float) -> None:
    parsed = parse_parameter(name, value)
    assert parsed == value
    assert type(parsed) is (int if name == "dwell_fixes" else float)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("home_radius_km", value) for value in (-5e-324, -1)),
        *(("dwell_seconds", value) for value in (-1, 86_400.001)),
        *(("dwell_fixes", value) for value in (0, 1_001, 2.0, 1.5, -1)),
        *(("gap_seconds", value) for value in (0, 0.999, 86_401)),
        *((name, value) for name in ("max_accuracy_m", "jump_speed_kmh") for value in (0, 0.0, -1)),
        *((name, value) for name in NAMES for value in OTHER_VALUES),
    ],
)
def test_other_value_is_rejected(name: str, value: object) -> None:
    with pytest.raises(ValueError, match="expected a number"):
        parse_parameter(name, value)
