"""`python -m tools.dashboards`: write the dashboards and the table of metrics."""

from pathlib import Path

from tools.dashboards.grafana import to_json
from tools.dashboards.metrics_table import metrics_table
from tools.dashboards.panels import DASHBOARDS

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "observability" / "dashboards"
METRICS_PAGE = ROOT / "docs" / "observability" / "metrics.md"


def main(folder: Path, page: Path) -> None:
    """Write a file for each dashboard into `folder`, and replace the table in the Markdown `page`."""
    for dashboard in DASHBOARDS:
        (folder / f"{dashboard.uid}.json").write_text(to_json(dashboard), encoding="utf-8")
    lines = page.read_text(encoding="utf-8").splitlines()
    rows = [number for number, line in enumerate(lines) if line.startswith("| ")]
    lines[rows[0] : rows[-1] + 1] = metrics_table()
    page.write_text("\n".join([*lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main(FOLDER, METRICS_PAGE)
