"""Charts and periods of a day's CSV."""

from pathlib import Path

import pytest
from otel_worker_client.cli import day_chart

HEADER = "timestamp,device_id,latitude,longitude,distance_from_home_km,is_away\n"


def row(at: str, distance: float, device: str = "phone") -> str:
    return f"2026-01-21T{at}:00.000Z,{device},1,2,{distance},{str(distance > 0.5).lower()}\n"


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    saved = tmp_path / "day.csv"
    rows = [row("08:00", 0.1), row("09:00", 3), row("10:00", 7.5), row("10:30", 0.2), row("12:00", 2)]
    saved.write_text(HEADER + "".join([*rows, row("12:30", 1, "watch")]), encoding="utf-8")
    return saved


def test_each_device_has_its_own_track(csv: Path) -> None:
    tracks = day_chart.read_tracks(csv)
    assert {name: track.distances_km for name, track in tracks.items()} == {
        "phone": [0.1, 3, 7.5, 0.2, 2],
        "watch": [1],
    }


def test_a_period_ends_with_the_first_fix_at_home_or_the_last_of_the_day(csv: Path) -> None:
    periods = [
        (period.device_id, f"{period.begins:%H:%M}", f"{period.ends:%H:%M}", period.minutes, period.farthest_km)
        for period in day_chart.all_away_periods(day_chart.read_tracks(csv))
    ]
    assert periods == [
        ("phone", "09:00", "10:30", 90, 7.5),
        ("phone", "12:00", "12:00", 0, 2),
        ("watch", "12:30", "12:30", 0, 1),
    ]


def test_the_chart_fits_the_terminal(csv: Path) -> None:
    text = day_chart.render_text(day_chart.read_tracks(csv), 60)
    assert all(len(line) <= 60 for line in text.splitlines())
    assert "watch" in text
    assert "08:00" in text


@pytest.mark.parametrize(("name", "begins"), [("day.svg", b"<?xml"), ("day.png", b"\x89PNG")])
def test_the_suffix_selects_the_image_format(csv: Path, tmp_path: Path, name: str, begins: bytes) -> None:
    day_chart.save_image(day_chart.read_tracks(csv), "phone, 2026-01-21", tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(begins)
