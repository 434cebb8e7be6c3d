"""The days that decide whether an engine is right: those made by hand, and generated ones with the reference's result.

They are always the same, and take a few seconds of processor time.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

from functions.calculate.analysis.analyzer import DayAnalyzer
from tests.unit.analysis.comparison import differences, violations
from tests.unit.analysis.day import Day
from tests.unit.analysis.days import days
from tests.unit.analysis.engine import analyse
from tests.unit.analysis.hand_made import DAYS
from tests.unit.analysis.hand_made.builders import HandMadeDay
from tests.unit.analysis.long_days import PLACES, day_near_limits, dense_day, long_day

_GENERATED = 200
_WHOLE = 1_000_000  # rows of a block
_FEW, _MANY = 250, 50_000  # rows of a day that takes little time in small blocks, and of one that takes much


def find_differences(analyzer_type: type[DayAnalyzer], first_days: Sequence[HandMadeDay] = ()) -> Iterator[str]:
    """Yield each value that differs from what is right: of `first_days`, then of all hand-made and generated days."""
    made = sorted(DAYS, key=lambda day: (day not in first_days, len(day.rows)))
    yield from _find_in_hand_made((day for day in made if len(day.rows) < _MANY), _WHOLE, analyzer_type)
    for waits in (False, True):
        yield from _find_in_hand_made((day for day in made if len(day.rows) < _FEW), 7, analyzer_type, waits=waits)
    for number, (day, expected) in enumerate(_generated_days()):
        yield from differences(expected, analyse(day, 1 + number % 9, analyzer_type))
    for day, expected in _long_days():
        for size in (97, _WHOLE):
            yield from differences(expected, analyse(day, size, analyzer_type))
    yield from _find_in_hand_made((day for day in made if len(day.rows) >= _MANY), _WHOLE, analyzer_type)


def _find_in_hand_made(
    made: Iterable[HandMadeDay], size: int, analyzer_type: type[DayAnalyzer], *, waits: bool = False
) -> Iterator[str]:
    for day in made:
        yield from violations(day, analyse(day, size, analyzer_type, waits=waits))


@cache
def _generated_days() -> list[tuple[Day, dict[str, Any]]]:
    """Return days with the results of the reference."""
    found: list[Day] = []

    @settings(
        max_examples=_GENERATED,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],  # other tests run at the same time
    )
    @given(days())
    def collect(day: Day) -> None:
        found.append(day)

    collect()
    return [(day, day.analyse_by_reference()) for day in found]


@cache
def _long_days() -> list[tuple[Day, dict[str, Any]]]:
    moving, resting = (0.03, 0.03, 0.06, -0.05, 0.2), (0.02, -0.02, 0.01, -0.01, 0.4, -0.38)
    found = [*(long_day(seed) for seed in range(3)), dense_day(0, moving), dense_day(0, resting)]
    found += [day_near_limits(0, place, accuracy) for place in PLACES for accuracy in (50, 10_000)]
    return [(day, day.analyse_by_reference()) for day in found]
