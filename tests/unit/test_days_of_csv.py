"""What the command makes of a day's CSV."""

from pathlib import Path

import pytest
from otel_worker_client.cli import day

HEADER = "timestamp,device_id,latitude,longitude,distance_from_home_km,is_away\n"


def row(at: str, distance: float, device: str = "phone") -> str:
    return f"2026-01-21T{at}:00.000Z,{device},1,2,{distance},{str(distance > 0.5).lower()}\n"


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    saved = tmp_path / "day.csv"
    rows = [row("08:00", 0.1), row("09:00", 3), row("10:00", 7.5), row("10:30", 0.2), row("12:00", 2)]
    saved.write_text(HEADER + "".join([*rows, row("12:30", 1, "watch")]), encoding="utf-8")
    return saved


def test_each_device_is_a_track_of_its_own(csv: Path) -> None:
    found = day.tracks(csv)
    assert {name: track.distances_km for name, track in found.items()} == {"phone": [0.1, 3, 7.5, 0.2, 2], "watch": [1]}


def test_a_period_ends_with_the_first_fix_at_home_or_the_last_of_the_day(csv: Path) -> None:
    told = [
        (one.device_id, f"{one.begins:%H:%M}", f"{one.ends:%H:%M}", one.minutes, one.farthest_km)
        for one in day.all_periods(day.tracks(csv))
    ]
    assert told == [
        ("phone", "09:00", "10:30", 90, 7.5),
        ("phone", "12:00", "12:00", 0, 2),
        ("watch", "12:30", "12:30", 0, 1),
    ]


def test_it_is_drawn_no_wider_than_the_terminal(csv: Path) -> None:
    text = day.drawn(day.tracks(csv), 60)
    assert all(len(line) <= 60 for line in text.splitlines())
    assert "watch" in text
    assert "08:00" in text


@pytest.mark.parametrize(("name", "begins"), [("day.svg", b"<?xml"), ("day.png", b"\x89PNG")])
def test_it_is_a_picture_by_its_ending(csv: Path, tmp_path: Path, name: str, begins: bytes) -> None:
    day.picture(day.tracks(csv), "phone, 2026-01-21", tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(begins)
