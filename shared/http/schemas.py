"""What callers are answered: the bodies of the HTTP API, from which its OpenAPI document is made (shared/openapi/)."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from shared.models import SHOWN, Day, DeviceId, Instant, JobId, Result, Sha256, Status

TraceId = Annotated[str, Field(pattern="^[0-9a-f]{32}$", description="The trace that the request belongs to")]
ShownStatus = Literal[Status.QUEUED, Status.PROCESSING, Status.COMPLETED, Status.FAILED]
STATES = tuple(str(status) for status in SHOWN)
DEFAULT_LIMIT, LARGEST_LIMIT = 50, 500
LIMIT = {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT, "default": DEFAULT_LIMIT}
OFFSET = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1, "default": 0}


def _absent_is_not_null(schema: dict[str, Any]) -> None:
    """What may be left out is left out: its schema has no null. Later versions may say more: a caller is to bear it."""
    schema.pop("additionalProperties", None)
    for name, one in schema["properties"].items():
        if name in schema.get("required", ()):
            continue
        one.pop("default", None)
        known = [kind for kind in one.pop("anyOf", ()) if kind != {"type": "null"}]
        one.update({"anyOf": known} if len(known) > 1 else dict(*known))


class Answer(BaseModel):
    """A body; a field that was not given is left out of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=_absent_is_not_null)

    def body(self) -> dict[str, Any]:
        """As JSON."""
        return self.model_dump(mode="json", exclude_unset=True)


class Accepted(Answer):
    """A job that is durable."""

    job_id: JobId
    status: ShownStatus
    queued_at: Instant
    status_url: str = Field(description="Path of the job's status")
    trace_id: TraceId


class ResultListed(Answer, Result):
    """The numbers of a completed job (km, minutes, counts); the presigned URL of its CSV is in its status."""

    csv_sha256: Sha256 | None = Field(description="Hex SHA-256 of the whole CSV; null for jobs older than this field")
    csv_download_path: str = Field(description="Path that redirects to the CSV; 404 once the CSV has gone")
    worker_version: str | None = Field(description="Null for jobs older than this field")


class ResultShown(ResultListed):
    """The numbers of a completed job (km, minutes, counts) and the way to its CSV."""

    csv_download_url: str | None = Field(description="Presigned, needs no credentials; null once the CSV has gone")
    csv_download_expires_at: Instant | None
    date: Day
    device_id: DeviceId


class Job(Answer):
    """A job in whatever state; `result` when it is completed, `error_code` and `error_message` when it has failed."""

    job_id: JobId
    status: ShownStatus
    date: Day
    device_id: DeviceId
    queued_at: Instant
    started_at: Instant | None = None
    completed_at: Instant | None = None
    result: ResultShown | None = None
    # Any text: a function of an earlier version shows what a later one has written.
    error_code: str | None = Field(
        default=None, description="NO_DATA, UNDELIVERABLE, TOO_MANY_ATTEMPTS or UNSUPPORTED_COLUMN"
    )
    error_message: str | None = None
    job_trace_id: TraceId = Field(description="The trace of the job's submission")
    trace_id: TraceId


class JobSummary(Answer):
    """A job in the list; what it came to once it has ended, unless that was not asked for or can't be read."""

    job_id: JobId
    status: ShownStatus
    date: Day
    device_id: DeviceId
    queued_at: Instant
    completed_at: Instant | None = None
    result: ResultListed | None = None
    error_code: str | None = None
    error_message: str | None = None


class Page(Answer):
    """A page of jobs, newest first."""

    jobs: list[JobSummary]
    total_count: int = Field(ge=0, description="Every job that the filter admits")
    limit: int = Field(ge=1, le=LARGEST_LIMIT)
    offset: int = Field(ge=0)
    next_offset: int | None = Field(description="Where the next page begins; null on the last one")
    trace_id: TraceId


class Device(Answer):
    """A device that has fixes in the database."""

    device_id: DeviceId
    last_fix_at: Instant = Field(description="By the column that days are cut on (DAY_COLUMN)")


class Devices(Answer):
    """All of them, by their ids."""

    devices: list[Device]
    as_of: Instant | None = Field(description="When the database was asked; null before the first answer")
    trace_id: TraceId


class Stats(Answer):
    """How many jobs there are in each state."""

    queued: int
    processing: int
    completed: int
    failed: int
    total: int
    trace_id: TraceId


class Details(Answer):
    """Field and value that are wrong, where there is one; never a coordinate."""

    field: str | None = None
    value: JsonValue = Field(default=None, description="Shortened to 100 characters of its text; left out for headers")


class Error(Answer):
    """What went wrong."""

    code: Literal[
        "VALIDATION_ERROR",
        "UNAUTHORIZED",
        "FORBIDDEN",
        "NOT_FOUND",
        "METHOD_NOT_ALLOWED",
        "CONFLICT",
        "PAYLOAD_TOO_LARGE",
        "RATE_LIMITED",
        "INTERNAL_ERROR",
        "SERVICE_UNAVAILABLE",
    ]
    message: str
    details: Details


class ErrorResponse(Answer):
    """The one envelope of every error."""

    error: Error
    trace_id: TraceId


class Live(Answer):
    """A process that answers."""

    status: Literal["healthy", "started"]
    service: str


class Ready(Answer):
    """Whether requests would succeed: `status`, and the state of each dependency under its name."""

    model_config = ConfigDict(extra="allow")
    status: Literal["ready", "unavailable"]
    error: Error | None = None
    trace_id: TraceId | None = None


class Found(Answer):
    """What a check has found; `message` is one of a few fixed phrases."""

    status: Literal["healthy", "unhealthy"]
    message: str
    latency_ms: float


class Checked(Found):
    """The same, with the check's name and weight."""

    name: str
    critical: bool


class Health(Answer):
    """Each check of a service; `error` and `trace_id` while it is unhealthy."""

    status: Literal["healthy", "degraded", "unhealthy"]
    overall_status: Literal["healthy", "degraded", "unhealthy"]
    service: str
    timestamp: Instant
    system_uptime_seconds: float
    checks: dict[str, Checked]
    error: Error | None = None
    trace_id: TraceId | None = None


class JobCounts(Answer):
    """Jobs by state; null where there is none to tell it from."""

    jobs_total: int
    jobs_queued: int
    jobs_processing: int
    jobs_completed: int
    jobs_failed: int
    success_rate: float | None
    queue_size: int
    oldest_queued_age_seconds: float | None
    average_completion_seconds: float | None


class TimedJobCounts(JobCounts):
    """The same, and when."""

    timestamp: Instant


class ServiceStatus(Answer):
    """A service, and how it and the jobs fare."""

    service_name: str
    service_version: str
    environment: str
    status: Literal["healthy", "degraded", "unhealthy"]
    uptime: float
    timestamp: Instant
    dependencies: dict[str, Found]
    metrics: JobCounts | None = None
