"""Rendering spans as a waterfall."""

import io

from rich.console import Console

from local import waterfall
from local.telemetry_store import Span


def span(name: str, start: int, end: int, parent: str = "", *, failed: bool = False) -> Span:
    """Return a span whose id is its name; times are milliseconds."""
    return Span("one", name, "t", name, parent, start * 1_000_000, end * 1_000_000, failed)


def rendered(spans: list[Span], width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(waterfall.table(spans, width))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_children_follow_their_parent_in_order_of_start() -> None:
    rows = waterfall.rows(
        [span("late", 6, 8, "root"), span("early", 1, 9, "root"), span("root", 0, 10), span("leaf", 2, 3, "early")]
    )
    assert [(row.depth, row.span.name) for row in rows] == [(0, "root"), (1, "early"), (2, "leaf"), (1, "late")]
    assert [(row.start, row.width) for row in rows] == [(0, 1), (0.1, 0.8), (0.2, 0.1), (0.6, 0.2)]


def test_a_span_without_a_known_parent_is_a_root() -> None:
    rows = waterfall.rows([span("b", 5, 6, "gone"), span("a", 1, 2, "caller")])
    assert [(row.depth, row.span.name) for row in rows] == [(0, "a"), (0, "b")]


def test_a_span_that_is_its_own_parent_is_listed_once() -> None:
    assert [row.span.name for row in waterfall.rows([span("a", 1, 1, "a")])] == ["a"]


def test_without_spans_there_are_no_rows() -> None:
    assert waterfall.rows([]) == []


def test_bars_are_aligned_with_the_time_axis() -> None:
    lines = rendered([span("root", 0, 100), span("half", 50, 100, "root", failed=True)])
    whole, half = (line.split()[-1] for line in lines[1:])
    assert len(whole) == 2 * len(half)
    assert lines[1].index(whole) + len(half) == lines[2].index(half)
    assert "half !" in lines[2]


def test_a_narrow_terminal_truncates_names_and_wraps_no_line() -> None:
    lines = rendered([span("x" * 90, 0, 100), span("y" * 90, 50, 100, "x" * 90)], 60)
    assert len(lines) == 3
    assert all(len(line) <= 60 and "…" in line for line in lines[1:])
