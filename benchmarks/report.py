"""Report the figures as a Markdown table and as JSON."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from shared.version import VERSION

_RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Figure:
    """A measured value, and its ratio to `baseline`, a baseline of the same run."""

    part: str
    what: str
    value: float
    unit: str
    baseline: str = ""
    ratio: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    below: float | None = None  # bounds the value instead of the ratio

    @property
    def met(self) -> bool | None:
        """Whether all bounds hold; None without bounds."""
        results = []
        if self.ratio is not None and self.at_least is not None:
            results.append(self.ratio >= self.at_least)
        if self.ratio is not None and self.at_most is not None:
            results.append(self.ratio <= self.at_most)
        if self.below is not None:
            results.append(self.value < self.below)
        return all(results) if results else None

    @property
    def bounds_text(self) -> str:
        """Return the bounds as text."""
        bounds = (("ratio ≥", self.at_least), ("ratio ≤", self.at_most), (f"{self.unit} <", self.below))
        return ", ".join(f"{label} {bound:g}" for label, bound in bounds if bound is not None)


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a Markdown table."""
    rows = [("part", "what", "value", "ratio", "to", "bound", "met"), ("---",) * 7]
    for figure in figures:
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        met = {None: "", True: "yes", False: "no"}[figure.met]
        value = f"{_number(figure.value)} {figure.unit}".strip()
        rows.append((figure.part, figure.what, value, ratio, figure.baseline, figure.bounds_text, met))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        fill = "-" if row[0] == "---" else " "
        cells = [cell.ljust(width, fill) for cell, width in zip(row, widths, strict=True)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def write(figures: Sequence[Figure], *, is_complete: bool) -> Path:
    """Write the figures as JSON to a file named by the time, and those of all parts to `latest.json` as well.

    Returns the path of the former.
    """
    now = datetime.now(UTC)
    report = {
        "at": now.isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "version": VERSION,
        "cores": os.cpu_count(),
        "figures": [{**asdict(figure), "met": figure.met} for figure in figures],
    }
    text = json.dumps(report, indent=1) + "\n"
    _RESULTS.mkdir(exist_ok=True)
    path = _RESULTS / f"{now:%Y%m%dT%H%M%SZ}.json"
    path.write_text(text, encoding="utf-8")
    if is_complete:
        (_RESULTS / "latest.json").write_text(text, encoding="utf-8")
    return path


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
