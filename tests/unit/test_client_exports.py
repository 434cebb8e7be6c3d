"""A day's CSV as GeoJSON, GPX and Parquet."""

import io
import json
import sys
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gpxpy
import polars as pl
import pytest
from otel_worker_client import Job
from otel_worker_client.cli import exports
from otel_worker_client.cli.exports import Format
from otel_worker_client.errors import DownloadError

from functions.calculate.day import csv_rows as service_csv
from functions.calculate.day.distance import DayAccumulator
from tests.builders import analysis
from tests.unit.analysis_days import HOME, block, row
from tests.unit.test_client import DONE, RESULT

HEADER = (
    "timestamp,device_id,latitude,longitude,distance_from_home_km,is_away,accuracy,battery,velocity,"
    "cumulative_away_time_minutes\n"
)
ROWS = (
    "2026-01-25T08:00:00Z,iphone_stuart,51.500000,-0.100000,0.500000,false,10,80,,0.00\n"
    "2026-01-25T08:00:00.25Z,other,1.000000,2.000000,3.250000,true,,,,0.25\n"
    "2026-01-25T08:01:00.123456Z,iphone_stuart,51.600000,-0.200000,0.600000,true,-1,,3,1.50\n"
    "2026-01-25T09:00:00Z,iphone_stuart,51.700000,-0.000001,0.700000,true,5000000000,,,60.48\n"
)
NAMES = ['a "quoted", name', "🚀 rocket", "<img onerror=alert(1)>&amp;", "two\nlines", "", "]]>", "*[a-z]?"]
NAMESPACE = {"": "http://www.topografix.com/GPX/1/1"}


def job(**result: Any) -> Job:
    return Job.from_json({**DONE, "device_id": "iphone_stuart", "result": {**RESULT, "analysis": analysis(), **result}})


def csv(folder: Path, rows: str = ROWS) -> Path:
    path = folder / "day.csv"
    path.write_text(HEADER + rows, encoding="utf-8", newline="")
    return path


def named(folder: Path, name: str) -> Path:
    """Write the CSV of two fixes of a device as the service does."""
    measured = DayAccumulator(HOME, away_threshold_km=0.5).add(block([row(0, 1, device=name)] * 2, []))
    path = folder / "*[a-z].csv"
    path.write_bytes(service_csv.HEADER + service_csv.CsvFormatter().format(measured))
    return path


def read_parquet(content: bytes) -> pl.DataFrame:
    return pl.read_parquet(io.BytesIO(content))


def test_geojson_has_a_feature_for_each_segment(tmp_path: Path) -> None:
    collection = json.loads(exports.convert(csv(tmp_path), job(), Format.GEOJSON))
    assert collection == {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": {"type": "LineString", "coordinates": [[-0.1, 51.5], [-0.2, 51.6]]},
                "properties": {
                    "device_id": "iphone_stuart",
                    "date": "2026-01-25",
                    "times": ["2026-01-25T08:00:00.000Z", "2026-01-25T08:01:00.123Z"],
                },
            },
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [-0.000001, 51.7]},
                "properties": {
                    "device_id": "iphone_stuart",
                    "date": "2026-01-25",
                    "times": ["2026-01-25T09:00:00.000Z"],
                },
            },
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [2, 1]},
                "properties": {"device_id": "other", "date": "2026-01-25", "times": ["2026-01-25T08:00:00.250Z"]},
            },
        ],
    }


def test_gpx_has_a_track_for_each_device_and_times_in_utc(tmp_path: Path) -> None:
    content = exports.convert(csv(tmp_path), job(), Format.GPX)
    document = gpxpy.parse(content.decode())
    assert (document.creator, document.version) == ("otel-worker", "1.1")
    assert [(track.name, [len(part.points) for part in track.segments]) for track in document.tracks] == [
        ("iphone_stuart 2026-01-25", [2, 1]),
        ("other 2026-01-25", [1]),
    ]
    last = document.tracks[0].segments[1].points[0]
    assert (last.latitude, last.longitude, last.time) == (51.7, -0.000001, datetime(2026, 1, 25, 9, tzinfo=UTC))
    times = [element.text for element in ET.fromstring(content).findall(".//time", NAMESPACE)]
    assert times[:2] == ["2026-01-25T08:00:00Z", "2026-01-25T08:01:00.123456Z"]


