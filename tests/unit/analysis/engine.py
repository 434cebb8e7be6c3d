"""Analyse a day with the analyzer of the project."""

import math
from typing import Any

from functions.calculate.analysis.analyzer import DayAnalyzer
from functions.calculate.day.distance import DayAccumulator
from functions.calculate.fixes.blocks import NULL, ContextFix
from shared.models import AnalysisParameters, Home
from tests.reference import Fix, block
from tests.unit.analysis import reference
from tests.unit.analysis.day import Day


def analyse(
    day: Day, size: int, analyzer_type: type[DayAnalyzer] = DayAnalyzer, *, waits: bool = False
) -> dict[str, Any]:
    """Analyse the rows of a day in blocks of `size`, each at once, as those of a day with more fixes.

    With `waits` rows wait for more rows, as they do in a day with few fixes.
    """
    home = Home(latitude=day.home.latitude, longitude=day.home.longitude)
    before, after = ({device: _context_fix(fix) for device, fix in fixes.items()} for fixes in day.context_fixes())
    analyzer = analyzer_type(
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
        if not waits:
            analyzer._advance()
    return analyzer.result()


def _context_fix(fix: reference.Fix) -> ContextFix:
    return ContextFix(fix.time_us, fix.latitude, fix.longitude, int(fix.accuracy) or NULL)


def _fix(row: reference.Row) -> Fix:
    device, own_time_us, latitude, longitude, accuracy = row
    if latitude is None or longitude is None:
        latitude = longitude = math.nan
    return Fix(own_time_us, device, latitude, longitude, accuracy)
