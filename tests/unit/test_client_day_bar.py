"""Bars of the states of devices on a scale of hours."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from otel_worker_client.analysis import Analysis
from otel_worker_client.cli import day_bar, output

from tests import builders

MIDNIGHT = datetime(2026, 1, 25, tzinfo=UTC)
LEGEND = "_ home  # away  . unknown  a column is {} minutes, hours in {}"


def utc(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat()


def document(start: datetime, end: datetime, *devices: dict[str, Any]) -> dict[str, Any]:
    """Return the analysis of a window; devices have the fields that differ from those of a day at home."""
    window_minutes = (end - start).total_seconds() / 60
    at_home = {
        "first_fix_at": utc(start),
        "last_fix_at": utc(end),
        "window_minutes": window_minutes,
        "home_minutes": window_minutes,
        "away_minutes": 0.0,
        "unknown_minutes": 0.0,
        "trip_count": 0,
        "trips": [],
        "gap_count": 0,
        "gaps": [],
    }
    whole = builders.analysis()
    (entry,) = whole["devices"]
    shown = [{**entry, **at_home, **device} for device in devices or [{}]]
    return whole | {"window_start": utc(start), "window_end": utc(end), "devices": shown}


def lines(analysis: dict[str, Any], timezone: str = "UTC", width: int = 100) -> list[str]:
    return day_bar.render(Analysis.from_json(analysis), timezone, width, is_ascii=True).plain.splitlines()


def test_bar_has_trips_and_gaps_below_their_hours() -> None:
    scale, device, bar, legend = lines(builders.analysis())
    assert scale == "".join(f"{hour:<12}" for hour in ("00", "03", "06", "09", "12", "15", "18", "21", "24")).rstrip()
    assert device == "iphone_stuart"
    assert bar == "_" * 32 + "#" * 40 + "_" * 9 + ".." + "_" * 13  # 08:01 to 18:01, and 20:10 to 20:52
    assert legend == LEGEND.format(15, "UTC")


@pytest.mark.parametrize(
    ("width", "minutes", "columns"),
    [(200, 15, 96), (96, 15, 96), (80, 20, 72), (50, 30, 48), (30, 60, 24), (9, 60, 24)],
)
def test_bar_fits_the_terminal(width: int, minutes: int, columns: int) -> None:
    scale, _, bar, legend = lines(builders.analysis(), width=width)
    assert (len(bar), legend) == (columns, LEGEND.format(minutes, "UTC"))
    assert len(scale) <= width
    assert scale.endswith("24") == (width > columns + 1)


@pytest.mark.parametrize(
    ("day", "hours", "scale"),
    [
        (
            "2026-03-29",
            23,
            "00      03          06          09          12          15          18          21          24",
        ),
        (
            "2026-10-25",
            25,
            "00              03          06          09          12          15          18          21",
        ),
    ],
)
def test_scale_follows_the_clock_when_it_changes(day: str, hours: int, scale: str) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    start = datetime.fromisoformat(day).replace(tzinfo=berlin)
    end = start.replace(day=start.day + 1)
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=berlin)
    trip = builders.analysis()["devices"][0]["trips"][0]
    times = {"departed_at": utc(noon), "returned_at": utc(noon.replace(hour=15)), "minutes": 180.0}
    away = {"trip_count": 1, "trips": [trip | times], "away_minutes": 180.0, "home_minutes": hours * 60 - 180.0}
    written, _, bar, legend = lines(document(start, end, away), "Europe/Berlin")
    assert (written, len(bar)) == (scale, 4 * hours)
    assert bar.index("#") == scale.index("12")
    assert bar.rindex("#") == scale.index("15") - 1
    assert legend == LEGEND.format(15, "Europe/Berlin")


def test_repeated_midnight_is_not_the_end_of_the_day() -> None:
    start = datetime(2026, 11, 1, tzinfo=ZoneInfo("America/Havana"))
    scale, *_ = lines(document(start, start.replace(day=2)), "America/Havana", width=200)
    assert scale.split() == ["00", "00", "03", "06", "09", "12", "15", "18", "21", "24"]


def test_hours_of_zones_that_differ_by_parts_of_an_hour_are_shown() -> None:
    start = datetime(2026, 1, 25, tzinfo=ZoneInfo("Asia/Kathmandu"))
    scale, *_ = lines(document(start, start.replace(day=26)), "Asia/Kathmandu")
    assert scale.startswith("00          03          06")
    scale, *_ = lines(document(start, start.replace(day=26)))  # the day starts at 18:15 UTC
    assert scale.startswith("           21          24          03")


@pytest.mark.parametrize("timezone", ["", "Mars/Olympus", "../etc/passwd"])
def test_unknown_time_zone_is_utc(timezone: str) -> None:
    assert lines(builders.analysis(), timezone) == lines(builders.analysis(), "UTC")


def test_window_that_ends_at_the_submission_has_a_shorter_bar() -> None:
    end = MIDNIGHT.replace(hour=14, minute=25)
    edge = {"last_fix_at": utc(end.replace(minute=5)), "home_minutes": 845.0, "unknown_minutes": 20.0}
    scale, _, bar, _ = lines(document(MIDNIGHT, end, edge))
    assert scale == "00          03          06          09          12"
    assert bar == "_" * 56 + ".."


def test_each_device_has_a_bar() -> None:
    unknown = {"first_fix_at": None, "last_fix_at": None, "home_minutes": 0.0, "unknown_minutes": 1440.0}
    devices = {"device_id": "phone"}, {"device_id": "watch", **unknown}
    _, *bars, _ = lines(document(MIDNIGHT, MIDNIGHT.replace(day=26), *devices))
    assert bars == ["phone", "_" * 96, "watch", "." * 96]


def test_column_has_the_state_of_most_of_its_time() -> None:
    trip = builders.analysis()["devices"][0]["trips"][0]
    times = [("08:08:00", "08:22:00"), ("12:00:00", "12:08:00"), ("15:10:00", "15:20:00")]
    trips = [
        trip | {"departed_at": f"2026-01-25T{start}Z", "returned_at": f"2026-01-25T{end}Z", "minutes": minutes}
        for (start, end), minutes in zip(times, (14.0, 8.0, 10.0), strict=True)
    ]
    away = {"trip_count": 3, "trips": trips, "away_minutes": 32.0, "home_minutes": 1408.0}
    bar = lines(document(MIDNIGHT, MIDNIGHT.replace(day=26), away))[2]
    assert [column for column, symbol in enumerate(bar) if symbol == "#"] == [48]


def test_omitted_trips_and_gaps_are_mentioned() -> None:
    trip = builders.analysis()["devices"][0]["trips"][0]
    omitted = {"trip_count": 1_000, "trips": [trip], "home_minutes": 400.0, "away_minutes": 1040.0}
    _, _, bar, omission, legend = lines(document(MIDNIGHT, MIDNIGHT.replace(day=26), omitted))
    assert bar == "?" * 32 + "#" * 40 + "?" * 24
    assert omission == "only the longest are listed: 1 of 1,000 trips"
    assert "? cannot be told from the analysis" in legend


def test_window_of_no_length_has_no_bar() -> None:
    assert lines(document(MIDNIGHT, MIDNIGHT)) == ["no bar: the day had not begun when the job was submitted"]


def test_bars_are_printed_without_colours_to_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_bars(Analysis.from_json(builders.analysis()), "UTC")
    assert capsys.readouterr().out.splitlines()[2] == "▁" * 24 + "█" * 30 + "▁" * 7 + "··" + "▁" * 9
