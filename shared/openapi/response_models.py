"""Response bodies of the HTTP API, for the OpenAPI document.

The functions build the bodies as dictionaries, and start without these models. Tests compare the two.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue

from shared.http.page_limits import DEFAULT_LIMIT, MAX_LIMIT
from shared.models import PUBLIC_STATUSES, Status
from shared.openapi.analysis_models import Analysis, DeviceSummary
from shared.openapi.fields import (
    CsvSizeBytes,
    Day,
    DeviceId,
    Instant,
    JobId,
    ProcessingTimeMs,
    ResponseBody,
    ResultFields,
    Sha256,
    StatisticsFields,
)

TraceId = Annotated[str, Field(pattern="^[0-9a-f]{32}$", description="Trace ID of the request")]
PublicStatus = Literal[Status.QUEUED, Status.PROCESSING, Status.COMPLETED, Status.FAILED]
STATES = tuple(map(str, PUBLIC_STATUSES))
LIMIT = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
OFFSET = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1, "default": 0}


class AcceptedJob(ResponseBody):
    """A job that was accepted and is durable."""

    job_id: JobId
    status: PublicStatus
    queued_at: Instant
    status_url: str = Field(description="Path of the job")
    trace_id: TraceId


class ResultSummary(ResponseBody, ResultFields):
    """The statistics of a completed job (km, minutes, counts), without the presigned URL of its CSV."""

    csv_sha256: Sha256 | None = Field(description="Hex SHA-256 of the whole CSV; null for jobs older than this field")
    csv_download_path: str = Field(description="Path that redirects to the CSV; 404 once the CSV is deleted")
    worker_version: str | None = Field(description="Null for jobs older than this field")


class JobResult(ResultSummary):
    """The statistics of a completed job (km, minutes, counts), its analysis, and the URL of its CSV."""

    csv_download_url: str | None = Field(description="Presigned URL, valid without credentials; null once deleted")
    csv_download_expires_at: Instant | None
    date: Day
    device_id: DeviceId
    analysis: Analysis | None = Field(description="Null for jobs older than this field")


class Job(ResponseBody):
    """A job. A completed job has `result`, a failed job has `error_code` and `error_message`."""

    job_id: JobId
    status: PublicStatus
    date: Day
    device_id: DeviceId
    timezone: str = Field(description="IANA time zone of the day")
    queued_at: Instant
    started_at: Instant | None = None
    completed_at: Instant | None = None
    result: JobResult | None = None
    # Not an enum: a function of an earlier version returns codes that a later version has stored.
    error_code: str | None = Field(
        default=None, description="NO_DATA, UNDELIVERABLE, TOO_MANY_ATTEMPTS or UNSUPPORTED_COLUMN"
    )
    error_message: str | None = None
    job_trace_id: TraceId = Field(description="Trace ID of the request that submitted the job")
    trace_id: TraceId


class JobSummary(ResponseBody):
    """A job in a list. Result and error are omitted if `results` is false or the record cannot be read."""

    job_id: JobId
    status: PublicStatus
    date: Day
    device_id: DeviceId
    queued_at: Instant
    completed_at: Instant | None = None
    result: ResultSummary | None = None
    error_code: str | None = None
    error_message: str | None = None


class JobPage(ResponseBody):
    """A page of jobs, newest first."""

    jobs: list[JobSummary]
    total_count: int = Field(ge=0, description="Number of jobs that match the filter")
    limit: int = Field(ge=1, le=MAX_LIMIT)
    offset: int = Field(ge=0)
    next_offset: int | None = Field(description="Offset of the next page; null on the last page")
    trace_id: TraceId


class ResultNumbers(ResponseBody, StatisticsFields):
    """The numbers of a completed job (km, minutes, counts)."""

    csv_size_bytes: CsvSizeBytes
    processing_time_ms: ProcessingTimeMs


class DaySummary(ResponseBody):
    """A day with the numbers of its newest completed job. They are null if the record of the job is corrupt or lost."""

    date: Day
    job_id: JobId
    completed_at: Instant
    result: ResultNumbers | None = Field(
        description="Numbers of the job; null for a device whose newest job is one of all devices"
    )
    analysis: DeviceSummary | None = Field(
        description="Analysis of the device without trips and gaps; null without a device and for jobs older than the "
        "analysis"
    )


class DayList(ResponseBody):
    """The days of a range that have a completed job of the device, in order of days."""

    model_config = ConfigDict(serialize_by_alias=True)
    days: list[DaySummary]
    device_id: DeviceId
    from_date: Day = Field(alias="from", description="First day of the range")
    to_date: Day = Field(alias="to", description="Last day of the range")
    trace_id: TraceId


class Device(ResponseBody):
    """A device that has fixes in the database."""

    device_id: DeviceId
    last_fix_at: Instant = Field(description="Time of the latest fix in the column DAY_COLUMN")


class DeviceList(ResponseBody):
    """All devices, sorted by ID."""

    devices: list[Device]
    as_of: Instant | None = Field(description="Time of the database query; null before the first query")
    trace_id: TraceId


class StateCounts(ResponseBody):
    """The number of jobs in each state."""

    queued: int
    processing: int
    completed: int
    failed: int
    total: int
    trace_id: TraceId


class ErrorDetails(ResponseBody):
    """The invalid field and its value; never a coordinate."""

    field: str | None = None
    value: JsonValue = Field(default=None, description="Truncated to 100 characters; omitted for headers")


class ErrorObject(ResponseBody):
    """The error."""

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
    details: ErrorDetails


class ErrorResponse(ResponseBody):
    """The body of every error response."""

    error: ErrorObject
    trace_id: TraceId


class Liveness(ResponseBody):
    """The state of the process."""

    status: Literal["healthy", "started"]
    service: str


class Readiness(ResponseBody):
    """Whether the service can handle requests. Each dependency has a field with its name and state."""

    model_config = ConfigDict(extra="allow")
    status: Literal["ready", "unavailable"]
    error: ErrorObject | None = None
    trace_id: TraceId | None = None


class DependencyStatus(ResponseBody):
    """The result of a health check. `message` is one of a few fixed phrases."""

    status: Literal["healthy", "unhealthy"]
    message: str
    latency_ms: float


class CheckReport(DependencyStatus):
    """The result of a health check, with its name and whether it is critical."""

    name: str
    critical: bool


class HealthReport(ResponseBody):
    """The result of each health check. An unhealthy service adds `error` and `trace_id`."""

    status: Literal["healthy", "degraded", "unhealthy"]
    overall_status: Literal["healthy", "degraded", "unhealthy"]
    service: str
    timestamp: Instant
    system_uptime_seconds: float
    checks: dict[str, CheckReport]
    error: ErrorObject | None = None
    trace_id: TraceId | None = None


class JobCounts(ResponseBody):
    """Job counts and durations. A value is null if no job provides it."""

    jobs_total: int
    jobs_queued: int
    jobs_processing: int
    jobs_completed: int
    jobs_failed: int
    success_rate: float | None
    queue_size: int
    oldest_queued_age_seconds: float | None
    average_completion_seconds: float | None


class JobCountsReport(JobCounts):
    """Job counts and durations at a point in time."""

    timestamp: Instant


class ServiceStatus(ResponseBody):
    """Version, uptime and dependencies of a service, and its job counts."""

    service_name: str
    service_version: str
    environment: str
    status: Literal["healthy", "degraded", "unhealthy"]
    uptime: float
    timestamp: Instant
    dependencies: dict[str, DependencyStatus]
    metrics: JobCounts | None = None
