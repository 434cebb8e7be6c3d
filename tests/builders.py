"""Builders of records and results."""

from typing import Any

from shared.models import Home, Record, Result, parse_day
from shared.version import VERSION
from tests.fakes import NOW

JOB_ID = "019bfa00-0000-7000-8000-000000000001"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


def record(**changes: Any) -> Record:
    """Return the record of a queued job. `date` may be a string."""
    fields: dict[str, Any] = {
        "job_id": JOB_ID,
        "date": "2026-01-25",
        "device_id": "iphone_stuart",
        "timezone": "UTC",
        "home": Home(latitude=40.736097, longitude=-74.039373),
        "away_threshold_km": 0.5,
        "queued_at": NOW,
        "traceparent": TRACEPARENT,
    }
    fields |= changes
    return Record(**(fields | {"date": parse_day(fields["date"])}))


def result(**changes: Any) -> Result:
    """Return the result of a completed job."""
    fields: dict[str, Any] = {
        "total_distance_km": 19.44,
        "total_locations": 1464,
        "max_distance_km": 0.31,
        "min_distance_km": 0.001,
        "avg_distance_km": 0.013,
        "path_length_km": 2.718,
        "away_minutes": 0.0,
        "rejected_locations": 0,
        "csv_path": f"csv/{JOB_ID}/1/distance_20260125_iphone_stuart_{JOB_ID}.csv",
        "csv_size_bytes": 123456,
        "csv_sha256": "31e5ffba38082e1245e4f58accaa693c4a91a0a9b706a163e87919367cddc5b3",
        "processing_time_ms": 600,
        "worker_version": VERSION,
    }
    return Result(**(fields | changes))
