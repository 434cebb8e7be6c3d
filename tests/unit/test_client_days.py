"""The days of the client and of the command `otel-worker days`."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from otel_worker_client import Client, Days, DaySummary, DeviceAnalysis, DeviceSummary
from otel_worker_client.cli import commands, output
from typer.testing import CliRunner

from tests.builders import analysis
from tests.command_server import run_server
from tests.scripted import script_responses
from tests.unit.test_client import ID, RESULT

ROW: dict[str, Any] = {"date": "2026-01-25", "job_id": ID, "completed_at": "2026-01-26T12:00:02.345Z", "new": 1}
NUMBERS = {name: value for name, value in RESULT.items() if isinstance(value, (int, float))}
(DEVICE,) = analysis()["devices"]
SUMMARY = {name: value for name, value in DEVICE.items() if name not in ("trips", "gaps")}
NO_DISTANCES = dict.fromkeys(DEVICE["distance_from_home_km"])
RANGE = ("garmin", "2026-01-01", "2026-01-31")


def body(*rows: dict[str, Any]) -> dict[str, Any]:
    """Return the response with rows of these fields, one for each day from January 25 on."""
    days = [ROW | {"date": f"2026-01-{25 + number}"} | row for number, row in enumerate(rows)]
    return {"days": days, "device_id": "garmin", "from": "2026-01-01", "to": "2026-01-31", "trace_id": "t"}


def read(*rows: dict[str, Any]) -> Days:
    """Return the days that the client reads from a response."""
    client = Client("http://worker/", timeout=60)
    script_responses(client._transport, (200, body(*rows), {}))
    return client.days(*RANGE)


def printed(capsys: pytest.CaptureFixture[str], *rows: dict[str, Any]) -> list[list[str]]:
    output.print_days(read(*rows))
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_request_has_the_device_and_the_range() -> None:
    client = Client("http://worker/", timeout=60)
    server = script_responses(client._transport, (200, body(), {}))
    assert client.days(*RANGE) == Days((), "garmin", "2026-01-01", "2026-01-31")
    client.days("", "2026-01-01", "2026-01-31")
    assert [str(request.url) for request in server.requests] == [
        "http://worker/api/distance/days?device_id=garmin&from=2026-01-01&to=2026-01-31",
        "http://worker/api/distance/days?device_id=&from=2026-01-01&to=2026-01-31",
    ]


def test_rows_are_read_as_dataclasses() -> None:
    (day,) = read({"result": NUMBERS, "analysis": SUMMARY | {"new": 1}}).days
    assert (day.date, day.job_id) == ("2026-01-25", ID)
    assert day.completed_at == datetime(2026, 1, 26, 12, 0, 2, 345_000, tzinfo=UTC)
    assert day.result
    assert (day.result.total_locations, day.result.path_length_km) == (3, 2.5)
    assert type(day.analysis) is DeviceSummary
    assert (day.analysis.trip_count, day.analysis.gap_count, day.analysis.fixes.usable) == (1, 1, 1451)
    assert day.analysis.distance_from_home_km.farthest_at == datetime(2026, 1, 25, 12, 30, tzinfo=UTC)


def test_analysis_of_a_job_is_a_summary_with_trips_and_gaps() -> None:
    device = DeviceAnalysis.from_json(DEVICE)
    assert isinstance(device, DeviceSummary)
    assert (device.trips[0].minutes, device.gaps[0].counted_as) == (600.5, "unknown")
    summary = DeviceSummary.from_json(DEVICE)
    assert {name: vars(device)[name] for name in vars(summary)} == vars(summary)


def test_missing_numbers_are_none() -> None:
    (day,) = read({"result": None, "analysis": None}).days
    assert day == DaySummary(day.date, ID, day.completed_at, None, None)


def test_days_are_printed_with_their_analysis(capsys: pytest.CaptureFixture[str]) -> None:
    rows = printed(
        capsys,
        {"result": NUMBERS, "analysis": SUMMARY},
        {"result": NUMBERS, "analysis": SUMMARY | {"coverage": None, "distance_from_home_km": NO_DISTANCES}},
        {"result": NUMBERS, "analysis": None},
        {"result": None, "analysis": None},
    )
    assert " ".join(rows[0]) == "date farthest, km away, min trips robust path, km coverage unknown, min"
    assert rows[1:] == [
        ["2026-01-25", "5.566", "600.5", "1", "17.400", "97.1%", "42.0"],
        ["2026-01-26", "600.5", "1", "17.400", "42.0"],
        ["2026-01-27"],
        ["2026-01-28"],
    ]


def test_days_of_all_devices_are_printed_with_their_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    rows = printed(capsys, {"result": NUMBERS, "analysis": None}, {"result": None, "analysis": None})
    assert " ".join(rows[0]) == "date fixes max, km path, km away, min"
    assert rows[1:] == [["2026-01-25", "3", "1.500", "2.500", "2.5"], ["2026-01-26"]]


def test_range_without_jobs_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_days(read())
    assert capsys.readouterr().err == "no completed job of these days: submit them with otel-worker range\n"


def test_command_prints_json_or_a_table() -> None:
    with run_server() as server:
        arguments = ["days", "--device", "garmin", "--from", "2026-01-24", "--to", "2026-01-25", "--url", server.url]
        as_json = CliRunner().invoke(commands.app, [*arguments, "--json"])
        as_table = CliRunner().invoke(commands.app, arguments)
    listed = json.loads(as_json.stdout)
    assert (listed["from_date"], listed["device_id"], listed["days"][0]["date"]) == (
        "2026-01-24",
        "garmin",
        "2026-01-25",
    )
    assert listed["days"][0]["result"]["max_distance_km"] == 1.5
    assert "2026-01-25" in as_table.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--from"),
        (["--from", "2026-01-01"], "--to"),
        (["--from", "2026-13-01", "--to", "2026-01-31"], "2026-13-01"),
        (["--from", "yesterday", "--to", "2026-01-31"], "yesterday"),
    ],
)
def test_missing_or_invalid_date_is_a_usage_error(arguments: list[str], message: str) -> None:
    run = CliRunner().invoke(commands.app, ["days", *arguments])
    assert run.exit_code == output.INVALID
    assert message in run.stderr
