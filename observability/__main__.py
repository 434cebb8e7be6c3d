"""`python -m observability` writes the dashboards and the table of metrics anew; tests hold them to the code."""

from pathlib import Path

from observability.catalogue import table
from observability.drawing import rendered
from observability.panels import DASHBOARDS

_HERE = Path(__file__).parent

for dashboard in DASHBOARDS:
    path = _HERE / "dashboards" / f"{dashboard.uid}.json"
    path.write_text(rendered(dashboard), encoding="utf-8")

page = _HERE.parent / "docs" / "observability" / "metrics.md"
lines = page.read_text(encoding="utf-8").splitlines()
first, last = (place(i for i, line in enumerate(lines) if line.startswith("| ")) for place in (min, max))
page.write_text("\n".join([*lines[:first], *table(), *lines[last + 1 :], ""]), encoding="utf-8")
