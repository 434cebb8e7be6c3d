"""`python -m tools.dashboards`: write the dashboards."""

from pathlib import Path

from tools.dashboards.grafana import to_json
from tools.dashboards.panels import DASHBOARDS

FOLDER = Path(__file__).resolve().parents[2] / "observability" / "dashboards"


def main(folder: Path) -> None:
    """Write a file for each dashboard into `folder`."""
    for dashboard in DASHBOARDS:
        (folder / f"{dashboard.uid}.json").write_text(to_json(dashboard), encoding="utf-8")


if __name__ == "__main__":
    main(FOLDER)
