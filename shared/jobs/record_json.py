"""The JSON of records and tombstones, which are the objects `jobs/<job_id>.json`."""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from shared import stored_json
from shared.analysis_parameters import BOUNDS, parse_parameter
from shared.models import (
    AnalysisParameters,
    Home,
    Record,
    Result,
    Status,
    Tombstone,
    parse_day,
    parse_device_id,
    parse_job_id,
    parse_time_zone,
)
from shared.stored_json import Decoders, array, instant, integer, number, optional, text, version

_SHA256 = re.compile("[0-9a-f]{64}")


def encode(job: Record | Tombstone) -> bytes:
    """Encode a job with a random token. Fields that are None are omitted."""
    return stored_json.encode_unique(job)


def decode(body: bytes) -> Record | Tombstone:
    """Decode a job. Raises ValueError."""
    job = stored_json.decode(body)
    if isinstance(job, dict) and job.get("status") == Status.DELETED:
        return stored_json.build(Tombstone, _TOMBSTONE, job)
    return stored_json.build(Record, _RECORD, job)


def _home(value: object) -> Home:
    if not isinstance(value, dict) or value.keys() != {"latitude", "longitude"}:
        raise ValueError("expected latitude and longitude")
    home = Home(latitude=number(value["latitude"]), longitude=number(value["longitude"]))
    if abs(home.latitude) > 90 or abs(home.longitude) > 180:
        raise ValueError("coordinates out of range")
    return home


def _distance(value: object) -> float:
    km = number(value)
    if km < 0:
        raise ValueError("expected a distance")
    return km


def _parameters(value: object) -> AnalysisParameters:
    if not isinstance(value, dict) or not value.keys() >= _PARAMETERS.keys():
        raise ValueError("expected the parameters of the analysis")
    return stored_json.build(AnalysisParameters, _PARAMETERS, value)


def _analysis(value: object) -> Mapping[str, Any]:
    """Decode the document of an analysis. Of its fields only the method and the devices are checked."""
    if not isinstance(value, dict) or not isinstance(value.get("devices"), list):
        raise ValueError("expected an analysis")  # noqa: TRY004 - decoders raise ValueError
    integer(value.get("method"))
    if not all(isinstance(device, dict) for device in value["devices"]):
        raise ValueError("expected objects of devices")
    return value


def _sha256(value: object) -> str:
    digest = text(value)
    if not _SHA256.fullmatch(digest):
        raise ValueError("expected a SHA-256")
    return digest


def _status(value: object) -> Status:
    return Status(text(value))


def _result(value: object) -> Result:
    return stored_json.build(Result, _RESULT, value)


_PARAMETERS: Decoders = {name: partial(parse_parameter, name) for name in BOUNDS}
_RESULT: Decoders = {
    "total_distance_km": number,
    "total_locations": integer,
    "max_distance_km": number,
    "min_distance_km": number,
    "avg_distance_km": number,
    "path_length_km": number,
    "away_minutes": number,
    "rejected_locations": integer,
    "csv_path": text,
    "csv_size_bytes": integer,
    "csv_sha256": optional(_sha256),
    "processing_time_ms": integer,
    "worker_version": optional(text),
    "analysis": optional(_analysis),
}
_RECORD: Decoders = {
    "date": parse_day,
    "device_id": parse_device_id,
    "timezone": parse_time_zone,
    "home": _home,
    "away_threshold_km": _distance,
    "analysis": _parameters,
    "version": version,
    "job_id": parse_job_id,
    "status": _status,
    "queued_at": instant,
    "started_at": optional(instant),
    "completed_at": optional(instant),
    "attempt": integer,
    "previous_attempts": integer,
    "owner": optional(text),
    "lease_expires_at": optional(instant),
    "expired_leases": integer,
    "released_attempts": integer,
    "released_at": optional(instant),
    "cause": optional(text),
    "redispatch_count": integer,
    "redispatched_at": optional(instant),
    "result": optional(_result),
    "error_code": optional(text),
    "error_message": optional(text),
    "traceparent": text,
    "attempt_traceparent": optional(text),
    "explicit_fields": array(text),
}
_TOMBSTONE: Decoders = {
    "version": version,
    "job_id": parse_job_id,
    "status": _status,
    "queued_at": instant,
    "deleted_at": instant,
    "attempt": integer,
}
