"""The models of the domain: submissions, tasks, statistics and job records, with their validation.

`defer_build`: pydantic builds the validator of a model at its first use, so a function starts without the others.
"""

import re
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from shared.days import time_zones
from shared.errors import InvalidRequest

M = TypeVar("M", bound=BaseModel)


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


def _calendar_day(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return date.fromisoformat(value)
    if type(value) is date:
        return value
    raise ValueError("expected a calendar day")


# Anchored, because JSON schemas search for a pattern.
DEVICE_ID = r"^(?!.*\.\.)[A-Za-z0-9._-]{0,100}$"
JOB_ID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


def _device_id(value: str) -> str:
    if not re.fullmatch(DEVICE_ID.strip("^$"), value):
        raise ValueError("expected a device ID")
    return value


def _time_zone(value: str) -> str:
    if value not in time_zones():
        raise ValueError("expected an IANA time zone")
    return value


def _job_id(value: str) -> str:
    if not re.fullmatch(JOB_ID.strip("^$"), value):
        raise ValueError("expected a UUID")
    return value.lower()


Day = Annotated[date, BeforeValidator(_calendar_day)]
DeviceId = Annotated[str, AfterValidator(_device_id), WithJsonSchema({"type": "string", "pattern": DEVICE_ID})]
TimeZoneName = Annotated[str, AfterValidator(_time_zone)]
JobId = Annotated[str, AfterValidator(_job_id), WithJsonSchema({"type": "string", "pattern": JOB_ID})]
Instant = Annotated[datetime, PlainSerializer(rfc3339, when_used="json")]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
ThresholdKm = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Home(BaseModel):
    """The reference location, in WGS84 degrees."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", defer_build=True)
    latitude: Latitude
    longitude: Longitude


def _allow_null(schema: dict[str, Any]) -> None:
    """Allow null, which means absent, as in the other optional fields."""
    string = {name: schema.pop(name) for name in ("type", "pattern")}
    schema["anyOf"] = [string, {"type": "null"}]


class Submission(BaseModel):
    """The body of a submission. The settings provide the values of absent fields."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", defer_build=True)
    date: Day = Field(description="Calendar day in the job's time zone; not in the future")
    device_id: DeviceId = Field(default="", description='"" selects all devices', json_schema_extra=_allow_null)
    timezone: TimeZoneName | None = Field(default=None, description="IANA time zone; default DAY_TIMEZONE")
    home: Home | None = Field(default=None, description="Default HOME_LATITUDE and HOME_LONGITUDE")
    away_threshold_km: ThresholdKm | None = Field(default=None, description="Default AWAY_THRESHOLD_KM")

    @model_validator(mode="before")
    @classmethod
    def _remove_nulls(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value is not None or key not in cls.model_fields}


class Task(BaseModel):
    """A submission with all defaults resolved. Submissions with equal tasks are equal."""

    model_config = ConfigDict(frozen=True, defer_build=True)
    date: Day
    device_id: DeviceId
    timezone: TimeZoneName
    home: Home
    away_threshold_km: ThresholdKm


class DayStatistics(BaseModel):
    """The statistics of a day: kilometres, minutes and counts (docs/concepts/numbers.md)."""

    model_config = ConfigDict(frozen=True, defer_build=True)
    total_distance_km: float = Field(description="Sum of the distances from home over all fixes, in kilometres")
    total_locations: int = Field(description="Number of usable fixes")
    max_distance_km: float = Field(description="Maximum distance from home, in kilometres")
    min_distance_km: float = Field(description="Minimum distance from home, in kilometres")
    avg_distance_km: float = Field(description="Average distance from home over all fixes, in kilometres")
    path_length_km: float = Field(description="Path length, for each device separately, in kilometres")
    away_minutes: float = Field(description="Time away from home, for each device separately, in minutes")
    rejected_locations: int = Field(description="Number of fixes without a valid position")


