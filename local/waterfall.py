"""Render a trace as a waterfall: an indented tree of spans, each with a bar on a common time axis."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from local.telemetry_store import Span

_MIN_BAR, _MAX_BAR = 16, 60  # characters
_COLUMN_PADDING = 2
_COLORS = ("cyan", "magenta", "green", "yellow", "blue")


@dataclass(frozen=True)
class Row:
    """A span with its depth in the tree; `start` and `width` are fractions (0 to 1) of the trace's duration."""

    span: Span
    depth: int
    start: float
    width: float


def rows(spans: Iterable[Span]) -> list[Row]:
    """Return the spans depth first, siblings ordered by start time.

    A span whose parent is not in `spans` is a root.
    """
    ordered = sorted(spans, key=lambda span: span.start_ns)
    if not ordered:
        return []
    span_ids = {span.span_id for span in ordered}
    children: dict[str, list[Span]] = {}
    for span in ordered:
        parent_id = span.parent_id if span.parent_id in span_ids - {span.span_id} else ""
        children.setdefault(parent_id, []).append(span)
    trace_start, trace_end = ordered[0].start_ns, max(span.end_ns for span in ordered)
    duration = max(trace_end - trace_start, 1)
    result: list[Row] = []
    stack = [(span, 0) for span in reversed(children.get("", []))]
    while stack:
        span, depth = stack.pop()
        start, width = (span.start_ns - trace_start) / duration, (span.end_ns - span.start_ns) / duration
        result.append(Row(span, depth, start, width))
        stack += [(child, depth + 1) for child in reversed(children.pop(span.span_id, []))]
    return result


def table(spans: Sequence[Span], width: int) -> Table:
    """Return the waterfall as a table for a terminal of `width` characters."""
    tree = rows(spans)
    services = list(dict.fromkeys(row.span.service for row in tree))
    colors = {name: _COLORS[index % len(_COLORS)] for index, name in enumerate(services)}
    names = ["  " * row.depth + row.span.name + (" !" if row.span.failed else "") for row in tree]
    times = [f"{row.span.milliseconds:.1f}" for row in tree]
    fixed_columns = (["service", *services], times)
    fixed = sum(max(map(len, ["", *column])) + _COLUMN_PADDING for column in fixed_columns) + _COLUMN_PADDING
    name_width = max(map(len, ["", *names])) + _COLUMN_PADDING
    bar_width = min(max(width - fixed - name_width, _MIN_BAR), _MAX_BAR)
    max_name_width = max(width - fixed - bar_width - _COLUMN_PADDING, _MIN_BAR)
    result = Table(box=None, padding=(0, 1))
    result.add_column("service", no_wrap=True)
    result.add_column("span", no_wrap=True, overflow="ellipsis", max_width=max_name_width)
    result.add_column("ms", no_wrap=True, justify="right")
    result.add_column("", no_wrap=True, min_width=bar_width)
    for row, name, milliseconds in zip(tree, names, times, strict=True):
        start = min(int(row.start * bar_width), bar_width - 1)
        length = min(max(round(row.width * bar_width), 1), bar_width - start)
        color = "red" if row.span.failed else colors[row.span.service]
        bar = Text(" " * start + "━" * length, style=color)
        result.add_row(Text(row.span.service, style=color), Text(name), milliseconds, bar)
    return result
