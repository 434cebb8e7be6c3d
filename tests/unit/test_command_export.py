"""The subcommand `export` with a server that has one job."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gpxpy
import polars as pl
import pytest
from otel_worker_client.cli import commands, output
from typer.testing import CliRunner

from tests.builders import analysis
from tests.command_server import COMMANDS, Server, run_server

DAY = ("export", "2026-01-25", "--device", "garmin")


@pytest.fixture
def server() -> Iterator[Server]:
    with run_server() as server:
        yield server


def run(server: Server, *arguments: object) -> Any:
    return CliRunner().invoke(commands.app, [str(part) for part in arguments], env={"OTEL_WORKER_URL": server.url})


@pytest.mark.parametrize("to", ["geojson", "gpx", "parquet"])
def test_day_is_saved_in_a_folder_under_the_name_of_the_csv(to: str, server: Server, tmp_path: Path) -> None:
    saved = run(server, *DAY, "--format", to, "--output", tmp_path)
    assert (saved.exit_code, saved.stderr) == (0, "")
    path = Path(saved.stdout.removesuffix("\n"))
    (only,) = tmp_path.iterdir()
    assert path == only
    assert path.suffix == f".{to}"
    if to == "geojson":
        (feature,) = json.loads(path.read_text(encoding="utf-8"))["features"]
        assert feature["geometry"]["coordinates"] == [[2, 1], [2, 1]]
    elif to == "gpx":
        assert gpxpy.parse(path.read_text(encoding="utf-8")).get_points_no() == 2
    else:
        assert pl.read_parquet(path)["is_away"].to_list() == [False, True]


def test_day_is_saved_under_a_name(server: Server, tmp_path: Path) -> None:
    saved = run(server, *COMMANDS["export"], "--output", tmp_path / "day", "--json")
    assert json.loads(saved.stdout) == {"path": str(tmp_path / "day")}
    assert (tmp_path / "day").read_text(encoding="utf-8").startswith('{"type":"FeatureCollection"')


@pytest.mark.parametrize(("usable", "is_reported"), [(2, False), (1, True)])
@pytest.mark.parametrize("to", ["geojson", "gpx", "parquet"])
def test_devices_whose_rejected_fixes_are_unknown_are_named(
    to: str, usable: int, is_reported: bool, server: Server, tmp_path: Path
) -> None:
    summary = analysis()["devices"][0]
    fixes = {"read": 2, "usable": usable, "rejected": {"out_of_order": 2 - usable}}
    server.analysis = analysis() | {"devices": [summary | {"device_id": "garmin", "fixes": fixes}]}
    saved = run(server, *DAY, "--format", to, "--output", tmp_path / "day", "--json")
    assert (saved.exit_code, json.loads(saved.stdout)) == (0, {"path": str(tmp_path / "day")})
    text = "the CSV does not determine which fixes the analysis rejected: the file has all fixes of 'garmin'\n"
    assert saved.stderr == (text if is_reported and to != "parquet" else "")


@pytest.mark.parametrize(("count", "names"), [(0, ""), (2, "'0', '1'"), (7, "'0', '1', '2', '3', '4' and 2 more")])
def test_many_devices_are_one_line(count: int, names: str, capsys: pytest.CaptureFixture[str]) -> None:
    output.print_unfiltered([str(number) for number in range(count)])
    assert capsys.readouterr().err.rpartition(" of ")[2] == (f"{names}\n" if names else "")


@pytest.mark.parametrize(("to", "library"), [("gpx", "gpxpy"), ("parquet", "polars")])
def test_missing_extra_is_one_line(
    to: str, library: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    failed = run(server, *DAY, "--format", to, "--output", tmp_path)
    assert (failed.exit_code, failed.stdout) == (output.FAILED, "")
    assert failed.stderr == f"{library} is missing: pip install 'otel-worker-client[{to}]'\n"
    assert (list(tmp_path.iterdir()), server.requests) == ([], 0)


def test_unknown_format_is_a_usage_error(server: Server) -> None:
    failed = run(server, *DAY, "--format", "kml")
    assert (failed.exit_code, failed.stdout, server.requests) == (output.INVALID, "", 0)
    assert "geojson" in failed.stderr


def test_job_without_csv_is_one_line(server: Server, tmp_path: Path) -> None:
    server.status = "failed"
    failed = run(server, *COMMANDS["export"], "--output", tmp_path)
    assert (failed.exit_code, failed.stdout, failed.stderr.count("\n")) == (output.FAILED, "", 1)
    assert "is failed: there is no CSV" in failed.stderr
    assert list(tmp_path.iterdir()) == []
