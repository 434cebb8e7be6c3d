"""A bar for each device of an analysis: when it was at home, away or unknown, on a scale of hours."""

import math
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import groupby
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rich.text import Text

from otel_worker_client.analysis import Analysis, DeviceAnalysis
from otel_worker_client.cli.day_states import Period, State, periods

_MAX_COLUMNS = 100  # 25 hours of 4 columns
_COLUMN_MINUTES = (15, 20, 30, 60)
_LABEL_HOURS = 3
_LABEL_STEP = timedelta(minutes=15)  # hours begin at multiples of it in every time zone
_STYLES = {State.HOME: "green", State.AWAY: "yellow", State.UNKNOWN: "dim", State.UNDETERMINED: "red"}
_BLOCKS = {State.HOME: "▁", State.AWAY: "█", State.UNKNOWN: "·", State.UNDETERMINED: "?"}
_ASCII = {State.HOME: "_", State.AWAY: "#", State.UNKNOWN: ".", State.UNDETERMINED: "?"}
_NO_WINDOW = "no bar: the day had not begun when the job was submitted"
_UNDETERMINED_MEANING = "cannot be told from the analysis"


def render(analysis: Analysis, timezone: str, width: int, *, is_ascii: bool = False) -> Text:
    """Return the bars of all devices for a terminal of `width` characters, with a scale and a legend.

    `timezone` is that of the job; the scale is in UTC if it is empty or not installed. A column shows the
    state of most of its time.
    """
    length = (analysis.window_end - analysis.window_start).total_seconds() / 60
    if length <= 0:
        return Text(_NO_WINDOW)
    minutes = _column_minutes(length, width)
    zone, zone_name = _find_zone(timezone)
    symbols = _ASCII if is_ascii else _BLOCKS
    lines = [Text(_scale(analysis.window_start.astimezone(zone), length, minutes, width), style="dim")]
    states_shown = {State.HOME, State.AWAY, State.UNKNOWN}
    for device in analysis.devices:
        states = _column_states(periods(analysis, device), length, minutes)
        states_shown.update(states)
        lines.append(Text(device.device_id))
        runs = ((state, len(list(run))) for state, run in groupby(states))
        lines.append(Text.assemble(*((symbols[state] * columns, _STYLES[state]) for state, columns in runs)))
        lines += _omissions(device)
    lines.append(_legend(states_shown, symbols, f"a column is {minutes} minutes, hours in {zone_name}"))
    return Text("\n").join(lines)


def _column_minutes(length: float, width: int) -> int:
    """Return the shortest column with which the bar fits."""
    columns = min(width, _MAX_COLUMNS)
    fitting = (minutes for minutes in _COLUMN_MINUTES if math.ceil(length / minutes) <= columns)
    return next(fitting, _COLUMN_MINUTES[-1])


def _find_zone(name: str) -> tuple[tzinfo, str]:
    try:
        return ZoneInfo(name), name
    except (ZoneInfoNotFoundError, ValueError, OSError):  # not a name, or no database of time zones
        return UTC, "UTC"


def _scale(start: datetime, length: float, minutes: int, width: int) -> str:
    """Return the line with every third hour above the column in which it begins, by the clock of the zone of `start`.

    The bar is linear in time: when clocks change, two hours of the scale are closer or farther apart.
    """
    line, elapsed = "", timedelta()
    while elapsed <= timedelta(minutes=length):
        clock = (start.astimezone(UTC) + elapsed).astimezone(start.tzinfo)
        column = int(elapsed / timedelta(minutes=minutes))
        if clock.minute == 0 and clock.hour % _LABEL_HOURS == 0 and len(line) <= column <= width - 2:
            is_end = clock.hour == 0 and elapsed > timedelta(hours=_LABEL_HOURS)  # midnight can also be repeated
            line = f"{line:{column}}{'24' if is_end else f'{clock:%H}'}"
        elapsed += _LABEL_STEP
    return line


def _column_states(day: list[Period], length: float, minutes: int) -> list[State]:
    """Return the state of most of the time of each column; the last column can be shorter."""
    states = []
    for column in range(math.ceil(length / minutes)):
        start, end = column * minutes, (column + 1) * minutes
        times = dict.fromkeys(State, 0.0)
        for period in day:
            times[period.state] += max(min(period.end, end) - max(period.start, start), 0)
        states.append(max(State, key=times.__getitem__))
    return states


def _omissions(device: DeviceAnalysis) -> list[Text]:
    """Return a line about trips and gaps that the analysis counts but does not list."""
    counts = (("trips", len(device.trips), device.trip_count), ("gaps", len(device.gaps), device.gap_count))
    omitted = [f"{listed:,} of {count:,} {name}" for name, listed, count in counts if listed < count]
    return [Text(f"only the longest are listed: {', '.join(omitted)}", style="dim")] if omitted else []


def _legend(states: set[State], symbols: dict[State, str], scale: str) -> Text:
    meanings = {state: state.value for state in State} | {State.UNDETERMINED: _UNDETERMINED_MEANING}
    items = [
        Text.assemble((symbols[state], _STYLES[state]), f" {meanings[state]}") for state in State if state in states
    ]
    return Text("  ").join([*items, Text(scale)])
