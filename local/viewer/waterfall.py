"""A trace as a waterfall: each span under its parent, its bar where it stood in time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from local.viewer.kept import Span

_NARROWEST, _WIDEST = 16, 60  # characters of a bar
_PADDING = 2  # beside each column
_COLOURS = ("cyan", "magenta", "green", "yellow", "blue")


@dataclass(frozen=True)
class Row:
    """A span, how deep it stands, and its bar's start and width as parts of the whole trace's time (0 to 1)."""

    span: Span
    depth: int
    start: float
    width: float


def rows(spans: Iterable[Span]) -> list[Row]:
    """Depth first, children by their starts; a span whose parent is not among them stands at the top."""
    ordered = sorted(spans, key=lambda span: span.start_ns)
    if not ordered:
        return []
    known = {span.span_id for span in ordered}
    children: dict[str, list[Span]] = {}
    for span in ordered:
        above = span.parent_id if span.parent_id in known - {span.span_id} else ""
        children.setdefault(above, []).append(span)
    begins, ends = ordered[0].start_ns, max(span.end_ns for span in ordered)
    whole = max(ends - begins, 1)
    found: list[Row] = []
    ahead = [(span, 0) for span in reversed(children.get("", []))]
    while ahead:
        span, depth = ahead.pop()
        found.append(Row(span, depth, (span.start_ns - begins) / whole, (span.end_ns - span.start_ns) / whole))
        ahead += [(child, depth + 1) for child in reversed(children.pop(span.span_id, []))]
    return found


def milliseconds(spans: Sequence[Span]) -> float:
    """From the first start to the last end."""
    return (max(span.end_ns for span in spans) - min(span.start_ns for span in spans)) / 1e6 if spans else 0


def table(spans: Sequence[Span], width: int) -> Table:
    """For a terminal of `width` characters."""
    laid = rows(spans)
    services = list(dict.fromkeys(row.span.service for row in laid))
    colours = {name: _COLOURS[place % len(_COLOURS)] for place, name in enumerate(services)}
    names = ["  " * row.depth + row.span.name + (" !" if row.span.failed else "") for row in laid]
    times = [f"{row.span.milliseconds:.1f}" for row in laid]
    beside = sum(max(map(len, ("", *column))) + _PADDING for column in (("service", *services), times)) + _PADDING
    longest = max(map(len, ("", *names))) + _PADDING
    bar = min(max(width - beside - longest, _NARROWEST), _WIDEST)
    drawn = Table(box=None, padding=(0, 1))
    drawn.add_column("service", no_wrap=True)
    drawn.add_column(
        "span", no_wrap=True, overflow="ellipsis", max_width=max(width - beside - bar - _PADDING, _NARROWEST)
    )
    drawn.add_column("ms", no_wrap=True, justify="right")
    drawn.add_column("", no_wrap=True, min_width=bar)
    for row, name, time in zip(laid, names, times, strict=True):
        start = min(int(row.start * bar), bar - 1)
        length = min(max(round(row.width * bar), 1), bar - start)
        colour = "red" if row.span.failed else colours[row.span.service]
        drawn.add_row(
            Text(row.span.service, style=colour),
            Text(name),
            time,
            Text(" " * start + "━" * length, style=colour),
        )
    return drawn
