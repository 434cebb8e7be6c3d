"""The operations of the HTTP API: parameters, request bodies and responses."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel

from shared.http import health_paths
from shared.http.page_limits import MAX_DAYS
from shared.jobs.csv_keys import FILENAME
from shared.models import DEVICE_ID, JOB_ID
from shared.openapi import response_models as models
from shared.openapi.request_models import Submission

Schema = Mapping[str, Any]
JOB = "/api/distance/jobs/{job_id}"
IDEMPOTENCY_KEY = r"^[\x21-\x7e]{1,255}$"


@dataclass(frozen=True)
class Parameter:
    """A parameter in the path, the query or a header (`location`)."""

    name: str
    location: str
    schema: Schema
    description: str
    required: bool = False  # a parameter in the path is always required


@dataclass(frozen=True)
class ResponseSpec:
    """A response: its body, None if it is empty, and its headers in addition to X-Trace-Id."""

    description: str
    body: type[BaseModel] | None = models.ErrorResponse
    headers: tuple[str, ...] = ()
    media_type: str = "application/json"


@dataclass(frozen=True)
class Operation:
    """A method of a path. `aliases` are further paths of the same operation; the document lists only `path`."""

    method: str
    path: str
    name: str
    service: str
    summary: str
    description: str = ""
    parameters: tuple[Parameter, ...] = ()
    body: type[BaseModel] | None = None
    responses: Mapping[int, ResponseSpec] = field(default_factory=dict)
    requires_auth: bool = False
    aliases: tuple[str, ...] = ()


_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "string", "pattern": "^[0-9]+$"}
_KEY: Schema = {"type": "string", "pattern": IDEMPOTENCY_KEY}
_DATE: Schema = {"type": "string", "format": "date"}
_DAY: Schema = {"anyOf": [_DATE, {"type": "string", "enum": [""]}]}  # "" is no filter
HEADERS: Mapping[str, tuple[Schema, str]] = {
    "X-Trace-Id": ({"type": "string", "pattern": "^[0-9a-f]{32}$"}, "Trace ID of the request"),
    "Location": (_TEXT, "URL of the job or the CSV"),
    "Retry-After": (_NUMBER, "Seconds to wait before the next request"),
    "WWW-Authenticate": (_TEXT, "Authentication scheme and realm"),
    "RateLimit-Limit": (_NUMBER, "Requests per minute; only where rate limits are enabled"),
    "RateLimit-Remaining": (_NUMBER, "Requests left in the current window"),
    "RateLimit-Reset": (_NUMBER, "Seconds until the window resets"),
    "Cache-Control": (_TEXT, "no-store, because the presigned URL expires"),
}
_TRACE = (
    Parameter("traceparent", "header", _TEXT, "W3C trace context that the request continues"),
    Parameter("X-Trace-Id", "header", _TEXT, "Trace ID, 32 hexadecimal digits; ignored if traceparent is present"),
)
_JOB_ID = Parameter("job_id", "path", {"type": "string", "pattern": JOB_ID}, "ID of the job")
_SERVER_ERRORS = {
    500: ResponseSpec("Internal error; the log contains it under the trace ID"),
    503: ResponseSpec("A dependency is unavailable, or there are too many requests", headers=("Retry-After",)),
}
_RATE_LIMIT_HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
_AUTH_ERRORS = {
    401: ResponseSpec("Missing or invalid credentials", headers=("WWW-Authenticate",)),
    403: ResponseSpec("The token lacks the required scope", headers=("WWW-Authenticate",)),
    429: ResponseSpec("Rate limit exceeded", headers=("Retry-After", *_RATE_LIMIT_HEADERS)),
}
_INVALID = ResponseSpec("Invalid request; `details` contains field and value")
_JOB_NOT_FOUND = ResponseSpec("Job not found")
_DELETION_STARTED = ResponseSpec("Attempts change the job at the same time; a sweep completes the deletion, or a retry")

_JOB_OPERATIONS = (
    Operation(
        "POST",
        "/api/distance/calculate",
        "submit",
        "distance-submit",
        "Start a distance calculation job",
        "Returns once the job is durable and listed. "
        "A repeated request with the same Idempotency-Key returns the same job.",
        (
            Parameter("Idempotency-Key", "header", _KEY, "Makes retries safe"),
            *_TRACE,
        ),
        Submission,
        {
            202: ResponseSpec("Job accepted", models.AcceptedJob, ("Location",)),
            400: _INVALID,
            409: ResponseSpec("The job of the Idempotency-Key is created and deleted at the same time; retry"),
            413: ResponseSpec("The request body exceeds 64 KiB"),
            422: ResponseSpec("The Idempotency-Key was used with another body"),
            **_SERVER_ERRORS,
        },
    ),
    Operation(
        "GET",
        "/api/distance/jobs",
        "list_jobs",
        "distance-list",
        "List jobs",
        "Returns jobs newest first. To read all pages, repeat the request with `offset` = `next_offset` until it is "
        "null.",
        (
            Parameter("status", "query", {"type": "string", "enum": ["", *models.STATES]}, "Only jobs in this state"),
            Parameter("date", "query", _DAY, "Only jobs of this day"),
            Parameter("device_id", "query", {"type": "string", "pattern": DEVICE_ID}, "Only jobs of this device"),
            Parameter("limit", "query", models.LIMIT, "Maximum number of jobs to return"),
            Parameter("offset", "query", models.OFFSET, "Number of jobs to skip"),
            Parameter("results", "query", {"type": "boolean", "default": True}, "Include results and errors"),
            *_TRACE,
        ),
        None,
        {200: ResponseSpec("A page of jobs", models.JobPage), 400: _INVALID, **_SERVER_ERRORS},
    ),
    Operation(
        "GET",
        "/api/distance/days",
        "list_days",
        "distance-list",
        "List days",
        "Returns the days of a range that have a completed job, each with the numbers of the newest one. It is a job "
        "of the device, or one of all devices whose analysis has the device.",
        (
            Parameter(
                "device_id",
                "query",
                {"type": "string", "pattern": DEVICE_ID},
                "Device of the jobs; without it, jobs of all devices",
            ),
            Parameter("from", "query", _DATE, "First day, required", required=True),
            Parameter("to", "query", _DATE, f"Last day, required; at most {MAX_DAYS} days in all", required=True),
            *_TRACE,
        ),
        None,
        {200: ResponseSpec("The days in order", models.DayList), 400: _INVALID, **_SERVER_ERRORS},
    ),
    Operation(
        "GET",
        "/api/distance/devices",
        "list_devices",
        "distance-list",
        "List devices",
        "The sweep updates the list once an hour from recent fixes, and once a day from all fixes.",
        _TRACE,
        None,
        {200: ResponseSpec("All devices", models.DeviceList), **_SERVER_ERRORS},
    ),
    Operation(
        "GET",
        "/api/distance/stats",
        "count_states",
        "distance-list",
        "Count jobs by state",
        "Counts the jobs at the time of the request, without deleted jobs.",
        _TRACE,
        None,
        {200: ResponseSpec("The number of jobs in each state", models.StateCounts), **_SERVER_ERRORS},
    ),
    Operation(
        "GET",
        JOB,
        "get_job",
        "distance-status",
        "Get a job",
        "While the job is queued or processing, Retry-After is the polling interval. Each response contains a new "
        "presigned URL of the CSV.",
        (_JOB_ID, *_TRACE),
        None,
        {200: ResponseSpec("The job", models.Job, ("Retry-After",)), 404: _JOB_NOT_FOUND, **_SERVER_ERRORS},
    ),
    Operation(
        "DELETE",
        JOB,
        "delete_job",
        "distance-status",
        "Delete a job",
        "Deletes the record of the job, its CSVs and its list entry, in any state.",
        (_JOB_ID, *_TRACE),
        None,
        {204: ResponseSpec("Job deleted", None), 404: _JOB_NOT_FOUND, 409: _DELETION_STARTED, **_SERVER_ERRORS},
    ),
    Operation(
        "GET",
        "/api/distance/download/{filename}",
        "download",
        "distance-status",
        "Download a job's CSV",
        "Takes the file name in `csv_path`. A file name without a job ID selects the newest completed job.",
        (
            Parameter(
                "filename", "path", {"type": "string", "pattern": FILENAME}, "distance_YYYYMMDD[_device][_job].csv"
            ),
            *_TRACE,
        ),
        None,
        {
            302: ResponseSpec("Redirect to a presigned URL", None, ("Location", "Cache-Control")),
            400: _INVALID,
            404: ResponseSpec("CSV not found"),
            **_SERVER_ERRORS,
        },
    ),
)
_HIDDEN = ResponseSpec("Disabled by HEALTH_DETAILS")
_HEALTH_OPERATIONS: tuple[tuple[tuple[str, ...], str, str, Mapping[int, ResponseSpec]], ...] = (
    (health_paths.LIVE, "live", "Liveness probe", {200: ResponseSpec("The process is alive", models.Liveness)}),
    (
        health_paths.STARTUP,
        "started",
        "Startup probe",
        {200: ResponseSpec("The process has started", models.Liveness)},
    ),
    (
        health_paths.READY,
        "ready",
        "Readiness probe",
        {
            200: ResponseSpec("The service is ready", models.Readiness),
            503: ResponseSpec("A critical dependency is unavailable", models.Readiness),
        },
    ),
    (
        health_paths.HEALTH,
        "health",
        "Get the health report",
        {
            200: ResponseSpec("The service is healthy or degraded", models.HealthReport),
            404: _HIDDEN,
            503: ResponseSpec("A critical check failed", models.HealthReport),
        },
    ),
    (
        health_paths.STATUS,
        "status",
        "Get the service status",
        {200: ResponseSpec("Version, uptime, dependencies and job counts", models.ServiceStatus), 404: _HIDDEN},
    ),
    (
        health_paths.JOB_COUNTS,
        "count_jobs",
        "Get job counts",
        {
            200: ResponseSpec("Job counts and durations", models.JobCountsReport),
            404: _HIDDEN,
            **_SERVER_ERRORS,
        },
    ),
    (
        health_paths.PROMETHEUS,
        "scrape",
        "Get metrics in the Prometheus text format",
        {
            200: ResponseSpec("Prometheus text format 0.0.4", None, media_type="text/plain"),
            404: ResponseSpec("Disabled by HEALTH_DETAILS, or OTEL_METRICS_EXPORTER does not contain prometheus"),
        },
    ),
)


def _with_auth(operation: Operation) -> Operation:
    """Add the responses and headers of authentication and rate limiting (shared/auth/)."""
    responses = {
        status: replace(response, headers=(*response.headers, *_RATE_LIMIT_HEADERS)) if status < 400 else response
        for status, response in operation.responses.items()
    }
    return replace(operation, responses=dict(sorted((responses | _AUTH_ERRORS).items())), requires_auth=True)


def _health_operation(
    paths: tuple[str, ...], name: str, summary: str, responses: Mapping[int, ResponseSpec]
) -> Operation:
    path, *aliases = paths
    description = f"Aliases: {', '.join(f'`{alias}`' for alias in aliases)}."
    service = "distance-list" if paths is health_paths.JOB_COUNTS else "every service"
    return Operation("GET", path, name, service, summary, description, responses=responses, aliases=tuple(aliases))


OPERATIONS = (*map(_with_auth, _JOB_OPERATIONS), *(_health_operation(*row) for row in _HEALTH_OPERATIONS))
