"""The segments of a day's CSV, without the fixes that its analysis rejects."""

import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from otel_worker_client.analysis import Analysis
from otel_worker_client.cli.day_segments import read_segments
from otel_worker_client.errors import DownloadError

from functions.calculate.fixes.blocks import NULL
from tests.unit.analysis_days import MINUTE, SECOND, START, Row, analyse, row

HEADER = "timestamp,device_id,latitude,longitude,distance_from_home_km,is_away,accuracy,battery\n"
MIDNIGHT = datetime.fromtimestamp(START / SECOND, UTC)

Write = Callable[[list[Row]], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(rows: list[Row]) -> Path:
        path = tmp_path / "day.csv"
        lines = [
            f"{(MIDNIGHT + timedelta(microseconds=time_us)).isoformat().replace('+00:00', 'Z')},{device},"
            f"{latitude:.6f},{longitude:.6f},1.000000,true,{'' if accuracy == NULL else accuracy},\n"
            for device, time_us, latitude, longitude, accuracy in rows
        ]
        path.write_text(HEADER + "".join(lines), encoding="utf-8")
        return path

    return write


def analysis_of(rows: list[Row], gap_seconds: float = 1800) -> Analysis:
    return Analysis.from_json(analyse(rows, gap_seconds=gap_seconds))


def minutes(path: Path, analysis: Analysis | None, unfiltered: Iterable[str] = ()) -> list[list[float]]:
    """Return the minutes since midnight of the fixes of each segment; `unfiltered` are the reported devices."""
    reported: list[str] = []
    segments = read_segments(path, analysis, reported.append)
    assert reported == list(unfiltered)
    return [[(fix.at - MIDNIGHT) / timedelta(minutes=1) for fix in segment.fixes] for segment in segments]


@pytest.mark.parametrize("seed", range(20))
def test_the_fixes_are_those_that_the_analysis_uses(seed: int, write: Write) -> None:
    rng = random.Random(seed)
    rows: list[Row] = []
    time_us = 0
    for _ in range(300):
        time_us += rng.choice((0, SECOND, SECOND // 4, 20 * SECOND, 3 * MINUTE))
        kilometres = rng.choice((0, 0.06, 0.3, 0.5, 1, 5, 900)) + rng.gauss(0, 0.01)
        accuracy = rng.choice((NULL, 0, 5, 300, 9_999, 10_000, 10_001, -1))
        rows.append(row(time_us, kilometres, accuracy, f"device {rng.randrange(1 + seed % 3)}"))
    rows[7] = rows[7][0], rows[7][1], 0.0, 0.0, rows[7][4]
    analysis = analysis_of(rows)
    counts: dict[str, int] = {}
    unfiltered: list[str] = []
    for segment in read_segments(write(rows), analysis, unfiltered.append):
        counts[segment.device_id] = counts.get(segment.device_id, 0) + len(segment.fixes)
    assert counts == {device.device_id: device.fixes.usable for device in analysis.devices}
    assert unfiltered == []
    reasons = {reason for device in analysis.devices for reason, count in device.fixes.rejected.items() if count}
    assert {"jump", "duplicate", "invalid_accuracy", "inaccurate", "null_island"} <= reasons


def test_a_jump_is_left_out(write: Write) -> None:
    rows = [row(0, 0), row(MINUTE, 0), row(2 * MINUTE, 400), row(3 * MINUTE, 0), row(4 * MINUTE, 0)]
    assert minutes(write(rows), analysis_of(rows)) == [[0, 1, 3, 4]]


def test_all_fixes_are_kept_if_the_number_of_usable_ones_differs(write: Write) -> None:
    rows = [row(0, 0), row(MINUTE, 0, -1), row(2 * MINUTE, 0), row(3 * MINUTE, 0)]
    assert minutes(write(rows), analysis_of(rows[:2]), ["phone"]) == [[0, 1, 2, 3]]


def test_all_fixes_are_kept_without_a_report_if_the_analysis_uses_as_many(write: Write) -> None:
    rows = [row(0, 0), row(MINUTE, 0), row(MINUTE, 0)]
    assert minutes(write(rows), analysis_of([*rows[:2], row(2 * MINUTE, 0)])) == [[0, 1, 1]]


def test_an_interval_longer_than_the_gap_limit_ends_a_segment(write: Write) -> None:
    rows = [row(0, 0), row(10 * MINUTE, 0), row(20 * MINUTE + SECOND // 1000, 0), row(21 * MINUTE, 0)]
    assert [len(part) for part in minutes(write(rows), analysis_of(rows, gap_seconds=600))] == [2, 2]


def test_without_analysis_a_device_has_one_segment_of_all_fixes(write: Write) -> None:
    rows = [row(0, 0), row(MINUTE, 400, -1, "watch"), row(MINUTE, 0), row(900 * MINUTE, 0)]
    assert minutes(write(rows), None) == [[0, 1, 900], [1]]


def test_a_device_that_the_analysis_does_not_show_keeps_its_fixes_and_is_split(write: Write) -> None:
    rows = [row(0, 0), row(MINUTE, 0), row(MINUTE, 0, -1, "watch"), row(90 * MINUTE, 0, -1, "watch")]
    assert minutes(write(rows), analysis_of(rows[:2]), ["watch"]) == [[0, 1], [1], [90]]


def test_fixes_are_sorted_by_time(write: Write) -> None:
    assert minutes(write([row(2 * MINUTE, 0), row(0, 0), row(MINUTE, 0)]), None) == [[0, 1, 2]]


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    text = 'new,accuracy,longitude,latitude,device_id,timestamp\n1,,-0.5,51,"a ""b"", 🚀",2026-01-25T08:00:00.5Z\n'
    path.write_text(text, encoding="utf-8")
    (segment,) = read_segments(path, None)
    assert segment.device_id == 'a "b", 🚀'
    assert segment.fixes == [(datetime(2026, 1, 25, 8, 0, 0, 500_000, UTC), 51.0, -0.5, None)]


def test_a_csv_without_rows_has_no_segments(write: Write) -> None:
    assert read_segments(write([]), analysis_of([])) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"a,b\n1,2\n",
        HEADER.encode() + b"2026-01-25T08:00:00Z,garmin,1\n",
        HEADER.encode() + b"yesterday,garmin,1,2,0,false,,\n",
        HEADER.encode() + b"2026-01-25T08:00:00Z,garmin,north,2,0,false,,\n",
        HEADER.encode() + b"2026-01-25T08:00:00Z,\xff,1,2,0,false,,\n",
    ],
    ids=["empty", "other columns", "short row", "no time", "no number", "no UTF-8"],
)
def test_another_file_is_an_error(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    path.write_bytes(content)
    with pytest.raises(DownloadError, match="unexpected format"):
        read_segments(path, None)
