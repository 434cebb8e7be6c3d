"""GET /api/distance/devices, from the sweep to the answer."""

import json
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.list.handler import service
from shared.errors import Unavailable
from shared.job_index import devices
from shared.job_index.devices import KEY, DeviceList
from tests.fakes import NOW, MemoryBucket, away
from tests.functional.calculating import Calculate
from tests.functional.harness import served

PATH = "/api/distance/devices"
SEEN = DeviceList(
    devices={"watch": NOW - timedelta(days=1), "Garmin": NOW, "a": NOW}, as_of=NOW, queried_at=NOW, token="1"
)


@pytest.fixture
def bucket() -> MemoryBucket:
    return MemoryBucket()


@pytest.fixture
def client(bucket: MemoryBucket) -> FlaskClient:
    return served(lambda: service(bucket, {}))


def told(client: FlaskClient) -> dict[str, Any]:
    answer = client.get(PATH)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = json.loads(answer.data)
    assert body.pop("trace_id") == answer.headers["X-Trace-Id"]
    return body


def test_before_the_first_sweep_there_are_none(client: FlaskClient) -> None:
    assert told(client) == {"devices": [], "as_of": None}


def test_they_come_in_order_with_their_latest_fix(client: FlaskClient, bucket: MemoryBucket) -> None:
    devices.write(bucket, SEEN, None)
    assert told(client) == {
        "devices": [
            {"device_id": "Garmin", "last_fix_at": "2026-01-26T12:00:00.345Z"},
            {"device_id": "a", "last_fix_at": "2026-01-26T12:00:00.345Z"},
            {"device_id": "watch", "last_fix_at": "2026-01-25T12:00:00.345Z"},
        ],
        "as_of": "2026-01-26T12:00:00.345Z",
    }


def test_a_look_that_has_not_succeeded_yet_says_so(client: FlaskClient, bucket: MemoryBucket) -> None:
    devices.write(bucket, DeviceList(queried_at=NOW, full_scan_pending=True, token="1"), None)
    assert told(client) == {"devices": [], "as_of": None}


def test_what_is_not_ours_is_none(client: FlaskClient, bucket: MemoryBucket) -> None:
    bucket.put(KEY, b"?")
    assert told(client) == {"devices": [], "as_of": None}


def test_what_has_not_changed_is_not_sent_again(client: FlaskClient, bucket: MemoryBucket) -> None:
    etag = devices.write(bucket, SEEN, None)
    first = told(client)
    asked: list[str] = []
    unless = bucket.get_if_modified

    def get_if_modified(key: str, etag: str) -> Any:
        found = unless(key, etag)
        asked.append("sent" if found else "unchanged")
        return found

    vars(bucket)["get_if_modified"] = get_if_modified
    assert told(client) == first
    devices.write(bucket, SEEN.model_copy(update={"devices": {"b": NOW}}), etag)
    assert [one["device_id"] for one in told(client)["devices"]] == ["b"]
    assert asked == ["unchanged", "sent"]
    bucket.delete(KEY)
    assert told(client) == {"devices": [], "as_of": None}


def test_storage_that_is_away_is_503(client: FlaskClient, bucket: MemoryBucket) -> None:
    with away(bucket):
        assert client.get(PATH).status_code == 503


def test_a_sweep_brings_the_devices_of_the_database() -> None:
    calculate = Calculate()
    assert calculate.client.post("/sweep").status_code == 204
    client = served(lambda: service(calculate.jobs_bucket, {}))
    assert [one["device_id"] for one in told(client)["devices"]] == ["garmin", "iphone_stuart"]
    assert told(client)["as_of"] == "2026-01-26T12:00:00.345Z"


def test_a_database_that_is_away_does_not_fail_the_sweep() -> None:
    calculate = Calculate()

    def refuse() -> None:
        raise Unavailable("database", "08006")

    calculate.fixes.during = refuse
    assert calculate.client.post("/sweep").status_code == 204
    assert told(served(lambda: service(calculate.jobs_bucket, {}))) == {"devices": [], "as_of": None}


def test_a_broker_that_is_away_keeps_no_sweep_from_looking() -> None:
    calculate = Calculate()
    calculate.create()
    calculate.clock.advance(minutes=5)
    calculate.broker.away = True
    assert calculate.client.post("/sweep").status_code == 503
    assert told(served(lambda: service(calculate.jobs_bucket, {})))["as_of"]
