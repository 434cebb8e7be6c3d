"""The analyzer gives what the reference gives, and what follows by hand from the rules, wherever blocks end."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.analysis.comparison import differences, violations
from tests.unit.analysis.day import Day
from tests.unit.analysis.days import days
from tests.unit.analysis.engine import analyse
from tests.unit.analysis.hand_made import DAYS
from tests.unit.analysis.hand_made.builders import HandMadeDay
from tests.unit.analysis.long_days import PLACES, day_near_limits, dense_day, long_day
from tests.unit.analysis.places import Position


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("day", DAYS, ids=lambda day: day.name)
def test_days_made_by_hand(day: HandMadeDay, size: int) -> None:
    size = max(size, len(day.rows) // 1_000)  # more blocks take long with a run that stays open
    assert violations(day, analyse(day, size)) == []
    assert violations(day, analyse(day, size, waits=True)) == []


@settings(max_examples=500)
@given(days(), st.integers(1, 50), st.booleans())
def test_generated_days_equal_the_reference(day: Day, size: int, waits: bool) -> None:
    assert list(differences(day.analyse_by_reference(), analyse(day, size, waits=waits))) == []


@pytest.mark.parametrize("seed", range(6))
def test_long_days_equal_the_reference(seed: int) -> None:
    day = long_day(seed)
    expected = day.analyse_by_reference()
    for size in (97, 1_000, 100_000):
        assert list(differences(expected, analyse(day, size))) == []


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("accuracy", [50, 10_000])
@pytest.mark.parametrize("seed", range(3))
def test_days_near_limits_equal_the_reference(seed: int, accuracy: int, place: Position) -> None:
    day = day_near_limits(seed, place, accuracy)
    expected = day.analyse_by_reference()
    assert 10 < expected["devices"][0]["path_length_km"]["robust"] < expected["devices"][0]["path_length_km"]["raw"]
    for size in (7, 100_000):
        assert list(differences(expected, analyse(day, size))) == []


@pytest.mark.parametrize(
    "steps_km",
    [(0.03, 0.03, 0.06, -0.05, 0.2), (0.002,), (0.02, -0.02, 0.01, -0.01), (0.02, -0.02, 0.01, -0.01, 0.4, -0.38)],
    ids=["moving", "slow", "resting", "disturbed"],
)
@pytest.mark.parametrize("seed", range(2))
def test_dense_fixes_equal_the_reference(seed: int, steps_km: tuple[float, ...]) -> None:
    day = dense_day(seed, steps_km)
    expected = day.analyse_by_reference()
    for size in (100, 3_000, 100_000):
        assert list(differences(expected, analyse(day, size))) == []
