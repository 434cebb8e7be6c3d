"""`python -m observability` writes the dashboards anew; a test holds them to panels.py."""

from pathlib import Path

from observability.drawing import rendered
from observability.panels import DASHBOARDS

for dashboard in DASHBOARDS:
    path = Path(__file__).parent / "dashboards" / f"{dashboard.uid}.json"
    path.write_text(rendered(dashboard), encoding="utf-8")
