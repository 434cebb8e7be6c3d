"""Every operation that callers have: what it takes, and each of its answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel

from shared.http import health_paths, schemas
from shared.jobs.csv_keys import FILENAME
from shared.models import DEVICE_ID, JOB_ID, Submission

Schema = Mapping[str, Any]
JOB = "/api/distance/jobs/{job_id}"
KEY = r"^[\x21-\x7e]{1,255}$"


@dataclass(frozen=True)
class Parameter:
    """A parameter of the path, the query, or a header."""

    name: str
    where: str
    schema: Schema
    words: str


@dataclass(frozen=True)
class ResponseSpec:
    """One answer: its body (None for none) and the headers beside X-Trace-Id."""

    words: str
    body: type[BaseModel] | None = schemas.ErrorResponse
    headers: tuple[str, ...] = ()
    media_type: str = "application/json"


@dataclass(frozen=True)
class Operation:
    """One method of one path; `service` is who answers it, to some callers only where it is `guarded`."""

    method: str
    path: str
    name: str
    service: str
    summary: str
    words: str = ""
    given: tuple[Parameter, ...] = ()
    body: type[BaseModel] | None = None
    answers: Mapping[int, ResponseSpec] = field(default_factory=dict)
    guarded: bool = False


_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "string", "pattern": "^[0-9]+$"}
_DAY: Schema = {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "enum": [""]}]}  # "" is no filter
HEADERS: Mapping[str, tuple[Schema, str]] = {
    "X-Trace-Id": ({"type": "string", "pattern": "^[0-9a-f]{32}$"}, "The trace that the request belongs to"),
    "Location": (_TEXT, "Where to go on"),
    "Retry-After": (_NUMBER, "Seconds after which to ask again"),
    "WWW-Authenticate": (_TEXT, "What is asked for"),
    "RateLimit-Limit": (_NUMBER, "How many of these requests a minute the caller may send; where limits are on"),
    "RateLimit-Remaining": (_NUMBER, "How many of them are left"),
    "RateLimit-Reset": (_NUMBER, "Seconds until there are more"),
    "Cache-Control": (_TEXT, "no-store: the URL is a fresh one each time"),
}
_TRACE = (
    Parameter("traceparent", "header", _TEXT, "W3C trace context: the trace that the request goes on"),
    Parameter("X-Trace-Id", "header", _TEXT, "The trace, 32 hexadecimal digits, where there is no traceparent"),
)
_JOB_ID = Parameter("job_id", "path", {"type": "string", "pattern": JOB_ID}, "A job's id")
_FAULTS = {
    500: ResponseSpec("A bug; the log has it under the trace id"),
    503: ResponseSpec("A dependency is away, or too many requests come at once", headers=("Retry-After",)),
}
_COUNTED = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
_REFUSED = {
    401: ResponseSpec("A token or key is asked for, and none that is good came", headers=("WWW-Authenticate",)),
    403: ResponseSpec("The token lacks the scope that is asked for", headers=("WWW-Authenticate",)),
    429: ResponseSpec("The caller asks too often", headers=("Retry-After", *_COUNTED)),
}
_BAD = ResponseSpec("The request breaks a rule; `details` names field and value")
_UNKNOWN = ResponseSpec("There is no such thing")

_OF_JOBS = (
    Operation(
        "POST",
        "/api/distance/calculate",
        "submit",
        "distance-submit",
        "Start a job",
        "Answered once the job is durable and listed. With an Idempotency-Key, the same request again is the same job.",
        (
            Parameter("Idempotency-Key", "header", {"type": "string", "pattern": KEY}, "What makes a repetition one"),
            *_TRACE,
        ),
        Submission,
        {
            202: ResponseSpec("The job", schemas.Accepted, ("Location",)),
            400: _BAD,
            413: ResponseSpec("The body is over 64 KiB"),
            422: ResponseSpec("The Idempotency-Key was used with another body"),
            **_FAULTS,
        },
    ),
    Operation(
        "GET",
        "/api/distance/jobs",
        "list_jobs",
        "distance-list",
        "A page of jobs, newest first",
        "To walk through all of them, ask again with `offset` = `next_offset` until that is null.",
        (
            Parameter("status", "query", {"type": "string", "enum": ["", *schemas.STATES]}, "Only jobs in this state"),
            Parameter("date", "query", _DAY, "Only jobs of this day"),
            Parameter("device_id", "query", {"type": "string", "pattern": DEVICE_ID}, "Only jobs of this device"),
            Parameter("limit", "query", schemas.LIMIT, "How many at most"),
            Parameter("offset", "query", schemas.OFFSET, "How many to pass over"),
            Parameter("results", "query", {"type": "boolean", "default": True}, "Whether rows say what jobs came to"),
            *_TRACE,
        ),
        None,
        {200: ResponseSpec("The page", schemas.Page), 400: _BAD, **_FAULTS},
    ),
    Operation(
        "GET",
        "/api/distance/devices",
        "list_devices",
        "distance-list",
        "Which devices there are",
        "As a sweep saw them in the database, which it asks once an hour; about all rows, once a day.",
        _TRACE,
        None,
        {200: ResponseSpec("They", schemas.Devices), **_FAULTS},
    ),
    Operation(
        "GET",
        "/api/distance/stats",
        "count_states",
        "distance-list",
        "How many jobs are in each state",
        "JobStats when asked; deleted jobs are in none.",
        _TRACE,
        None,
        {200: ResponseSpec("That", schemas.Stats), **_FAULTS},
    ),
    Operation(
        "GET",
        JOB,
        "get_job",
        "distance-status",
        "One job",
        "While it is queued or processing, Retry-After says when to ask again. The CSV's URL is a fresh one each time.",
        (_JOB_ID, *_TRACE),
        None,
        {200: ResponseSpec("The job", schemas.Job, ("Retry-After",)), 404: _UNKNOWN, **_FAULTS},
    ),
    Operation(
        "DELETE",
        JOB,
        "delete_job",
        "distance-status",
        "Delete a job",
        "Its record, its CSVs and its place in the list go, whatever state it is in.",
        (_JOB_ID, *_TRACE),
        None,
        {204: ResponseSpec("It has gone", None), 404: _UNKNOWN, **_FAULTS},
    ),
    Operation(
        "GET",
        "/api/distance/download/{filename}",
        "download",
        "distance-status",
        "To a job's CSV",
        "By the file name in `csv_path`, or, without a job's id in it, that of the newest completed job.",
        (
            Parameter(
                "filename", "path", {"type": "string", "pattern": FILENAME}, "distance_YYYYMMDD[_device][_job].csv"
            ),
            *_TRACE,
        ),
        None,
        {
            302: ResponseSpec("To a presigned URL", None, ("Location", "Cache-Control")),
            400: _BAD,
            404: _UNKNOWN,
            **_FAULTS,
        },
    ),
)
_AWAY = ResponseSpec("Something that requests need is away", schemas.Ready)
_HIDDEN = ResponseSpec("Not to be seen here (HEALTH_DETAILS)")
_HEALTH: tuple[tuple[tuple[str, ...], str, str, Mapping[int, ResponseSpec]], ...] = (
    (health_paths.LIVE, "live", "Whether it lives", {200: ResponseSpec("It does", schemas.Live)}),
    (health_paths.STARTUP, "started", "Whether it has started", {200: ResponseSpec("It has", schemas.Live)}),
    (
        health_paths.READY,
        "ready",
        "Whether requests would succeed",
        {200: ResponseSpec("They would", schemas.Ready), 503: _AWAY},
    ),
    (
        health_paths.HEALTH,
        "health",
        "Each check",
        {
            200: ResponseSpec("All that is critical is well", schemas.Health),
            404: _HIDDEN,
            503: ResponseSpec("Something critical is not", schemas.Health),
        },
    ),
    (
        health_paths.STATUS,
        "status",
        "What it is, and how it fares",
        {200: ResponseSpec("That", schemas.ServiceStatus), 404: _HIDDEN},
    ),
    (
        health_paths.JOB_COUNTS,
        "count_jobs",
        "Jobs by state",
        {200: ResponseSpec("How many", schemas.TimedJobCounts), 404: _HIDDEN, **_FAULTS},
    ),
    (
        health_paths.PROMETHEUS,
        "scrape",
        "Metrics as Prometheus reads them",
        {
            200: ResponseSpec("Text", None, media_type="text/plain"),
            404: ResponseSpec("Not asked for by OTEL_METRICS_EXPORTER"),
        },
    ),
)


def _guarded(operation: Operation) -> Operation:
    """The same with what the door before it may answer (shared/auth/)."""
    counted = {
        status: replace(one, headers=(*one.headers, *_COUNTED)) if status < 400 else one
        for status, one in operation.answers.items()
    }
    return replace(operation, answers=dict(sorted((counted | _REFUSED).items())), guarded=True)


def every() -> list[Operation]:
    """All of them; what goes by several paths has an operation for each."""
    found = [_guarded(operation) for operation in _OF_JOBS]
    for paths, name, summary, answered in _HEALTH:
        service = "distance-list" if paths is health_paths.JOB_COUNTS else "every service"
        for number, path in enumerate(paths):
            numbered = f"{name}_{number + 1}" if number else name
            found.append(Operation("GET", path, numbered, service, summary, answers=answered))
    return found
