"""Completed jobs as the functions find them: records on the S3 server, and a segment of the index."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import Any

from functions.calculate.sweep.compaction import Compaction
from shared import ids
from shared.job_index.markers import entry_of
from shared.jobs import record_json
from shared.jobs.store import RECORD_PREFIX, utc_now
from shared.models import Home, Record, Result, Status
from shared.storage.bucket import Bucket
from tests.builders import analysis

DEVICE, LAST_DAY = "garmin", date(2026, 1, 25)
_TRIPS, _GAPS = 4, 6  # of a day


def store(bucket: Bucket, count: int) -> list[str]:
    """Store `count` completed jobs, and return their ids, newest first.

    The newest one is of LAST_DAY, and each of the others of the day before that of the next newer one.
    """
    now = utc_now()
    records = [_record(number, now - timedelta(seconds=number)) for number in range(count)]
    with ThreadPoolExecutor(8) as threads:
        for _ in threads.map(lambda record: _put(bucket, record), records):
            pass
    entries = map(entry_of, records)
    Compaction(bucket).commit({entry.position: entry for entry in entries})
    return [record.job_id for record in records]


def _put(bucket: Bucket, record: Record) -> None:
    bucket.put(f"{RECORD_PREFIX}{record.job_id}.json", record_json.encode(record))


def _record(number: int, queued: datetime) -> Record:
    job_id = ids.new_job_id(queued)
    result = Result(
        total_distance_km=19.44,
        total_locations=1464,
        max_distance_km=0.31,
        min_distance_km=0.001,
        avg_distance_km=0.013,
        path_length_km=2.718,
        away_minutes=0.0,
        rejected_locations=0,
        csv_path=f"csv/{job_id}/1/distance_20260125_{DEVICE}_{job_id}.csv",
        csv_size_bytes=123_456,
        csv_sha256="0" * 64,
        processing_time_ms=600 + number % 97,
        worker_version="0.1.0",
        analysis=_analysis(),
    )
    return Record(
        job_id=job_id,
        status=Status.COMPLETED,
        date=LAST_DAY - timedelta(days=number),
        device_id=DEVICE,
        timezone="UTC",
        home=Home(latitude=40.7, longitude=-74.0),
        away_threshold_km=0.5,
        queued_at=queued,
        completed_at=queued + timedelta(seconds=2),
        result=result,
        traceparent=f"00-{'1' * 32}-{'2' * 16}-01",
    )


def _analysis() -> dict[str, Any]:
    document = analysis()
    (device,) = document["devices"]
    device |= {"device_id": DEVICE, "trips": device["trips"] * _TRIPS, "gaps": device["gaps"] * _GAPS}
    return document | {"devices": [device | {"trip_count": _TRIPS, "gap_count": _GAPS}]}
