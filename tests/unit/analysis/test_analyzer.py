"""The analyzer gives what the reference gives, and what follows by hand from the rules, wherever blocks end."""

import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.calculate.day.distance import DayAccumulator
from functions.calculate.fixes.blocks import NULL, ContextFix
from shared.models import AnalysisParameters, Home
from tests.reference import Fix, block
from tests.unit.analysis import reference
from tests.unit.analysis.comparison import differences, violations
from tests.unit.analysis.day import Day
from tests.unit.analysis.days import days
from tests.unit.analysis.hand_made import DAYS
from tests.unit.analysis.hand_made.builders import WINDOW, HandMadeDay
from tests.unit.analysis.long_days import long_day
from tests.unit.analysis.places import at
from tests.unit.analysis_days import EagerAnalyzer


def analyse(day: Day, size: int) -> dict[str, Any]:
    """Analyse the rows of a day in blocks of `size`, each at once, as those of a day with more fixes."""
    home = Home(latitude=day.home.latitude, longitude=day.home.longitude)
    before, after = ({device: _context_fix(fix) for device, fix in fixes.items()} for fixes in day.context_fixes())
    analyzer = EagerAnalyzer(
        home=home,
        away_threshold_km=day.away_threshold_km,
        parameters=AnalysisParameters(**day.all_parameters),
        window_us=day.window,
        day_column=day.day_column,
        before=before,
        after=after,
    )
    accumulator, devices = DayAccumulator(home, day.away_threshold_km), list[str]()
    for start in range(0, len(day.rows), size):
        rows = block([_fix(row) for row in day.rows[start : start + size]], devices)
        analyzer.add(rows, accumulator.add(rows))
    return analyzer.result()


def _context_fix(fix: reference.Fix) -> ContextFix:
    return ContextFix(fix.time_us, fix.latitude, fix.longitude, int(fix.accuracy) or NULL)


def _fix(row: reference.Row) -> Fix:
    device, own_time_us, latitude, longitude, accuracy = row
    if latitude is None or longitude is None:
        latitude = longitude = math.nan
    return Fix(own_time_us, device, latitude, longitude, accuracy)


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("day", DAYS, ids=lambda day: day.name)
def test_days_made_by_hand(day: HandMadeDay, size: int) -> None:
    if size == 1 and len(day.rows) > 5_000:
        return  # takes a minute
    assert violations(day, analyse(day, size)) == []


@settings(max_examples=500)
@given(days(), st.integers(1, 50))
def test_generated_days_equal_the_reference(day: Day, size: int) -> None:
    assert list(differences(day.analyse_by_reference(), analyse(day, size))) == []


@pytest.mark.parametrize("seed", range(6))
def test_long_days_equal_the_reference(seed: int) -> None:
    day = long_day(seed)
    expected = day.analyse_by_reference()
    for size in (97, 1_000, 100_000):
        assert list(differences(expected, analyse(day, size))) == []


@pytest.mark.parametrize(
    "steps_km",
    [(0.03, 0.03, 0.06, -0.05, 0.2), (0.002,), (0.02, -0.02, 0.01, -0.01), (0.02, -0.02, 0.01, -0.01, 0.4, -0.38)],
    ids=["moving", "slow", "resting", "disturbed"],
)
@pytest.mark.parametrize("seed", range(2))
def test_dense_fixes_equal_the_reference(seed: int, steps_km: tuple[float, ...]) -> None:
    random_numbers = random.Random(seed)
    rows: list[reference.Row] = []
    kilometres = [0.0, 0.0]
    for number in range(6_000):
        device = number % 2
        kilometres[device] += random_numbers.choice(steps_km)
        position, accuracy = at(kilometres[device]), random_numbers.choice((0, 5, 20, 40, 80))
        time_us = WINDOW[0] + number * 14_000_000
        rows.append((f"device {device}", time_us, position.latitude, position.longitude, accuracy))
    day = Day(rows=rows, window=WINDOW)
    expected = day.analyse_by_reference()
    for size in (100, 3_000, 100_000):
        assert list(differences(expected, analyse(day, size))) == []
