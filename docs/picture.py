"""The picture in the README: distance from home over a day, from the CSV that `make demo` leaves.

.venv/bin/python docs/picture.py .local/demo/distance_….csv docs/day.svg
"""

import csv
import sys
from datetime import datetime
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt


def draw(source: Path, target: Path) -> None:
    """Draw `source` (the contract's CSV of one device) into `target` (SVG)."""
    with source.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    times = [datetime.fromisoformat(row["timestamp"]) for row in rows]
    hours = [at.hour + at.minute / 60 + at.second / 3600 for at in times]
    km = [float(row["distance_from_home_km"]) for row in rows]
    away = [row["is_away"] == "true" for row in rows]
    mpl.rcParams.update({"svg.hashsalt": "otel-worker", "svg.fonttype": "none", "font.family": "sans-serif"})
    figure, axes = plt.subplots(figsize=(9, 3), layout="constrained")
    axes.fill_between(hours, 0, km, where=away, step="post", color="#f2c14e", alpha=0.6, label="away")
    axes.plot(hours, km, color="#1f4e79", linewidth=1)
    axes.set_ylabel("km from home")
    axes.set_xlabel(f"{times[0]:%Y-%m-%d}, UTC - {rows[0]['device_id']}, {len(rows):,} fixes")
    axes.set_xticks(range(0, 25, 3), [f"{hour:02d}:00" for hour in range(0, 25, 3)])
    axes.margins(x=0)
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(target, metadata={"Date": None})


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
