"""Mutation test of the analysis: the days detect each planted bug, and none in the engine as it is."""

import importlib
from collections.abc import Sequence

import pytest

from tests.planted import Bug, imported_again
from tests.unit.analysis.bugs import GROUPS
from tests.unit.analysis.detection import find_differences
from tests.unit.analysis.hand_made.builders import HandMadeDay

pytestmark = pytest.mark.slow

PACKAGE = "functions.calculate.analysis"


def first_difference(bug: Bug | None, first_days: Sequence[HandMadeDay] = ()) -> str | None:
    """Return the first value of the engine with a bug that is wrong. An exception means that the bug does not fit."""
    with imported_again(PACKAGE, bug):
        analyzer = importlib.import_module(f"{PACKAGE}.analyzer")
        return next(find_differences(analyzer.DayAnalyzer, first_days), None)


def test_engine_without_bug_has_no_differences() -> None:
    assert first_difference(None) is None


@pytest.mark.parametrize(
    ("bug", "days"), [pytest.param(bug, days, id=bug.name) for bugs, days in GROUPS for bug in bugs]
)
def test_days_detect_planted_bug(bug: Bug, days: Sequence[HandMadeDay]) -> None:
    assert first_difference(bug, days) is not None
