"""The domain: jobs and their states, tasks, statistics and results, and the rules for days, devices, zones and ids.

Instances are not validated. Untrusted input is: requests by shared/submissions.py, stored documents by their decoders.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, Literal, Self

from shared.days import time_zones


class Status(StrEnum):
    """The states of a job. Transitions only increase the rank. The API never returns DELETED."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    DELETED = "deleted"

    @property
    def rank(self) -> int:
        """The order of the state: 0 queued, 1 processing, 2 completed or failed, 3 deleted."""
        return _RANKS[self]

    @property
    def is_finished(self) -> bool:
        return self.rank >= 2


_RANKS = dict(zip(Status, (0, 1, 2, 2, 3), strict=True))
PUBLIC_STATUSES = tuple(status for status in Status if status is not Status.DELETED)


def rfc3339(instant: datetime) -> str:
    """Format `instant` in UTC with milliseconds and Z, the format of all times in the API."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# Anchored, because JSON schemas search for a pattern.
DEVICE_ID = r"^(?!.*\.\.)[A-Za-z0-9._-]{0,100}$"
JOB_ID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DEVICE_ID, _JOB_ID = re.compile(DEVICE_ID.strip("^$")), re.compile(JOB_ID.strip("^$"))
# The API's messages for invalid values, by field.
FIELD_ERRORS = {
    "date": "Invalid date format. Expected YYYY-MM-DD",
    "device_id": "device_id must be 1 to 100 characters of A-Z a-z 0-9 . _ - without '..'",
    "timezone": "Unknown time zone. Expected an IANA name",
    "home": "home must be an object with latitude (-90 to 90) and longitude (-180 to 180)",
    "away_threshold_km": "away_threshold_km must be a finite number of 0 or more",
    "analysis": "analysis must be an object with parameters of the analysis",
    "analysis.home_radius_km": "analysis.home_radius_km must be a finite number of 0 or more",
    "analysis.dwell_seconds": "analysis.dwell_seconds must be a number from 0 to 86400",
    "analysis.dwell_fixes": "analysis.dwell_fixes must be an integer from 1 to 1000",
    "analysis.gap_seconds": "analysis.gap_seconds must be a number from 1 to 86400",
    "analysis.max_accuracy_m": "analysis.max_accuracy_m must be a finite number greater than 0",
    "analysis.jump_speed_kmh": "analysis.jump_speed_kmh must be a finite number greater than 0",
    "job_id": "job_id must be a UUID",
}


def parse_day(value: object) -> date:
    """Return a calendar day, from YYYY-MM-DD or from a date. Raises ValueError."""
    if isinstance(value, str) and _DAY.fullmatch(value):
        return date.fromisoformat(value)
    if type(value) is date:
        return value
    raise ValueError("expected a calendar day")


def parse_device_id(value: object) -> str:
    """Return `value` if it is a device ID; "" selects all devices. Raises ValueError."""
    if not isinstance(value, str) or not _DEVICE_ID.fullmatch(value):
        raise ValueError("expected a device ID")
    return value


def parse_time_zone(value: object) -> str:
    """Return `value` if it is the IANA name of a time zone. Raises ValueError."""
    if not isinstance(value, str) or value not in time_zones():
        raise ValueError("expected an IANA time zone")
    return value


def parse_job_id(value: object) -> str:
    """Return a job ID in lower case. Raises ValueError."""
    if not isinstance(value, str) or not _JOB_ID.fullmatch(value):
        raise ValueError("expected a UUID")
    return value.lower()


@dataclass(frozen=True, kw_only=True)
class Home:
    """The reference location, in WGS84 degrees."""

    latitude: float
    longitude: float


@dataclass(frozen=True, kw_only=True)
class AnalysisParameters:
    """The parameters of the analysis of a day (docs/concepts/day-analysis.md)."""

    home_radius_km: float = 0.3
    dwell_seconds: float = 180
    dwell_fixes: int = 2
    gap_seconds: float = 1_800
    max_accuracy_m: float = 10_000
    jump_speed_kmh: float = 300


@dataclass(frozen=True, kw_only=True)
class Task:
    """A submission with all defaults resolved. Submissions with equal tasks are equal."""

    date: date
    device_id: str
    timezone: str
    home: Home
    away_threshold_km: float
    analysis: AnalysisParameters = AnalysisParameters()

    def values(self) -> dict[str, Any]:
        """Return the values of the task by field; a parameter of the analysis is a field `analysis.<name>`."""
        fields = {name: getattr(self, name) for name in Task.__dataclass_fields__ if name != "analysis"}
        return fields | {f"analysis.{name}": value for name, value in vars(self.analysis).items()}


@dataclass(frozen=True, kw_only=True)
class DayStatistics:
    """The statistics of a day: kilometres, minutes and counts (docs/concepts/numbers.md)."""

    total_distance_km: float  # sum of the distances from home over all fixes
    total_locations: int  # usable fixes
    max_distance_km: float
    min_distance_km: float
    avg_distance_km: float
    path_length_km: float  # for each device separately
    away_minutes: float  # for each device separately
    rejected_locations: int  # fixes without a valid position


@dataclass(frozen=True, kw_only=True)
class Result(DayStatistics):
    """The result of a completed job: its statistics and its CSV."""

    csv_path: str  # key in the bucket of CSVs
    csv_size_bytes: int
    csv_sha256: str | None = None  # hex, of the whole CSV; None in records older than this field
    processing_time_ms: int
    worker_version: str | None = None  # release that calculated the job; None in early records
    analysis: Mapping[str, Any] | None = None  # the JSON document that the API returns; None in early records

    def summary(self) -> dict[str, Any]:
        """Return the fields without the analysis, which is too large for lists and events."""
        return {name: value for name, value in vars(self).items() if name != "analysis"}


@dataclass(frozen=True, kw_only=True)
class Record(Task):
    """A stored job. The record is the source of truth; markers and index derive from it."""

    version: Literal[1] = 1
    job_id: str
    status: Status = Status.QUEUED
    queued_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    attempt: int = 0
    previous_attempts: int = 0  # attempts of deleted jobs with the same ID
    owner: str | None = None
    lease_expires_at: datetime | None = None
    expired_leases: int = 0  # attempts whose lease expired: they crashed or stalled
    released_attempts: int = 0  # attempts that released their lease; `cause` is the latest reason
    released_at: datetime | None = None
    cause: str | None = None
    redispatch_count: int = 0  # times the sweep republished the request since the latest attempt
    redispatched_at: datetime | None = None
    result: Result | None = None
    error_code: str | None = None
    error_message: str | None = None
    traceparent: str  # of the submission
    attempt_traceparent: str | None = None  # of the latest attempt
    explicit_fields: tuple[str, ...] = ()  # optional fields that the submission contained, as in Task.values()

    @property
    def trace_id(self) -> str:
        """The trace ID of the submission, which all spans of the job share."""
        return self.traceparent.split("-")[1]

    def copy_with(self, **changes: Any) -> Self:
        """Return a copy with `changes`. Store it only by compare-and-swap."""
        return replace(self, **changes)


@dataclass(frozen=True, kw_only=True)
class Tombstone:
    """The record of a deleted job. It prevents work in progress from recreating the job."""

    version: Literal[1] = 1
    job_id: str
    status: Literal[Status.DELETED] = Status.DELETED
    queued_at: datetime
    deleted_at: datetime
    attempt: int  # a new job with the same ID continues the count, so CSV keys stay unique
