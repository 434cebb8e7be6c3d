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
        "analysis": analysis(),
    }
    return Result(**(fields | changes))


def analysis() -> dict[str, Any]:
    """Return the analysis of a day with one trip and one gap."""
    return {
        "method": 1,
        "parameters": {
            "home_radius_km": 0.3,
            "away_threshold_km": 0.5,
            "dwell_seconds": 180.0,
            "dwell_fixes": 2,
            "gap_seconds": 1800.0,
            "max_accuracy_m": 10000.0,
            "jump_speed_kmh": 300.0,
            "day_column": "timestamp",
        },
        "window_start": "2026-01-25T00:00:00.000Z",
        "window_end": "2026-01-26T00:00:00.000Z",
        "device_count": 1,
        "devices": [
            {
                "device_id": "iphone_stuart",
                "fixes": {"read": 1464, "usable": 1451, "rejected": {"inaccurate": 3, "duplicate": 8, "jump": 2}},
                "first_fix_at": "2026-01-25T00:00:31.000Z",
                "last_fix_at": "2026-01-25T23:59:12.000Z",
                "window_minutes": 1440.0,
                "home_minutes": 797.5,
                "away_minutes": 600.5,
                "unknown_minutes": 42.0,
                "inferred_minutes": 0.0,
                "coverage": 0.9708,
                "distance_from_home_km": {
                    "median": 0.01,
                    "p95": 5.5,
                    "time_median": 0.01,
                    "time_p95": 5.5,
                    "time_weighted_mean": 2.2,
                    "farthest": 5.566261,
                    "farthest_at": "2026-01-25T12:30:00.000Z",
                },
                "path_length_km": {"robust": 17.4, "raw": 18.7, "across_gaps": 0.4},
                "trip_count": 1,
                "trips": [
                    {
                        "departed_after": "2026-01-25T08:00:12.000Z",
                        "departed_at": "2026-01-25T08:01:10.000Z",
                        "returned_after": "2026-01-25T18:00:40.000Z",
                        "returned_at": "2026-01-25T18:01:40.000Z",
                        "minutes": 600.5,
                        "unknown_minutes": 0.0,
                        "farthest_km": 5.566261,
                        "farthest_at": "2026-01-25T12:30:00.000Z",
                        "path_length_km": 17.4,
                    }
                ],
                "gap_count": 1,
                "gaps": [
                    {
                        "from": "2026-01-25T20:10:00.000Z",
                        "to": "2026-01-25T20:52:00.000Z",
                        "minutes": 42.0,
                        "counted_as": "unknown",
                    }
                ],
            }
        ],
    }
