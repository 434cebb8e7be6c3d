"""The client's models of the analysis."""

from datetime import UTC, datetime
from typing import Any

import pytest
from otel_worker_client import Client, Gap, Job
from otel_worker_client.analysis import Analysis
from otel_worker_client.cli import output

from tests.builders import analysis
from tests.scripted import script_responses
from tests.unit.test_client import ACCEPTED, DONE, ID, RESULT


@pytest.fixture
def client() -> Client:
    return Client("http://worker/", timeout=60)


def read_job(client: Client, **result: Any) -> Job:
    """Return the job that the client reads from a response with these fields in its result."""
    script_responses(client._transport, (200, DONE | {"result": RESULT | result}, {}))
    return client.job(ID)


def read_analysis(client: Client, document: dict[str, Any]) -> Analysis:
    job = read_job(client, analysis=document)
    assert job.result
    assert job.result.analysis
    return job.result.analysis


def test_analysis_is_read_as_dataclasses(client: Client) -> None:
    read = read_analysis(client, analysis())
    (device,) = read.devices
    (trip,) = device.trips
    assert (read.method, read.parameters.dwell_fixes, read.device_count) == (1, 2, 1)
    assert read.window_end == datetime(2026, 1, 26, tzinfo=UTC)
    assert (device.fixes.read, device.fixes.rejected["jump"]) == (1464, 2)
    assert (device.distance_from_home_km.p95, device.path_length_km.robust) == (5.5, 17.4)
    assert trip.departed_at == datetime(2026, 1, 25, 8, 1, 10, tzinfo=UTC)
    assert trip.returned_after == datetime(2026, 1, 25, 18, 0, 40, tzinfo=UTC)
    start, end = datetime(2026, 1, 25, 20, 10, tzinfo=UTC), datetime(2026, 1, 25, 20, 52, tzinfo=UTC)
    assert device.gaps == (Gap(start, end, 42.0, "unknown"),)


def test_null_times_and_distances_are_none(client: Client) -> None:
    document = analysis()
    device = document["devices"][0]
    device |= {"first_fix_at": None, "coverage": None}
    device["distance_from_home_km"] = dict.fromkeys(device["distance_from_home_km"])
    device["trips"][0]["departed_at"] = None
    read = read_analysis(client, document).devices[0]
    assert (read.first_fix_at, read.coverage, read.distance_from_home_km.farthest_at) == (None, None, None)
    assert read.trips[0].departed_at is None


def test_unknown_fields_of_later_versions_are_ignored(client: Client) -> None:
    document = analysis() | {"later": 1}
    document["devices"][0]["trips"][0]["later"] = {}
    assert read_analysis(client, document) == read_analysis(client, analysis())


@pytest.mark.parametrize("fields", [{}, {"analysis": None}])
def test_job_without_analysis_has_none(client: Client, fields: dict[str, None]) -> None:
    job = read_job(client, **fields)
    assert job.result
    assert job.result.analysis is None


def test_submission_sends_the_parameters_of_the_analysis(client: Client) -> None:
    server = script_responses(client._transport, (202, ACCEPTED, {}))
    client.submit("2026-01-25", analysis={"dwell_seconds": 300})
    assert server.sent() == {"date": "2026-01-25", "device_id": "", "analysis": {"dwell_seconds": 300}}


def test_trips_are_printed_with_unknown_times(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    document = analysis()
    device = document["devices"][0]
    open_trip = device["trips"][0] | {"departed_at": None, "returned_at": None, "farthest_km": None}
    device["trips"].append(open_trip)
    output.print_analysis(read_analysis(client, document))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1] == ["iphone_stuart", "797.5", "600.5", "42.0", "97.1%", "17.400"]
    assert lines[-2] == ["08:01:10", "18:01:40", "600.5", "0.0", "5.566", "17.400", "iphone_stuart"]
    assert lines[-1] == ["?", "?", "600.5", "0.0", "17.400", "iphone_stuart"]


def test_device_without_window_is_printed_without_coverage(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    document = analysis()
    document["devices"][0] |= {"coverage": None, "trips": []}
    output.print_analysis(read_analysis(client, document))
    assert "%" not in capsys.readouterr().out
