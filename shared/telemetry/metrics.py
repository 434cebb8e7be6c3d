"""Every metric, with unit, buckets and the closed sets of labels that it may have (docs/observability.md has them).

A label never holds what there is no end of: no job, device, date or path. Without a provider nothing is recorded.
"""

import itertools
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from shared.event_types import EVENT_TYPES
from shared.models import PUBLIC_STATUSES

OTHER = "_OTHER"  # OpenTelemetry's own word for what is not in the set

Labels = Mapping[str, str | int]
Allowed = tuple[str, ...] | type[int]  # int: an HTTP status, of which there are few


class Instrument(Protocol):
    """OpenTelemetry's synchronous instruments, under one name for the verb."""

    def __call__(self, amount: float, attributes: Labels) -> None: ...


@dataclass(eq=False)
class Metric:
    """One instrument; `labels` names every label that it may carry, and each one's values."""

    name: str
    unit: str
    description: str
    labels: Mapping[str, Allowed] = field(default_factory=dict)
    instrument: Instrument | None = field(default=None, repr=False)

    def _record(self, amount: float, labels: Labels) -> None:
        if self.instrument is not None:
            self.instrument(amount, {name: self._known(name, value) for name, value in labels.items()})

    def _known(self, name: str, value: str | int) -> str | int:
        allowed = self.labels[name]
        if isinstance(allowed, tuple):
            return value if value in allowed else OTHER
        return int(value)


class Counter(Metric):
    """What only grows."""

    def combinations(self) -> Iterable[Labels]:
        """Every set of labels that it may have."""
        values = [allowed if isinstance(allowed, tuple) else () for allowed in self.labels.values()]
        return (dict(zip(self.labels, chosen, strict=True)) for chosen in itertools.product(*values))

    def add(self, amount: float = 1, labels: Labels | None = None) -> None:
        self._record(amount, labels or {})


class UpDown(Metric):
    """What grows and shrinks, told by its changes."""

    def add(self, amount: float, labels: Labels | None = None) -> None:
        self._record(amount, labels or {})


class Gauge(Metric):
    """What is as it was seen last."""

    def set(self, amount: float, labels: Labels | None = None) -> None:
        self._record(amount, labels or {})


@dataclass(eq=False)
class Observed(Metric):
    """What is looked up when somebody asks; None where it can't be."""

    read: Callable[[], float | None] = lambda: None


@dataclass(eq=False)
class Histogram(Metric):
    """How often what size came; `buckets` are upper bounds in the metric's unit."""

    buckets: tuple[float, ...] = ()

    def record(self, amount: float, labels: Labels | None = None) -> None:
        self._record(amount, labels or {})


def _resident() -> float | None:
    """Bytes, where the kernel tells (Linux)."""
    try:
        return float(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None


_REQUEST_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)  # semantic conventions
_CALL_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_JOB_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900)
_STAGE_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 300)
_KM = (0.1, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 5000)
_BYTES = (1e3, 1e4, 5e4, 1e5, 2.5e5, 5e5, 1e6, 1e7, 1e8, 1e9)
_MINUTES = (0, 15, 30, 60, 120, 240, 480, 720, 1440)
_ROWS = (0, 1, 10, 100, 500, 1000, 2500, 5000, 10_000, 100_000, 1_000_000)

