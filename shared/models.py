"""The words that the functions, the events and the records share, and what each may hold."""

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
    """The states of a job; a job only ever moves to one of a higher rank. Nobody is shown a deleted one."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    DELETED = "deleted"

    @property
    def rank(self) -> int:
        return _RANKS[self]

    @property
    def finished(self) -> bool:
        return self.rank >= 2


_RANKS = dict(zip(Status, (0, 1, 2, 2, 3), strict=True))
SHOWN = tuple(status for status in Status if status is not Status.DELETED)


def rfc3339(instant: datetime) -> str:
    """`instant` in UTC with milliseconds and Z, the one format of every time that callers see."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _calendar_day(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return date.fromisoformat(value)
    if type(value) is date:
        return value
    raise ValueError("not a calendar day")


DEVICE_ID = r"^(?!.*\.\.)[A-Za-z0-9._-]{0,100}$"  # and the schema's, as the next one
JOB_ID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


def _device_id(value: str) -> str:
    if not re.fullmatch(DEVICE_ID.strip("^$"), value):
        raise ValueError("not a device id")
    return value


def _time_zone(value: str) -> str:
    if value not in time_zones():
        raise ValueError("not an IANA name")
    return value


def _job_id(value: str) -> str:
    if not re.fullmatch(JOB_ID.strip("^$"), value):
        raise ValueError("not a UUID")
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
    """The reference place, WGS84 degrees."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")
    latitude: Latitude
    longitude: Longitude


def _or_null(schema: dict[str, Any]) -> None:
    """As the others that may be left out: null is absent."""
    kind = {name: schema.pop(name) for name in ("type", "pattern")}
    schema["anyOf"] = [kind, {"type": "null"}]


class Submission(BaseModel):
    """What a caller asks for; None is what the deployment's settings say."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")
    date: Day = Field(description="A day that has begun in the job's time zone")
    device_id: DeviceId = Field(default="", description='"" is every device', json_schema_extra=_or_null)
    timezone: TimeZoneName | None = Field(default=None, description="IANA name; DAY_TIMEZONE where it is left out")
    home: Home | None = Field(default=None, description="HOME_LATITUDE and HOME_LONGITUDE where it is left out")
    away_threshold_km: ThresholdKm | None = Field(default=None, description="AWAY_THRESHOLD_KM where it is left out")

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value is not None or key not in cls.model_fields}


class HomeOfEvent(Home):
    """Home as an event gives it: fields of later versions are ignored."""

    model_config = ConfigDict(extra="ignore")


class RequestedData(Submission):
    """The data of a request event: a submission, usually with its job; fields of later versions are ignored."""

    model_config = ConfigDict(extra="ignore")
    job_id: JobId | None = None
    home: HomeOfEvent | None = None


class Task(BaseModel):
    """What is to be calculated, nothing left open: the same task means the same job."""

    model_config = ConfigDict(frozen=True)
    date: Day
    device_id: DeviceId
    timezone: TimeZoneName
    home: Home
    away_threshold_km: ThresholdKm


class DayStatistics(BaseModel):
    """The numbers of the day: kilometres, minutes, counts (docs/numbers.md)."""

    model_config = ConfigDict(frozen=True)
    total_distance_km: float
    total_locations: int
    max_distance_km: float
    min_distance_km: float
    avg_distance_km: float
    path_length_km: float
    away_minutes: float
    rejected_locations: int


class Result(DayStatistics):
    """What a completed job holds: its numbers, and the CSV that its commit named."""

    csv_path: str
    csv_size_bytes: int
    csv_sha256: Sha256 | None = None  # of the whole CSV; records written before this field have none
    processing_time_ms: int
    worker_version: str | None = None  # of the otel-worker that calculated it; early records have none


class CompletedData(Result):
    """The data of a completed event."""

    job_id: JobId
    date: Day
    device_id: DeviceId


class FailedData(BaseModel):
    """The data of a failed event."""

    model_config = ConfigDict(frozen=True)
    job_id: JobId
    date: Day
    device_id: DeviceId
    error_code: str
    error_message: str


class Record(Task):
    """A job, as it is stored: the only truth about it."""

    version: Literal[1] = 1
    job_id: JobId
    status: Status = Status.QUEUED
    queued_at: Instant
    started_at: Instant | None = None
    completed_at: Instant | None = None
    attempt: int = 0
    previous_attempts: int = 0  # attempts of deleted jobs of the same id: what they left is nobody's
    owner: str | None = None
    lease_expires_at: Instant | None = None
    expired_leases: int = 0  # attempts whose lease ended: they died, or stood still
    released_attempts: int = 0  # attempts that gave their lease back; `cause` is the latest one's reason
    released_at: Instant | None = None
    cause: str | None = None
    redispatch_count: int = 0  # how often the sweep has published the request since the latest attempt
    redispatched_at: Instant | None = None
    result: Result | None = None
    error_code: str | None = None
    error_message: str | None = None
    traceparent: str  # the submission's: the trace of the job
    attempt_traceparent: str | None = None  # the latest attempt's
    explicit_fields: tuple[str, ...] = ()  # which of the optional settings the caller spelt out

    @property
    def trace_id(self) -> str:
        """The trace that leads through the whole life of the job."""
        return self.traceparent.split("-")[1]

    def moved(self, **changes: Any) -> Self:
        """A copy with `changes`; the caller stores it by compare-and-swap or not at all."""
        return self.model_copy(update=changes)


class Tombstone(BaseModel):
    """What is left of a deleted job, so that nothing that is still under way brings it back."""

    model_config = ConfigDict(frozen=True)
    version: Literal[1] = 1
    job_id: JobId
    status: Literal[Status.DELETED] = Status.DELETED
    queued_at: Instant
    deleted_at: Instant
    attempt: int  # a job of the same id goes on counting: no two attempts ever share a CSV's key


_MESSAGES = {
    "date": "Invalid date format. Expected YYYY-MM-DD",
    "device_id": "device_id must be 1 to 100 characters of A-Z a-z 0-9 . _ - without '..'",
    "timezone": "Unknown time zone. Expected an IANA name",
    "home": "home must be an object with latitude (-90 to 90) and longitude (-180 to 180)",
    "away_threshold_km": "away_threshold_km must be a finite number of 0 or more",
    "job_id": "job_id must be a UUID",
}


def parse(model: type[M], data: object) -> M:
    """`data` (decoded JSON) as `model`, or InvalidRequest in the words of the contract."""
    if not isinstance(data, dict):
        raise InvalidRequest("Request body must be a JSON object")
    try:
        return model.model_validate(data)
    except ValidationError as exc:
        raise _invalid(exc, data) from None


def _invalid(exc: ValidationError, data: dict[str, object]) -> InvalidRequest:
    errors = exc.errors(include_url=False, include_context=False)
    # A missing date is told before anything else, an unknown field last.
    errors.sort(key=lambda error: {"missing": 0, "extra_forbidden": 2}.get(error["type"], 1))
    path = [str(part) for part in errors[0]["loc"]]
    field, kind = ".".join(path), errors[0]["type"]
    if path[0] == "home":
        return InvalidRequest(_MESSAGES["home"], field if field in ("home.latitude", "home.longitude") else "home")
    if kind == "missing":
        return InvalidRequest(f"Missing required field: {field}", field)
    if kind == "extra_forbidden":
        return InvalidRequest("Unknown field", field)  # its value may be a coordinate
    return InvalidRequest(_MESSAGES[field], field, data[field])
