"""The state of each device over a day, from the fixes themselves."""

from collections.abc import Iterator

from tests.unit.analysis.day import Day
from tests.unit.analysis.reference.fixes import rows_by_device, select_usable
from tests.unit.analysis.reference.intervals import find_intervals
from tests.unit.analysis.reference.states import Thresholds, state_fixes

# Start and end in minutes since the start of the window, and the state as which the time counts.
Interval = tuple[float, float, str]


def true_states(day: Day) -> Iterator[tuple[str, list[Interval]]]:
    """Yield each device with the intervals between its fixes; the state before and after them is unknown."""
    before, after = day.context_fixes()
    thresholds = Thresholds.of(day.away_threshold_km, day.all_parameters)
    for device, rows in rows_by_device(day.rows).items():
        usable, _ = select_usable(rows, day.window, day.all_parameters)
        fixes = state_fixes(before.get(device), usable, after.get(device), day.home, thresholds)
        intervals = find_intervals(fixes, day.window, day.all_parameters)
        yield (
            device,
            [(day_minutes(day, each.from_us), day_minutes(day, each.to_us), each.counted_as) for each in intervals],
        )


def day_minutes(day: Day, time_us: int) -> float:
    return (time_us - day.window[0]) / 60_000_000
