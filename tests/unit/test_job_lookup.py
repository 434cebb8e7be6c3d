"""The job that the argument JOB|DATE of the command selects."""

from typing import Any

import pytest
from otel_worker_client import Client, NotFoundError
from otel_worker_client.cli.job_lookup import find_job

from tests.scripted import ScriptedAdapter, script_responses
from tests.unit.test_client import DONE, ID, RESULT

DAY = {"date": "2026-01-25", "job_id": ID, "completed_at": "2026-01-26T12:00:02.345Z"}
DAYS: dict[str, Any] = {"device_id": "", "from": "2026-01-25", "to": "2026-01-25"}
PAGE: dict[str, Any] = {"total_count": 1, "limit": 1, "offset": 0}


@pytest.fixture
def client() -> Client:
    return Client("http://worker")


def script(client: Client, *bodies: dict[str, Any]) -> ScriptedAdapter:
    return script_responses(client._transport, *[(200, body, {}) for body in bodies])


def paths(adapter: ScriptedAdapter) -> list[str]:
    return [request.path_url.removeprefix("/api/distance/") for request in adapter.requests]


def test_id_selects_its_job(client: Client) -> None:
    adapter = script(client, DONE)
    assert find_job(client, ID, "garmin").job_id == ID
    assert paths(adapter) == [f"jobs/{ID}"]


def test_date_without_device_selects_a_job_of_all_devices(client: Client) -> None:
    rows = [{**DAY, "result": RESULT, "analysis": None}]
    adapter = script(client, {**DAYS, "days": rows}, DONE)
    assert find_job(client, "2026-01-25", "").job_id == ID
    assert paths(adapter) == ["days?device_id=&from=2026-01-25&to=2026-01-25", f"jobs/{ID}"]


def test_date_with_device_selects_a_job_of_exactly_this_device(client: Client) -> None:
    adapter = script(client, {**PAGE, "jobs": [DONE]}, DONE)
    assert find_job(client, "20260125", "garmin").job_id == ID
    query = "limit=1&offset=0&status=completed&date=2026-01-25&device_id=garmin&results=false"
    assert paths(adapter) == [f"jobs?{query}", f"jobs/{ID}"]


@pytest.mark.parametrize(
    ("device_id", "message"),
    [
        ("garmin", "no completed job of 2026-01-25 for garmin: submit one first"),
        ("", "no completed job of 2026-01-25 for all devices: give --device, or submit one first"),
    ],
)
def test_date_without_such_a_job_is_not_found(device_id: str, message: str, client: Client) -> None:
    script(client, {**PAGE, **DAYS, "jobs": [], "days": []})
    with pytest.raises(NotFoundError) as failed:
        find_job(client, "2026-01-25", device_id)
    assert str(failed.value) == message
