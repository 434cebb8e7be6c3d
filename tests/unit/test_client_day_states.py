"""The states of a device over the day, derived from documents of its analysis."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from otel_worker_client.analysis import Analysis
from otel_worker_client.cli.day_states import Period, State, periods

from tests.unit.analysis.day import Day
from tests.unit.analysis.days import days
from tests.unit.analysis.hand_made.builders import HandMadeDay, fix, window
from tests.unit.analysis.reference import Row
from tests.unit.analysis.true_states import Interval, true_states

ROUNDING = 0.2  # minutes, over all times and totals of a document

# Rows, other fields of the day, and the state at the end of each period.
DAYS: dict[str, tuple[list[Row], dict[str, Any], str]] = {
    "at home all day, with context": (
        [fix("00:05", 0), fix("12:00", 0), fix("23:50", 0)],
        {"before": [fix("23:50", 0, day=-1)], "after": [fix("00:10", 0, day=1)]},
        "home 24:00",
    ),
    "without context the edges are unknown": (
        [fix("02:00", 0), fix("12:00", 0), fix("23:00", 0)],
        {},
        "unknown 02:00, home 23:00, unknown 24:00",
    ),
    "with context before, only the end is unknown": (
        [fix("02:00", 0), fix("12:00", 0), fix("23:00", 0)],
        {"before": [fix("23:50", 0, day=-1)]},
        "home 23:00, unknown 24:00",
    ),
    "with context after, only the start is unknown": (
        [fix("02:00", 0), fix("12:00", 0), fix("23:00", 0)],
        {"after": [fix("00:10", 0, day=1)]},
        "unknown 02:00, home 24:00",
    ),
    "a trip between two stays": (
        [fix("01:00", 0), fix("08:00", 3), fix("08:10", 3), fix("09:00", 3), fix("09:20", 0), fix("09:40", 0)],
        {"parameters": {"gap_seconds": 86_400}},
        "unknown 01:00, home 08:00, away 09:20, home 09:40, unknown 24:00",
    ),
    "a trip that begins before the day and one that ends after it": (
        [fix("03:00", 0), fix("03:10", 0), fix("22:00", 3), fix("22:10", 3)],
        {
            "before": [fix("23:00", 3, day=-1)],
            "after": [fix("00:30", 3, day=1)],
            "parameters": {"gap_seconds": 86_400},
        },
        "away 03:00, home 22:00, away 24:00",
    ),
    "a trip that has no fix after it ends with its last fix": (
        [fix("03:00", 0), fix("03:10", 0), fix("03:20", 3), fix("03:30", 3)],
        {},
        "unknown 03:00, home 03:20, away 03:30, unknown 24:00",
    ),
    "a trip that has no fix before it begins with its first fix": (
        [fix("03:20", 3), fix("03:30", 3), fix("03:40", 0), fix("03:50", 0)],
        {"after": [fix("00:30", 0, day=1)]},
        "unknown 03:20, away 03:40, home 24:00",
    ),
    "away all day": (
        [fix("03:00", 3), fix("03:10", 3), fix("20:00", 3)],
        {"before": [fix("23:00", 3, day=-1)], "after": [fix("00:30", 3, day=1)]},
        "away 24:00",
    ),
    "away between the first and the last fix": (
        [fix("03:00", 3), fix("03:10", 3), fix("20:00", 3)],
        {},
        "unknown 03:00, away 20:00, unknown 24:00",
    ),
    "a gap within a trip": (
        [fix("08:00", 0), fix("08:10", 3), fix("08:20", 3), fix("10:00", 5), fix("10:10", 5), fix("10:20", 0)],
        {"before": [fix("23:50", 0, day=-1)]},
        "home 08:10, away 08:20, unknown 10:00, away 10:20, unknown 24:00",
    ),
    "a gap that counts as away": (
        [fix("08:00", 0), fix("08:10", 3), fix("08:20", 3), fix("10:00", 3), fix("10:10", 3), fix("10:20", 0)],
        {"before": [fix("23:50", 0, day=-1)]},
        "home 08:10, away 10:20, unknown 24:00",
    ),
    "a gap at each edge of the day": (
        [fix("01:00", 0), fix("01:10", 0), fix("22:50", 0), fix("23:00", 0)],
        {"before": [fix("23:00", 3, day=-1)], "after": [fix("01:00", 3, day=1)]},
        "unknown 01:00, home 23:00, unknown 24:00",
    ),
    "the first fixes are no evidence": (
        [fix("02:00", 0.4), fix("02:10", 0.4), fix("02:20", 0), fix("12:00", 0), fix("23:00", 0)],
        {},
        "unknown 02:20, home 23:00, unknown 24:00",
    ),
    "no fix is evidence": ([fix("02:00", 0.4), fix("02:10", 0.4)], {}, "unknown 24:00"),
    "no usable fixes": ([fix("02:00", 0, -1)], {}, "unknown 24:00"),
    "no usable fixes, and a stay over the whole day": (
        [fix("02:00", 0, -1)],
        {
            "window": window("00:00", "23:00"),
            "before": [fix("23:50", 0, day=-1)],
            "after": [fix("23:10", 0)],
        },
        "home 23:00",
    ),
    "the window ends when the job was submitted": (
        [fix("00:10", 0), fix("09:00", 3), fix("09:10", 3), fix("14:20", 3)],
        {
            "window": window("00:00", "14:25"),
            "before": [fix("23:50", 0, day=-1)],
            "parameters": {"gap_seconds": 86_400},
        },
        "home 09:00, away 14:20, unknown 14:25",
    ),
    "the window has no length": ([fix("02:00", 0)], {"window": window("00:00", "00:00")}, ""),
}


def text(day: list[Period]) -> str:
    """Format periods as states and the clocks at their ends, to the minute."""
    ends = [(period.state.value, divmod(round(period.end), 60)) for period in day]
    return ", ".join(f"{state} {hours:02}:{minutes:02}" for state, (hours, minutes) in ends)


def analyse(day: Day) -> Analysis:
    return Analysis.from_json(day.analyse_by_reference())


@pytest.mark.parametrize("name", DAYS)
def test_states_of_a_day(name: str) -> None:
    rows, others, expected = DAYS[name]
    analysis = analyse(HandMadeDay(name=name, rows=rows, expected={}, **others))
    assert text(periods(analysis, analysis.devices[0])) == expected


def test_devices_are_independent() -> None:
    rows = [fix("01:00", 0, device="phone"), fix("02:00", 3, device="watch")]
    analysis = analyse(HandMadeDay(name="", rows=rows, expected={}, after=[fix("00:30", 0, day=1, device="phone")]))
    states = {device.device_id: text(periods(analysis, device)) for device in analysis.devices}
    assert states == {"phone": "unknown 01:00, home 24:00", "watch": "unknown 24:00"}


def test_edges_that_the_document_does_not_distinguish_are_undetermined() -> None:
    """Either edge can be the unknown one: both are of the same length, and one has context."""
    rows = [fix("01:00", 0), fix("12:00", 0), fix("23:00", 0)]
    parameters = {"gap_seconds": 86_400}
    contexts: Any = ({"before": [fix("23:00", 0, day=-1)]}, {"after": [fix("01:00", 0, day=1)]})
    for context in contexts:
        analysis = analyse(HandMadeDay(name="", rows=rows, expected={}, parameters=parameters, **context))
        day = text(periods(analysis, analysis.devices[0]))
        assert day == "undetermined 01:00, home 23:00, undetermined 24:00"


def clock(seconds: int) -> str:
    return f"{seconds // 3_600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def many_trips() -> Day:
    """Return a day with 1,000 trips of 40 seconds, and 40 seconds at home before and after each."""
    rows = [fix(clock(40 * number), 3 * (number % 2)) for number in range(2_001)]
    at_once = {"dwell_fixes": 1, "dwell_seconds": 0, "jump_speed_kmh": 1e9}
    return HandMadeDay(name="", rows=rows, expected={}, parameters=at_once)


def test_time_at_home_is_undetermined_if_trips_are_not_listed() -> None:
    analysis = analyse(many_trips())
    (device,) = analysis.devices
    day = periods(analysis, device)
    assert (device.trip_count, len(device.trips)) == (1_000, 100)
    assert sum(period.state is State.AWAY for period in day) == 100
    assert {period.state for period in day} == {State.AWAY, State.UNDETERMINED, State.UNKNOWN}


def only_longest(analysis: dict[str, Any], trips: int, gaps: int) -> dict[str, Any]:
    """Remove all but the longest trips and gaps of each device."""
    for device in analysis["devices"]:
        for name, count in (("trips", trips), ("gaps", gaps)):
            longest = sorted(device[name], key=lambda item: item["minutes"], reverse=True)[:count]
            device[name] = [item for item in device[name] if item in longest]
    return analysis


@settings(max_examples=200)
@given(days(), st.booleans(), st.integers(0, 3), st.integers(0, 5))
def test_determined_states_are_those_of_the_fixes(day: Day, is_complete: bool, trips: int, gaps: int) -> None:
    document = day.analyse_by_reference()
    analysis = Analysis.from_json(document if is_complete else only_longest(document, trips, gaps))
    intervals = dict(true_states(day))
    for device in analysis.devices:
        derived = periods(analysis, device)
        length = sum(period.end - period.start for period in derived)
        assert length == pytest.approx(device.window_minutes, abs=ROUNDING)
        for period in derived:
            if period.state is not State.UNDETERMINED:
                assert minutes_in_state(period, intervals[device.device_id]) == pytest.approx(
                    period.end - period.start, abs=ROUNDING
                )


def minutes_in_state(period: Period, intervals: list[Interval]) -> float:
    """Return for how many minutes of a period the state of the fixes is that of the period."""
    overlaps = [(max(min(end, period.end) - max(start, period.start), 0), state) for start, end, state in intervals]
    between_fixes = sum(minutes for minutes, _ in overlaps)
    outside = (period.end - period.start) - between_fixes if period.state is State.UNKNOWN else 0
    return sum(minutes for minutes, state in overlaps if state == period.state.value) + outside