def test_parquet_has_all_rows_with_the_types_of_the_columns(tmp_path: Path) -> None:
    table = read_parquet(exports.convert(csv(tmp_path), job(), Format.PARQUET))
    assert dict(table.schema) == {
        "timestamp": pl.Datetime("us", "UTC"),
        "device_id": pl.String,
        "latitude": pl.Float64,
        "longitude": pl.Float64,
        "distance_from_home_km": pl.Float64,
        "is_away": pl.Boolean,
        "accuracy": pl.Int64,
        "battery": pl.Int64,
        "velocity": pl.Int64,
        "cumulative_away_time_minutes": pl.Float64,
    }
    first = datetime(2026, 1, 25, 8, tzinfo=UTC), "iphone_stuart", 51.5, -0.1, 0.5, False, 10, 80, None, 0.0
    assert table.row(0) == first
    at = datetime(2026, 1, 25, 8, 1, 0, 123_456, UTC)
    assert table.row(2) == (at, "iphone_stuart", 51.6, -0.2, 0.6, True, -1, None, 3, 1.5)
    assert table["accuracy"].to_list() == [10, None, -1, 5_000_000_000]


@pytest.mark.parametrize("name", NAMES)
def test_device_ids_are_data(name: str, tmp_path: Path) -> None:
    path = named(tmp_path, name)
    (feature,) = json.loads(exports.convert(path, job(), Format.GEOJSON))["features"]
    assert feature["properties"]["device_id"] == name
    (track,) = ET.fromstring(exports.convert(path, job(), Format.GPX)).findall("trk/name", NAMESPACE)
    assert track.text == f"{name} 2026-01-25"
    assert read_parquet(exports.convert(path, job(), Format.PARQUET))["device_id"].to_list() == [name] * 2


def test_characters_that_xml_cannot_contain_are_replaced(tmp_path: Path) -> None:
    content = exports.convert(named(tmp_path, "a\x01b\x1b\uffff"), job(), Format.GPX)
    (name,) = ET.fromstring(content).findall("trk/name", NAMESPACE)
    assert name.text == "a\ufffdb\ufffd\ufffd 2026-01-25"


def test_a_csv_without_rows_is_an_empty_document(tmp_path: Path) -> None:
    path = csv(tmp_path, "")
    assert json.loads(exports.convert(path, job(), Format.GEOJSON))["features"] == []
    assert gpxpy.parse(exports.convert(path, job(), Format.GPX).decode()).tracks == []
    table = read_parquet(exports.convert(path, job(), Format.PARQUET))
    assert (table.height, table.schema["timestamp"]) == (0, pl.Datetime("us", "UTC"))


@pytest.mark.parametrize("to", Format)
def test_unknown_columns_and_a_job_without_analysis_are_accepted(to: Format, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    path.write_text(HEADER[:-1] + ",note\n" + ROWS.replace("\n", ",1\n"), encoding="utf-8")
    content = exports.convert(path, job(analysis=None), to)
    if to is Format.PARQUET:
        assert read_parquet(content)["note"].to_list() == ["1"] * 4
    else:
        assert content.count(b"2026-01-25T") == 4


@pytest.mark.parametrize("to", Format)
@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", HEADER + "yesterday,garmin,1,2,0,false,,,,0\n"])
def test_another_file_is_an_error(text: str, to: Format, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DownloadError, match="unexpected format"):
        exports.convert(path, job(), to)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("gpxpy", "polars"):
        monkeypatch.setitem(sys.modules, name, None)
    exports.import_library(Format.GEOJSON)
    for to, name in ((Format.GPX, "gpxpy"), (Format.PARQUET, "polars")):
        with pytest.raises(ModuleNotFoundError) as raised:
            exports.import_library(to)
        assert raised.value.name == name


def test_a_file_that_cannot_be_written_leaves_no_part(tmp_path: Path) -> None:
    target = tmp_path / "day.gpx"
    target.mkdir()
    (target / "file").write_text("")
    with pytest.raises(OSError, match="directory"):
        exports.save(b"content", target)
    assert [path.name for path in tmp_path.iterdir()] == ["day.gpx"]


def test_the_file_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "day.gpx"
    for content in (b"old", b"new"):
        exports.save(content, target)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"day.gpx": b"new"}


def test_a_file_in_a_folder_has_the_name_of_the_csv(tmp_path: Path) -> None:
    completed = job(csv_path="csv/1/distance_20260125_a.b_1.csv")
    assert exports.target_path(completed, tmp_path, Format.PARQUET) == tmp_path / "distance_20260125_a.b_1.parquet"
    assert exports.target_path(completed, tmp_path / "day", Format.PARQUET) == tmp_path / "day"


def test_a_job_that_is_not_completed_has_no_file(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="is failed: there is no CSV"):
        exports.target_path(Job.from_json({**DONE, "status": "failed", "result": None}), tmp_path, Format.GPX)
