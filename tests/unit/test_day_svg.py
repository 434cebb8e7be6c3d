"""The chart of a day is a small SVG that shows the shape of the CSV."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.contract.markdown import ROOT
from tools.day_svg import draw, simplify

SVG = "{http://www.w3.org/2000/svg}"


def csv_of(path: Path, distances: list[float]) -> Path:
    rows = [f"2026-01-21T{hour:02d}:00:00Z,phone,{km:.6f}" for hour, km in enumerate(distances)]
    path.write_text("\n".join(["timestamp,device_id,distance_from_home_km", *rows]) + "\n", encoding="utf-8")
    return path


def test_points_on_a_line_are_removed() -> None:
    assert simplify([(x, 2.0 * x) for x in range(100)]) == [(0, 0.0), (99, 198.0)]


def test_points_off_the_line_are_kept() -> None:
    points = [(0.0, 0.0), (1.0, 0.2), (2.0, 9.0), (2.0, 0.0), (4.0, 0.1)]
    assert simplify(points) == [(0.0, 0.0), (1.0, 0.2), (2.0, 9.0), (2.0, 0.0), (4.0, 0.1)]


@pytest.mark.parametrize("max_km", [0.1, 5.5])
def test_a_day_is_drawn_up_to_its_maximum(tmp_path: Path, max_km: float) -> None:
    draw(csv_of(tmp_path / "day.csv", [0.0] * 12 + [max_km] * 12), tmp_path / "day.svg")
    root = ET.parse(tmp_path / "day.svg").getroot()
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert "2026-01-21 (UTC), phone, 24 fixes" in texts
    assert f"{int(max_km) + 1}" in texts
    assert f"{int(max_km) + 2}" not in texts


def test_the_chart_in_the_documentation_is_small() -> None:
    text = (ROOT / "docs" / "day.svg").read_text(encoding="utf-8")
    assert text.count("\n") < 200
    assert "<title>Distance from home on 2026-01-21" in text
