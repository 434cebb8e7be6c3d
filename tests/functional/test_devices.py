"""GET /api/distance/devices, from the sweep to the response."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.list.handler import service
from shared.errors import Unavailable
from shared.job_index import devices
from shared.job_index.devices import KEY, DeviceList
from tests.fakes import NOW, MemoryBucket, outage
from tests.functional.calculate_function import Calculate
from tests.functional.harness import service_client

PATH = "/api/distance/devices"
STORED = DeviceList(
    devices={"watch": NOW - timedelta(days=1), "Garmin": NOW, "a": NOW}, as_of=NOW, queried_at=NOW, token="1"
)


@pytest.fixture
def bucket() -> MemoryBucket:
    return MemoryBucket()


@pytest.fixture
def client(bucket: MemoryBucket) -> FlaskClient:
    return service_client(lambda: service(bucket, {}))


def get_devices(client: FlaskClient) -> dict[str, Any]:
    response = client.get(PATH)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = json.loads(response.data)
    assert body.pop("trace_id") == response.headers["X-Trace-Id"]
    return body


def test_list_is_empty_before_the_first_sweep(client: FlaskClient) -> None:
    assert get_devices(client) == {"devices": [], "as_of": None}


def test_devices_are_sorted_and_have_their_latest_fix(client: FlaskClient, bucket: MemoryBucket) -> None:
    devices.write(bucket, STORED, None)
    assert get_devices(client) == {
        "devices": [
            {"device_id": "Garmin", "last_fix_at": "2026-01-26T12:00:00.345Z"},
            {"device_id": "a", "last_fix_at": "2026-01-26T12:00:00.345Z"},
            {"device_id": "watch", "last_fix_at": "2026-01-25T12:00:00.345Z"},
        ],
        "as_of": "2026-01-26T12:00:00.345Z",
    }


def test_list_is_empty_during_the_first_refresh(client: FlaskClient, bucket: MemoryBucket) -> None:
    devices.write(bucket, DeviceList(queried_at=NOW, full_scan_pending=True, token="1"), None)
    assert get_devices(client) == {"devices": [], "as_of": None}


def test_invalid_stored_list_counts_as_empty(client: FlaskClient, bucket: MemoryBucket) -> None:
    bucket.put(KEY, b"?")
    assert get_devices(client) == {"devices": [], "as_of": None}


def test_unchanged_list_is_not_fetched_again(client: FlaskClient, bucket: MemoryBucket) -> None:
    etag = devices.write(bucket, STORED, None)
    first = get_devices(client)
    responses: list[str] = []
    original = bucket.get_if_modified

    def get_if_modified(key: str, etag: str) -> Any:
        stored = original(key, etag)
        responses.append("changed" if stored else "unchanged")
        return stored

    vars(bucket)["get_if_modified"] = get_if_modified
    assert get_devices(client) == first
    devices.write(bucket, replace(STORED, devices={"b": NOW}), etag)
    assert [device["device_id"] for device in get_devices(client)["devices"]] == ["b"]
    assert responses == ["unchanged", "changed"]
    bucket.delete(KEY)
    assert get_devices(client) == {"devices": [], "as_of": None}


def test_unavailable_storage_returns_503(client: FlaskClient, bucket: MemoryBucket) -> None:
    with outage(bucket):
        assert client.get(PATH).status_code == 503


def test_sweep_refreshes_the_devices() -> None:
    calculate = Calculate()
    assert calculate.client.post("/sweep").status_code == 204
    client = service_client(lambda: service(calculate.jobs_bucket, {}))
    assert [device["device_id"] for device in get_devices(client)["devices"]] == ["garmin", "iphone_stuart"]
    assert get_devices(client)["as_of"] == "2026-01-26T12:00:00.345Z"


def test_unavailable_database_does_not_fail_the_sweep() -> None:
    calculate = Calculate()

    def refuse() -> None:
        raise Unavailable("database", "08006")

    calculate.fixes.during = refuse
    assert calculate.client.post("/sweep").status_code == 204
    assert get_devices(service_client(lambda: service(calculate.jobs_bucket, {}))) == {"devices": [], "as_of": None}


def test_unavailable_broker_does_not_prevent_the_refresh() -> None:
    calculate = Calculate()
    calculate.create()
    calculate.clock.advance(minutes=5)
    calculate.broker.is_unavailable = True
    assert calculate.client.post("/sweep").status_code == 503
    assert get_devices(service_client(lambda: service(calculate.jobs_bucket, {})))["as_of"]