STATES = tuple(map(str, PUBLIC_STATUSES))
ENDS = ("completed", "failed")
FAILURES = ("NO_DATA", "TOO_MANY_ATTEMPTS", "UNDELIVERABLE", "UNSUPPORTED_COLUMN")
STAGES = ("claim", "fetch", "compute", "csv", "upload", "commit")
ROUTES = (
    *("/api/distance/calculate", "/api/distance/jobs", "/api/distance/jobs/<job_id>", "/api/distance/stats"),
    *("/api/distance/devices", "/api/distance/download/<path:filename>", "/", "/dead-letter", "/sweep"),
    *("/openapi.json", "/asyncapi.json", "/docs"),
)
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
# What can be wrong with a dependency, as shared/storage/client.py, events.py and connection.py name it.
DATABASE_ERRORS = (
    *(
        "timeout",
        "silent",
        "slow",
        "unexpected-frame",
        "unknown-host",
        "08001",
        "08006",
        "28P01",
        "28000",
        "3D000",
        "53300",
        "57P03",
    ),
    *("57P01", "57014", "42501", "42P01", "42703", "55P03", "53200", "XX000"),
)
STORAGE_ERRORS = (
    *("AccessDenied", "NoSuchBucket", "InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed"),
    *("SlowDown", "SlowDownRead", "SlowDownWrite", "ServiceUnavailable", "InternalError", "RequestTimeout"),
    *("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError", "SSLError"),
    *("ProxyConnectionError", "NoSuchUpload", "500", "502", "503", "504"),
)
BROKER_ERRORS = (
    *(
        "busy",
        "timeout",
        "NewConnectionError",
        "ConnectTimeoutError",
        "ProtocolError",
        "SSLError",
        "NameResolutionError",
    ),
    *("status 400", "status 403", "status 404", "status 429", "status 500", "status 502", "status 503", "status 504"),
)
STORAGE_METHODS = tuple(
    f"S3/{operation}"
    for operation in (
        *("GetObject", "PutObject", "HeadObject", "DeleteObject", "DeleteObjects", "ListObjectsV2"),
        *("CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "AbortMultipartUpload"),
        *("ListMultipartUploads", "ListParts"),
    )
)
# Of an HTTP answer or of anything else that failed: the dependency, or what kind of fault it was.
FAULTS = ("database", "storage", "broker", "issuer", "worker", "overloaded", "unexpected")

HTTP_DURATION = Histogram(
    "http.server.request.duration",
    "s",
    "Time from a request to its answer; probes are left out",
    {"http.request.method": METHODS, "http.route": ROUTES, "http.response.status_code": int, "error.type": FAULTS},
    buckets=_REQUEST_S,
)

SUBMITTED = Counter(
    "distance.jobs.submitted", "{job}", "Submissions answered with 202", {"outcome": ("created", "repeated")}
)
TRANSITIONS = Counter(
    "distance.job.transitions",
    "{transition}",
    "Changes of state; none to queued is a creation, processing to processing a further attempt",
    {"from": ("none", *STATES), "to": STATES},
)
COMPLETED = Counter("distance.jobs.completed", "{job}", "Jobs that ended with numbers and a CSV")
FAILED = Counter("distance.jobs.failed", "{job}", "Jobs that ended without", {"error.type": FAILURES})
DELETED = Counter("distance.jobs.deleted", "{job}", "Jobs deleted on a caller's wish or by age")
JOB_DURATION = Histogram(
    "distance.job.duration",
    "s",
    "The calculation of the attempt that ended the job, from its claim to its end",
    {"status": ENDS},
    buckets=_JOB_S,
)
TURNAROUND = Histogram(
    "distance.job.turnaround",
    "s",
    "From the submission to the end: what a caller waits",
    {"status": ENDS},
    buckets=_JOB_S,
)
QUEUE_WAIT = Histogram("distance.job.queue_wait", "s", "From the submission to the first attempt", buckets=_JOB_S)
BACKLOG = Gauge(
    "distance.jobs.backlog",
    "{job}",
    "Jobs that have not ended, as the sweep saw them",
    {"status": ("queued", "processing")},
)
BACKLOG_AGE = Gauge(
    "distance.jobs.backlog.age",
    "s",
    "How long ago the oldest job of the backlog was submitted; 0 without one",
    {"status": ("queued", "processing")},
)
ASKED_AGAIN = Counter("distance.jobs.asked_again", "{job}", "Requests that the sweep published once more")
SWEEP_DURATION = Histogram("distance.sweep.duration", "s", "One sweep over the job records", buckets=_CALL_S)

CLAIMS = Counter(
    "distance.claims",
    "{claim}",
    "Attempts to take a job; lost is a lease that another attempt took over",
    {"outcome": ("won", "held", "finished", "deleted", "lost")},
)
RETRIES = Counter("distance.job.retries", "{attempt}", "Attempts after a job's first")
RETRIES_COMPLETED = Counter("distance.job.retries.completed", "{job}", "Jobs completed by an attempt after the first")
ACTIVE = UpDown("distance.calculations.active", "{calculation}", "Calculations in flight in this process")
STAGE_DURATION = Histogram(
    "distance.stage.duration",
    "s",
    "Time that one calculation spent in a stage; stages of long days run side by side",
    {"stage": STAGES, "outcome": ("ok", "error")},
    buckets=_STAGE_S,
)

FIXES_READ = Counter("distance.fixes.read", "{fix}", "Fixes of days that were read whole")
FIXES_ACCEPTED = Counter("distance.fixes.accepted", "{fix}", "Fixes that count")
FIXES_REJECTED = Counter(
    "distance.fixes.rejected",
    "{fix}",
    "Fixes without a place on Earth",
    {"reason": ("missing", "out_of_range")},
)
CSV_SIZE = Histogram("distance.csv.size", "By", "Size of a CSV", buckets=_BYTES)
TRAVELLED = Counter("distance.travelled", "km", "Lengths of the paths of completed jobs, added up")
PATH_LENGTH = Histogram("distance.job.path_length", "km", "Length of the path of a completed job", buckets=_KM)
MAX_DISTANCE = Histogram("distance.job.max_distance", "km", "Farthest fix from home of a completed job", buckets=_KM)
AWAY_TIME = Histogram("distance.job.away_time", "min", "Away time of a completed job", buckets=_MINUTES)

DATABASE_DURATION = Histogram(
    "db.client.operation.duration",
    "s",
    "One statement, or one connection's opening",
    {
        "db.system.name": ("postgresql",),
        "db.operation.name": ("CONNECT", "SET", "DESCRIBE", "COPY", "SELECT"),
        "error.type": DATABASE_ERRORS,
    },
    buckets=_CALL_S,
)
DATABASE_ROWS = Histogram(
    "db.client.response.returned_rows",
    "{row}",
    "Rows of a day's statement",
    {"db.system.name": ("postgresql",), "db.operation.name": ("COPY", "SELECT")},
    buckets=_ROWS,
)
STORAGE_DURATION = Histogram(
    "rpc.client.call.duration",
    "s",
    "One call of object storage, the client's own retries included",
    {"rpc.system.name": ("aws-api",), "rpc.method": STORAGE_METHODS, "error.type": STORAGE_ERRORS},
    buckets=_CALL_S,
)
PUBLISH_DURATION = Histogram(
    "messaging.client.operation.duration",
    "s",
    "Publishing one event, further tries included",
    {
        "messaging.operation.name": ("publish",),
        "cloudevents.event_type": tuple(EVENT_TYPES),
        "error.type": BROKER_ERRORS,
    },
    buckets=_CALL_S,
)
PUBLISH_FAILURES = Counter(
    "distance.publish.failures",
    "{event}",
    "Events that no broker has taken",
    {"cloudevents.event_type": tuple(EVENT_TYPES)},
)
DEAD_LETTERS = Counter(
    "distance.dead_letters",
    "{event}",
    "Events that the broker gave up: the job failed for it, goes on or has ended, or there is none",
    {"outcome": ("failed", "passed_over", "no_job", "not_taken")},
)
ERRORS = Counter("distance.errors", "{error}", "Faults of ours or of a dependency, by kind", {"error.type": FAULTS})

COLD_STARTS = Counter("faas.coldstarts", "{coldstart}", "Processes that answered their first request")
INIT_DURATION = Histogram(
    "faas.init_duration", "s", "From the start of a process to readiness for its first request", buckets=_CALL_S
)
MEMORY = Observed("process.memory.usage", "By", "Resident memory of this process", read=_resident)


def every() -> Iterable[Metric]:
    """All of them, in the order of this file."""
    return [value for value in globals().values() if isinstance(value, Metric)]
