"""The analysis of a job's day: window, context and parameters follow from the job."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.models import AnalysisParameters
from tests.builders import JOB_ID
from tests.functional.calculate_function import FIXES, NOON, SETTINGS, Calculate, outcome_event
from tests.reference import EPOCH, Fix
from tests.unit.analysis import reference
from tests.unit.analysis.comparison import differences

HOUR = 3_600_000_000
WINDOW = (NOON - 12 * HOUR, NOON + 12 * HOUR)
BEFORE = [Fix(WINDOW[0] - HOUR, device, 40.736, -74.039, 5) for device in ("garmin", "iphone_stuart")]
AFTER = [Fix(WINDOW[1] + HOUR, device, 40.9, -74.039, 5) for device in ("garmin", "iphone_stuart")]


def analysis(**task: Any) -> dict[str, Any]:
    """Run a job with these fields and return the analysis in its record."""
    calculate = Calculate()
    calculate.fixes.fixes = [*BEFORE, *FIXES, *AFTER]
    calculate.create(**task)
    outcome_event(calculate.deliver())
    result = calculate.jobs.get(JOB_ID).result
    assert result is not None
    return dict(result.analysis or {})


def expected(window: tuple[int, int], after: list[Fix], parameters: AnalysisParameters, device: str) -> dict[str, Any]:
    def rows(fixes: list[Fix]) -> list[reference.Row]:
        selected = [fix for fix in fixes if device in ("", fix.device)]
        return [(fix.device, fix.own_time_us, fix.latitude, fix.longitude, fix.accuracy) for fix in selected]

    return reference.analyse(
        rows(FIXES),
        rows(BEFORE),
        rows(after),
        home=SETTINGS.home,
        away_threshold_km=0.5,
        parameters=vars(parameters),
        window=window,
        day_column="created_at",
    )


@pytest.mark.parametrize("device", ["", "garmin"])
def test_analysis_of_a_past_day_has_context_on_both_sides(device: str) -> None:
    queued_at = EPOCH + timedelta(microseconds=WINDOW[1] + 2 * HOUR)
    actual = analysis(device_id=device, queued_at=queued_at)
    assert list(differences(expected(WINDOW, AFTER, AnalysisParameters(), device), actual)) == []


def test_window_ends_at_the_submission() -> None:
    queued_at = EPOCH + timedelta(microseconds=NOON + HOUR)
    actual = analysis(device_id="", queued_at=queued_at)
    window = (WINDOW[0], NOON + HOUR)
    assert list(differences(expected(window, [], AnalysisParameters(), ""), actual)) == []
    assert datetime.fromisoformat(actual["window_end"]) == queued_at


def test_parameters_are_those_of_the_job() -> None:
    parameters = AnalysisParameters(home_radius_km=0.2, dwell_fixes=5, dwell_seconds=30, max_accuracy_m=100)
    actual = analysis(analysis=parameters, queued_at=EPOCH + timedelta(microseconds=WINDOW[1] + 2 * HOUR))
    assert list(differences(expected(WINDOW, AFTER, parameters, "iphone_stuart"), actual)) == []
    assert actual["devices"][0]["fixes"]["rejected"] == {"inaccurate": 74}


def test_job_that_was_queued_before_its_day_has_an_empty_window() -> None:
    actual = analysis(queued_at=EPOCH + timedelta(microseconds=WINDOW[0] - HOUR))
    assert actual["window_start"] == actual["window_end"]
    assert actual["devices"][0]["coverage"] is None
