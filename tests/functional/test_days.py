"""GET /api/distance/days."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.calculate.sweep.compaction import Compaction
from functions.list.handler import service
from functions.list.results import ResultReader
from shared.job_index.markers import position_of
from shared.jobs import record_json
from shared.jobs.store import JobStore
from shared.models import Record
from tests.builders import JOB_ID, TRACE_ID, TRACEPARENT, analysis, record, result
from tests.fakes import NOW, Clock, MemoryBucket
from tests.functional.harness import service_client

PATH = "/api/distance/days"
DEVICE = "iphone_stuart"
JANUARY = {"device_id": DEVICE, "from": "2026-01-01", "to": "2026-01-31"}


class World:
    """Jobs in a bucket, and a list function for it."""

    def __init__(self, **options: Any) -> None:
        self.bucket, self.clock = MemoryBucket(), Clock()
        self.jobs = JobStore(self.bucket, self.clock)
        results = ResultReader(JobStore(self.bucket), **options)
        self.client: FlaskClient = service_client(lambda: service(self.bucket, {}, results=results))

    def submit(self, number: int, day: str, device_id: str = DEVICE, queued_after: int | None = None) -> Record:
        """Create a job that is queued `queued_after` (default `number`) milliseconds after NOW."""
        queued_at = NOW + timedelta(milliseconds=number if queued_after is None else queued_after)
        job_id = f"{JOB_ID[:-4]}{number:04x}"
        return self.jobs.create(record(job_id=job_id, date=day, device_id=device_id, queued_at=queued_at))

    def complete(self, number: int, day: str, device_id: str = DEVICE, **changes: Any) -> Record:
        queued_after = changes.pop("queued_after", None)
        claim = self.jobs.claim(self.submit(number, day, device_id, queued_after).job_id)
        return self.jobs.complete(claim, result(**{"total_locations": number} | changes))

    def body(self, **query: str) -> dict[str, Any]:
        response = self.client.get(PATH, query_string=JANUARY | query, headers={"traceparent": TRACEPARENT})
        assert response.status_code == 200, response.text
        body: dict[str, Any] = json.loads(response.data)
        return body

    def days(self, **query: str) -> list[dict[str, Any]]:
        days: list[dict[str, Any]] = self.body(**query)["days"]
        return days

    def numbers(self, **query: str) -> list[tuple[str, int]]:
        """Return the date of each row, and the number of its job, which its result repeats."""
        rows = [
            (day["date"], int(day["job_id"][-4:], 16), day["result"]["total_locations"]) for day in self.days(**query)
        ]
        assert all(number == locations for _, number, locations in rows)
        return [(day, number) for day, number, _ in rows]

    def read_keys(self) -> list[str]:
        """Return the keys of the records that were read since the last call."""
        keys = [key for name, key in self.bucket.requests if name == "get" and key.startswith("jobs/")]
        self.bucket.requests.clear()
        return keys

    def compact(self) -> None:
        """Move the jobs to segments, of which the finished ones have two rows each."""
        compaction = Compaction(self.bucket, sealed_rows=2)
        compaction.commit(dict(compaction.log.entries))


@pytest.fixture
def world() -> World:
    return World()


def test_row_has_the_numbers_of_result_and_the_analysis_without_trips_and_gaps(world: World) -> None:
    job = world.complete(7, "2026-01-25")
    (device,) = analysis()["devices"]
    del device["trips"], device["gaps"]
    assert world.body() == {
        "days": [
            {
                "date": "2026-01-25",
                "job_id": job.job_id,
                "completed_at": "2026-01-26T12:00:00.345Z",
                "result": {
                    "total_distance_km": 19.44,
                    "total_locations": 7,
                    "max_distance_km": 0.31,
                    "min_distance_km": 0.001,
                    "avg_distance_km": 0.013,
                    "path_length_km": 2.718,
                    "away_minutes": 0.0,
                    "rejected_locations": 0,
                    "csv_size_bytes": 123456,
                    "processing_time_ms": 600,
                },
                "analysis": device,
            }
        ],
        "device_id": DEVICE,
        "from": "2026-01-01",
        "to": "2026-01-31",
        "trace_id": TRACE_ID,
    }


@pytest.mark.parametrize("compacted", [False, True])
def test_range_includes_both_days_and_rows_are_in_order_of_days(world: World, compacted: bool) -> None:
    days = ["2026-01-13", "2026-01-10", "2026-01-14", "2026-01-12", "2026-01-09", "2026-01-11"]
    for number, day in enumerate(days):
        world.complete(number, day)
    if compacted:
        world.compact()
    expected = [("2026-01-10", 1), ("2026-01-11", 5), ("2026-01-12", 3), ("2026-01-13", 0)]
    assert world.numbers(**{"from": "2026-01-10", "to": "2026-01-13"}) == expected
    assert world.numbers(**{"from": "2026-01-10", "to": "2026-01-10"}) == expected[:1]
    assert world.days(**{"from": "2026-01-15"}) == []


@pytest.mark.parametrize("compacted", [False, True])
def test_newest_completed_job_of_a_day_counts(world: World, compacted: bool) -> None:
    world.complete(1, "2026-01-20", queued_after=50)
    world.complete(2, "2026-01-20", queued_after=10)  # completed later, but queued before
    world.complete(3, "2026-01-21", queued_after=20)
    world.complete(5, "2026-01-21", queued_after=20)  # the same time: the higher id is newer
    world.complete(4, "2026-01-21", queued_after=20)
    if compacted:
        world.compact()
    assert world.numbers() == [("2026-01-20", 1), ("2026-01-21", 5)]
    world.complete(6, "2026-01-20", queued_after=51)  # calculated again
    assert world.numbers() == [("2026-01-20", 6), ("2026-01-21", 5)]


@pytest.mark.parametrize("compacted", [False, True])
def test_failed_or_unfinished_job_does_not_hide_an_older_completed_one(world: World, compacted: bool) -> None:
    world.complete(1, "2026-01-20")
    world.jobs.fail(world.jobs.claim(world.submit(2, "2026-01-20").job_id), "NO_DATA", "No location data found")
    world.submit(3, "2026-01-20")
    world.jobs.claim(world.submit(4, "2026-01-20").job_id)
    world.jobs.fail(world.jobs.claim(world.submit(5, "2026-01-21").job_id), "NO_DATA", "No location data found")
    if compacted:
        world.compact()
    assert world.numbers() == [("2026-01-20", 1)]


@pytest.mark.parametrize("compacted", [False, True])
def test_deleted_job_gives_way_to_the_next_older_one(world: World, compacted: bool) -> None:
    for number in range(1, 4):
        world.complete(number, "2026-01-20")
    if compacted:
        world.compact()
    world.jobs.mark_deleted(position_of(world.jobs.get(f"{JOB_ID[:-4]}0003")))
    assert world.numbers() == [("2026-01-20", 2)]


def analysis_of(*device_ids: str) -> dict[str, Any]:
    """Return the analysis of a job of all devices; the longer the name of a device, the more trips it has."""
    document = analysis()
    (device,) = document["devices"]
    devices = [device | {"device_id": device_id, "trip_count": len(device_id)} for device_id in device_ids]
    return document | {"devices": devices, "device_count": len(devices)}


@pytest.mark.parametrize("compacted", [False, True])
def test_day_of_a_device_may_come_from_a_job_of_all_devices(world: World, compacted: bool) -> None:
    world.complete(1, "2026-01-20", "", analysis=analysis_of("garmin", DEVICE))
    world.complete(2, "2026-01-21", "", analysis=analysis_of("garmin", DEVICE))
    world.complete(3, "2026-01-19", "", analysis=analysis_of("watch", DEVICE), queued_after=1)
    world.complete(4, "2026-01-19", "", analysis=analysis_of("garmin", "watch"), queued_after=2)  # the newer one
    world.complete(5, "2026-01-18", "", analysis=None)
    world.complete(6, "2026-01-21")  # newer, and of the device
    world.complete(7, "2026-01-17", queued_after=1)
    world.complete(8, "2026-01-17", "", analysis=analysis_of("garmin"))  # newer, but without the device
    world.complete(9, "2026-01-16", queued_after=1)
    world.complete(10, "2026-01-16", "", analysis=analysis_of(DEVICE))
    if compacted:
        world.compact()
    rows = world.days()
    jobs = [(row["date"][-2:], int(row["job_id"][-4:], 16), row["result"] is None) for row in rows]
    assert jobs == [("16", 10, True), ("17", 7, False), ("20", 1, True), ("21", 6, False)]
    assert (rows[2]["analysis"]["device_id"], rows[2]["analysis"]["trip_count"]) == (DEVICE, len(DEVICE))
    assert "trips" not in rows[2]["analysis"]
    garmin = {row["date"][-2:]: row["analysis"]["trip_count"] for row in world.days(device_id="garmin")}
    assert garmin == {"17": 6, "19": 6, "20": 6, "21": 6}
    assert {row["date"] for row in world.days(device_id="watch")} == {"2026-01-19"}
    assert [row["analysis"] for row in world.days(device_id="")] == [None] * 6


def test_only_jobs_of_the_device_or_of_all_devices_count(world: World) -> None:
    world.complete(1, "2026-01-20")
    world.complete(2, "2026-01-20", "garmin")
    world.complete(3, "2026-01-20", "", analysis=analysis_of("garmin"))
    world.complete(4, "2026-01-21", "", analysis=analysis_of("garmin"))
    assert world.numbers() == [("2026-01-20", 1)]
    assert world.numbers(device_id="") == [("2026-01-20", 3), ("2026-01-21", 4)]
    assert world.numbers(device_id="unknown") == []
    response = world.client.get(PATH, query_string={"from": "2026-01-20", "to": "2026-01-20"})
    assert response.json
    assert (response.json["device_id"], len(response.json["days"])) == ("", 1)


def test_job_of_all_devices_has_no_analysis_even_with_a_device_without_id(world: World) -> None:
    document = analysis()
    document["devices"].insert(0, document["devices"][0] | {"device_id": ""})
    world.complete(1, "2026-01-20", "", analysis=document)
    (row,) = world.days(device_id="")
    assert (row["result"]["total_locations"], row["analysis"]) == (1, None)


def test_job_older_than_the_analysis_has_none(world: World) -> None:
    world.complete(1, "2026-01-20", analysis=None, csv_sha256=None, worker_version=None)
    (row,) = world.days()
    assert (row["result"]["total_locations"], row["analysis"]) == (1, None)


def test_analysis_of_a_later_method_is_returned_unchanged(world: World) -> None:
    later: dict[str, Any] = {
        "device_id": DEVICE,
        "coverage": None,
        "zones": {"work_minutes": 480.5},
        "trips": [{}],
        "gaps": None,
    }
    job = world.complete(1, "2026-01-20")
    document = {"method": 2, "devices": [{"name": "other"}, later], "new": True}
    written_later = job.copy_with(result=result(analysis=document))
    world.bucket.put(f"jobs/{job.job_id}.json", record_json.encode(written_later))
    (row,) = world.days()
    assert row["analysis"] == {"device_id": DEVICE, "coverage": None, "zones": {"work_minutes": 480.5}}


def test_analysis_without_the_device_is_null(world: World) -> None:
    world.complete(1, "2026-01-20", analysis=analysis() | {"devices": []})
    (row,) = world.days()
    assert (row["result"]["total_locations"], row["analysis"]) == (1, None)


def test_a_leap_year_is_the_longest_range(world: World) -> None:
    first = date(2024, 1, 1)
    for number in range(366):
        world.complete(number, (first + timedelta(days=number)).isoformat())
    assert len(world.days(**{"from": "2024-01-01", "to": "2024-12-31"})) == 366
    response = world.client.get(PATH, query_string={"from": "2024-01-01", "to": "2025-01-01"})
    assert (response.status_code, json.loads(response.data)["error"]["details"]) == (
        400,
        {"field": "to", "value": "2025-01-01"},
    )


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_first_and_last_day_of_the_calendar(world: World, day: str) -> None:
    world.complete(1, day)
    assert world.numbers(**{"from": day, "to": day}) == [(day, 1)]