class Result(DayStatistics):
    """The result of a completed job: its statistics and its CSV."""

    csv_path: str = Field(description="Key of the CSV in its bucket")
    csv_size_bytes: int = Field(description="Size of the CSV in bytes")
    csv_sha256: Sha256 | None = None  # hex, of the whole CSV; None in records older than this field
    processing_time_ms: int = Field(description="Duration of the calculation, in milliseconds")
    worker_version: str | None = Field(
        default=None, description="Release of otel-worker that calculated the job; null for early records"
    )


class Record(Task):
    """A stored job. The record is the source of truth; markers and index derive from it."""

    version: Literal[1] = 1
    job_id: JobId
    status: Status = Status.QUEUED
    queued_at: Instant
    started_at: Instant | None = None
    completed_at: Instant | None = None
    attempt: int = 0
    previous_attempts: int = 0  # attempts of deleted jobs with the same ID
    owner: str | None = None
    lease_expires_at: Instant | None = None
    expired_leases: int = 0  # attempts whose lease expired: they crashed or stalled
    released_attempts: int = 0  # attempts that released their lease; `cause` is the latest reason
    released_at: Instant | None = None
    cause: str | None = None
    redispatch_count: int = 0  # times the sweep republished the request since the latest attempt
    redispatched_at: Instant | None = None
    result: Result | None = None
    error_code: str | None = None
    error_message: str | None = None
    traceparent: str  # of the submission
    attempt_traceparent: str | None = None  # of the latest attempt
    explicit_fields: tuple[str, ...] = ()  # optional fields that the submission contained

    @property
    def trace_id(self) -> str:
        """The trace ID of the submission, which all spans of the job share."""
        return self.traceparent.split("-")[1]

    def copy_with(self, **changes: Any) -> Self:
        """Return a copy with `changes`. Store it only by compare-and-swap."""
        return self.model_copy(update=changes)


class Tombstone(BaseModel):
    """The record of a deleted job. It prevents work in progress from recreating the job."""

    model_config = ConfigDict(frozen=True, defer_build=True)
    version: Literal[1] = 1
    job_id: JobId
    status: Literal[Status.DELETED] = Status.DELETED
    queued_at: Instant
    deleted_at: Instant
    attempt: int  # a new job with the same ID continues the count, so CSV keys stay unique


_MESSAGES = {
    "date": "Invalid date format. Expected YYYY-MM-DD",
    "device_id": "device_id must be 1 to 100 characters of A-Z a-z 0-9 . _ - without '..'",
    "timezone": "Unknown time zone. Expected an IANA name",
    "home": "home must be an object with latitude (-90 to 90) and longitude (-180 to 180)",
    "away_threshold_km": "away_threshold_km must be a finite number of 0 or more",
    "job_id": "job_id must be a UUID",
}


def parse(model: type[M], data: object) -> M:
    """Validate decoded JSON. Raises InvalidRequest with a message of the API's contract."""
    if not isinstance(data, dict):
        raise InvalidRequest("Request body must be a JSON object")
    try:
        return model.model_validate(data)
    except ValidationError as exc:
        raise _invalid(exc, data) from None


def _invalid(exc: ValidationError, data: dict[str, object]) -> InvalidRequest:
    errors = exc.errors(include_url=False, include_context=False)
    # Report a missing field first, an unknown field last.
    errors.sort(key=lambda error: {"missing": 0, "extra_forbidden": 2}.get(error["type"], 1))
    path = [str(part) for part in errors[0]["loc"]]
    field, error_type = ".".join(path), errors[0]["type"]
    if path[0] == "home":
        return InvalidRequest(_MESSAGES["home"], field if field in ("home.latitude", "home.longitude") else "home")
    if error_type == "missing":
        return InvalidRequest(f"Missing required field: {field}", field)
    if error_type == "extra_forbidden":
        return InvalidRequest("Unknown field", field)  # its value may be a coordinate
    return InvalidRequest(_MESSAGES[field], field, data[field])
