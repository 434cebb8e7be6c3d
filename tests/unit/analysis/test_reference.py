"""The reference gives what follows by hand from the rules, exactly."""

import pytest

from tests.unit.analysis.comparison import violations
from tests.unit.analysis.hand_made import DAYS
from tests.unit.analysis.hand_made.builders import HandMadeDay


@pytest.mark.parametrize("day", DAYS, ids=lambda day: day.name)
def test_reference_agrees_with_days_made_by_hand(day: HandMadeDay) -> None:
    assert violations(day, day.analyse_by_reference(), exact=True) == []


def test_names_of_days_made_by_hand_are_unique() -> None:
    assert len({day.name for day in DAYS}) == len(DAYS)
