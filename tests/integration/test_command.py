"""The command `otel-worker` with the running system."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import gpxpy
import polars as pl
import pytest

from local.stack import Stack
from tests.integration.ports import free_port
from tests.integration.whole_stack import environ, send_request, wait_until

CLIENT = Path(__file__).resolve().parents[2] / "client"
DAY = ("2026-01-21", "--device", "iphone_stuart")
DEVICES = ("", "garmin", "iphone_stuart")


def command(url: str, *arguments: str, code: int = 0, folder: Path | None = None) -> str:
    main = "from otel_worker_client.cli import main; main()"
    variables = environ(OTEL_WORKER_URL=url, PYTHONPATH=CLIENT, COLUMNS=100)
    run = subprocess.run(
        [sys.executable, "-c", main, *arguments], env=variables, cwd=folder, capture_output=True, text=True, check=False
    )
    assert run.returncode == code, (run.stdout, run.stderr)
    return run.stdout if code == 0 else run.stderr


def test_job_is_submitted_shown_downloaded_and_plotted(stack: Stack, tmp_path: Path) -> None:
    job = json.loads(command(stack.url, "submit", *DAY, "--wait", "--json"))
    assert (job["status"], job["result"]["total_locations"]) == ("completed", 1463)
    output = command(stack.url, "show", job["job_id"])
    assert "1,463" in output
    assert "km from home" in output
    assert "a column is 15 minutes, hours in UTC" in output
    assert "departed" in output
    assert "602.0" in output.splitlines()[-1]
    (saved,) = command(stack.url, "download", *DAY, "--into", str(tmp_path)).split()
    assert Path(saved).stat().st_size == job["result"]["csv_size_bytes"]
    assert command(stack.url, "plot", job["job_id"], f"{tmp_path}/day.svg") == f"{tmp_path}/day.svg\n"
    listed = command(stack.url, "list", "--date", DAY[0], "--limit", "500").splitlines()
    (line,) = [line.split() for line in listed if job["job_id"] in line]
    assert line[1:5] == [DAY[0], "completed", "iphone_stuart", "1,463"]
    (row,) = [row for row in json.loads(command(stack.url, "list", "--json")) if row["job_id"] == job["job_id"]]
    assert row["result"]["max_distance_km"] == job["result"]["max_distance_km"]
    assert json.loads(command(stack.url, "status", job["job_id"], "--json"))["status"] == "completed"
    assert "completed" in command(stack.url, "watch", job["job_id"])


def test_date_selects_the_newest_job_of_the_device_or_of_all_devices(stack: Stack, tmp_path: Path) -> None:
    submit = ("submit", DAY[0], "--wait", "--json")
    ids = {device: json.loads(command(stack.url, *submit, "--device", device))["job_id"] for device in DEVICES}
    for device, job_id in ids.items():
        options = ("--device", device) if device else ()
        assert json.loads(command(stack.url, "show", DAY[0], *options, "--json"))["job"]["job_id"] == job_id
        assert job_id in command(stack.url, "download", DAY[0], *options, folder=tmp_path)


@pytest.mark.parametrize("device", ["iphone_stuart", ""])
def test_day_is_exported_in_each_format(device: str, stack: Stack, tmp_path: Path) -> None:
    job = json.loads(command(stack.url, "submit", DAY[0], "--device", device, "--wait", "--json"))
    summaries = job["result"]["analysis"]["devices"]
    usable = {summary["device_id"]: summary["fixes"]["usable"] for summary in summaries}
    assert len(usable) == (1 if device else 2)
    name = Path(job["result"]["csv_path"]).stem
    saved = {}
    for to in ("geojson", "gpx", "parquet"):
        output = command(stack.url, "export", DAY[0], "--device", device, "--format", to, folder=tmp_path)
        assert output == f"{name}.{to}\n"
        saved[to] = tmp_path / f"{name}.{to}"
    counts: Counter[str] = Counter()
    for feature in json.loads(saved["geojson"].read_text(encoding="utf-8"))["features"]:
        counts[feature["properties"]["device_id"]] += len(feature["properties"]["times"])
    assert counts == usable
    tracks = gpxpy.parse(saved["gpx"].read_text(encoding="utf-8")).tracks
    assert {track.name: track.get_points_no() for track in tracks} == {
        f"{device_id} {DAY[0]}": count for device_id, count in usable.items()
    }
    table = pl.read_parquet(saved["parquet"])
    assert table.height == job["result"]["total_locations"]
    assert table["distance_from_home_km"].max() == pytest.approx(job["result"]["max_distance_km"])
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in saved.values()}


def test_devices_are_listed(stack: Stack) -> None:
    if json.loads(command(stack.url, "devices", "--json"))["as_of"] is None:  # no full minute has passed yet
        assert send_request("POST", f"http://{stack.plan.address('calculate')}/sweep").status == 204
    wait_until(lambda: json.loads(command(stack.url, "devices", "--json"))["as_of"])
    devices = json.loads(command(stack.url, "devices", "--json"))["devices"]
    assert [device["device_id"] for device in devices] == ["garmin", "iphone_stuart"]
    lines = command(stack.url, "devices").splitlines()
    assert [line.split()[0] for line in lines] == ["device", "garmin", "iphone_stuart"]
    assert lines[1].split()[1] == devices[0]["last_fix_at"][:10]


def test_repeated_range_returns_the_same_jobs(stack: Stack) -> None:
    arguments = ("range", "2026-01-24", "2026-01-26", "--device", "iphone_stuart", "--json")
    first, second = (json.loads(command(stack.url, *arguments)) for _ in range(2))
    assert [outcome["code"] for outcome in first] == ["", "", "NO_DATA"]
    ids = [[outcome["job"]["job_id"] for outcome in outcomes if outcome["job"]] for outcomes in (first, second)]
    assert ids[0] == ids[1]
    assert "2 of 3 days completed" in command(stack.url, *arguments[:-1])


def test_days_of_a_range_are_listed(stack: Stack) -> None:
    device = ("--device", "iphone_stuart")
    command(stack.url, "range", "2026-01-24", "2026-01-25", *device)
    arguments = ("days", "--from", "2026-01-24", "--to", "2026-01-26", *device)
    days = json.loads(command(stack.url, *arguments, "--json"))["days"]
    assert [day["date"] for day in days] == ["2026-01-24", "2026-01-25"]
    lines = [line.split() for line in command(stack.url, *arguments).splitlines()[1:]]
    assert [line[0] for line in lines] == ["2026-01-24", "2026-01-25"]
    for line, day in zip(lines, days, strict=True):
        assert line[1] == f"{day['analysis']['distance_from_home_km']['farthest']:.3f}"
        assert line[3] == str(day["analysis"]["trip_count"])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("status", "unknown"), 4, "No such job"),
        (("show", "2001-01-01"), 4, "no completed job of 2001-01-01 for all devices: give --device"),
        (("submit", "2026-01-21", "--timezone", "Mars/Olympus"), 2, "Unknown time zone"),
        (("submit", "2026-01-21", "--home", "here"), 2, "latitude,longitude"),
        (("submit", "yesterday"), 2, "yesterday"),
        (("submit", "2026-01-21", "--device", "unknown", "--wait"), 1, "No location data found"),
        (("range", "2026-01-21", "2026-01-20"), 2, "the last day is before the first"),
        (("plot", "2026-01-21", "day.doc"), 2, ".png or .svg"),
        (("export", "2001-01-01", "--format", "gpx"), 4, "no completed job of 2001-01-01"),
        (("export", "2026-01-21", "--device", "unknown", "--format", "gpx"), 4, "no completed job of 2026-01-21"),
        (("export", "2026-01-21", "--format", "kml"), 2, "geojson"),
        (("days", "--from", "2026-01-02", "--to", "2026-01-01"), 2, "from must not be after to"),
        (("days", "--from", "2026-01-01", "--to", "2027-01-02"), 2, "at most 366 days"),
        ((), 2, ""),
    ],
)
def test_failure_is_one_line_and_an_exit_code(
    stack: Stack, arguments: tuple[str, ...], code: int, message: str
) -> None:
    assert message in command(stack.url, *arguments, code=code)


def test_unreachable_service_has_its_own_exit_code() -> None:
    main = "from otel_worker_client import client; client.Client.__init__.__defaults__ = (client.DEFAULT_URL, 0.3)\n"
    main += "from otel_worker_client.cli import main; main()"
    variables = environ(OTEL_WORKER_URL=f"http://127.0.0.1:{free_port()}", PYTHONPATH=CLIENT)
    run = subprocess.run(
        [sys.executable, "-c", main, "list"], env=variables, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (3, "Distance service unreachable: ConnectionError\n")
