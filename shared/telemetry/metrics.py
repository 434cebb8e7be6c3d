"""The metrics: units, buckets, and closed sets of label values (docs/guides/observe.md).

Labels have bounded cardinality, so they never contain a job, device, date or path. Without a provider, nothing is
recorded.
"""

import itertools
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from shared.errors import JOB_ERRORS
from shared.event_types import EVENT_TYPES
from shared.models import PUBLIC_STATUSES
from shared.telemetry.error_causes import BROKER_ERRORS, DATABASE_ERRORS, STORAGE_ERRORS, STORAGE_METHODS

OTHER = "_OTHER"  # OpenTelemetry's value for anything outside the set

Labels = Mapping[str, str | int]
Allowed = tuple[str, ...] | type[int] | type[str]  # int: an HTTP status; str: the path template of a route


class Instrument(Protocol):
    """The recording method of a synchronous OpenTelemetry instrument."""

    def __call__(self, amount: float, attributes: Labels) -> None: ...


@dataclass(eq=False)
class Metric:
    """A metric. `labels` maps each label to its allowed values."""

    name: str
    unit: str
    description: str
    labels: Mapping[str, Allowed] = field(default_factory=dict)
    instrument: Instrument | None = field(default=None, repr=False)

    def _record(self, amount: float, labels: Labels) -> None:
        if self.instrument is not None:
            self.instrument(amount, {name: self._bounded(name, value) for name, value in labels.items()})

    def _bounded(self, name: str, value: str | int) -> str | int:
        allowed = self.labels[name]
        if isinstance(allowed, tuple):
            return value if value in allowed else OTHER
        return allowed(value)


class Counter(Metric):
    """A monotonic counter."""

    def combinations(self) -> Iterable[Labels]:
        """Return all combinations of label values."""
        values = [allowed if isinstance(allowed, tuple) else () for allowed in self.labels.values()]
        return (dict(zip(self.labels, chosen, strict=True)) for chosen in itertools.product(*values))

    def add(self, amount: float = 1, labels: Labels | None = None) -> None:
        self._record(amount, labels or {})


class UpDownCounter(Metric):
    """A counter that can decrease."""

    def add(self, amount: float, labels: Labels | None = None) -> None:
        self._record(amount, labels or {})


class Gauge(Metric):
    """The latest value of a measurement."""

    def set(self, amount: float, labels: Labels | None = None) -> None:
        self._record(amount, labels or {})


@dataclass(eq=False)
class ObservableGauge(Metric):
    """A value that is read at export. `read` returns None if it is unavailable."""

    read: Callable[[], float | None] = lambda: None


@dataclass(eq=False)
class Histogram(Metric):
    """A distribution. `buckets` are upper bounds in the unit of the metric."""

    buckets: tuple[float, ...] = ()

    def record(self, amount: float, labels: Labels | None = None) -> None:
        self._record(amount, labels or {})


def _resident_bytes() -> float | None:
    """Return the resident memory in bytes; None without procfs."""
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
_RATIO = (0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 1)
_TRIPS = (0, 1, 2, 3, 4, 6, 8, 12, 20, 50, 100)
_ROWS = (0, 1, 10, 100, 500, 1000, 2500, 5000, 10_000, 100_000, 1_000_000)

STATES = tuple(map(str, PUBLIC_STATUSES))
FINISHED_STATES = ("completed", "failed")
FAILURES = tuple(sorted(JOB_ERRORS))
STAGES = ("claim", "fetch", "compute", "analysis", "csv", "upload", "commit")
REJECTION_REASONS = (
    *("missing", "out_of_range", "null_island", "invalid_accuracy", "inaccurate", "outside_window"),
    *("duplicate", "out_of_order", "jump"),
)
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
# The dependency that failed, or the kind of error.
FAULTS = ("database", "storage", "broker", "issuer", "worker", "overloaded", "unexpected")

HTTP_DURATION = Histogram(
    "http.server.request.duration",
    "s",
    "Duration of requests, without health probes",
    {"http.request.method": METHODS, "http.route": str, "http.response.status_code": int, "error.type": FAULTS},
    buckets=_REQUEST_S,
)

SUBMITTED = Counter(
    "distance.jobs.submitted", "{job}", "Accepted submissions (202)", {"outcome": ("created", "repeated")}
)
TRANSITIONS = Counter(
    "distance.job.transitions",
    "{transition}",
    "State transitions; none to queued is a creation, processing to processing a further attempt",
    {"from": ("none", *STATES), "to": STATES},
)
COMPLETED = Counter("distance.jobs.completed", "{job}", "Jobs that completed")
FAILED = Counter("distance.jobs.failed", "{job}", "Jobs that failed", {"error.type": FAILURES})
DELETED = Counter("distance.jobs.deleted", "{job}", "Jobs deleted by request or by retention")
JOB_DURATION = Histogram(
    "distance.job.duration",
    "s",
    "Duration of the attempt that finished the job",
    {"status": FINISHED_STATES},
    buckets=_JOB_S,
)
TURNAROUND = Histogram(
    "distance.job.turnaround",
    "s",
    "Time from submission to the end of the job",
    {"status": FINISHED_STATES},
    buckets=_JOB_S,
)
QUEUE_WAIT = Histogram("distance.job.queue_wait", "s", "Time from submission to the first attempt", buckets=_JOB_S)
BACKLOG = Gauge(
    "distance.jobs.backlog",
    "{job}",
    "Unfinished jobs, as of the latest sweep",
    {"status": ("queued", "processing")},
)
BACKLOG_AGE = Gauge(
    "distance.jobs.backlog.age",
    "s",
    "Age of the oldest unfinished job; 0 without one",
    {"status": ("queued", "processing")},
)
REDISPATCHED = Counter("distance.jobs.republished", "{job}", "Request events that the sweep republished")
SWEEP_DURATION = Histogram("distance.sweep.duration", "s", "Duration of a sweep", buckets=_CALL_S)

CLAIMS = Counter(
    "distance.claims",
    "{claim}",
    "Attempts to acquire a job; lost is a lease that another attempt acquired",
    {"outcome": ("won", "locked", "finished", "deleted", "lost")},
)
RETRIES = Counter("distance.job.retries", "{attempt}", "Attempts after the first attempt of a job")
RETRIES_COMPLETED = Counter("distance.job.retries.completed", "{job}", "Jobs completed by an attempt after the first")
ACTIVE = UpDownCounter("distance.calculations.active", "{calculation}", "Calculations in progress in this process")
STAGE_DURATION = Histogram(
    "distance.stage.duration",
    "s",
    "Time that a calculation spent in a stage; stages of long days overlap",
    {"stage": STAGES, "outcome": ("ok", "error")},
    buckets=_STAGE_S,
)

FIXES_READ = Counter("distance.fixes.read", "{fix}", "Fixes of completed jobs")
FIXES_REJECTED = Counter(
    "distance.fixes.rejected",
    "{fix}",
    "Fixes of completed jobs that the analysis rejected",
    {"reason": REJECTION_REASONS},
)
COVERAGE = Histogram(
    "distance.analysis.coverage",
    "1",
    "Share of a device's day that is known, for each device of a completed job",
    buckets=_RATIO,
)
UNKNOWN_TIME = Histogram(
    "distance.analysis.unknown_time",
    "min",
    "Unknown time of a device's day, for each device of a completed job",
    buckets=_MINUTES,
)
TRIPS = Histogram(
    "distance.analysis.trips",
    "{trip}",
    "Trips of a device's day, for each device of a completed job",
    buckets=_TRIPS,
)
CSV_SIZE = Histogram("distance.csv.size", "By", "Size of a CSV", buckets=_BYTES)
TOTAL_PATH_LENGTH = Counter("distance.path_length", "km", "Total path length of completed jobs")
PATH_LENGTH = Histogram("distance.job.path_length", "km", "Path length of a completed job", buckets=_KM)
MAX_DISTANCE = Histogram(
    "distance.job.max_distance", "km", "Maximum distance from home of a completed job", buckets=_KM
)
AWAY_TIME = Histogram("distance.job.away_time", "min", "Away time of a completed job", buckets=_MINUTES)

DATABASE_DURATION = Histogram(
    "db.client.operation.duration",
    "s",
    "Duration of statements and of opening connections",
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
    "Rows that a statement returned",
    {"db.system.name": ("postgresql",), "db.operation.name": ("COPY", "SELECT")},
    buckets=_ROWS,
)
STORAGE_DURATION = Histogram(
    "rpc.client.call.duration",
    "s",
    "Duration of calls to object storage, including retries by the client",
    {"rpc.system.name": ("aws-api",), "rpc.method": STORAGE_METHODS, "error.type": STORAGE_ERRORS},
    buckets=_CALL_S,
)
PUBLISH_DURATION = Histogram(
    "messaging.client.operation.duration",
    "s",
    "Duration of publishing an event, including retries",
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
    "Events that could not be published",
    {"cloudevents.event_type": tuple(EVENT_TYPES)},
)
DEAD_LETTERS = Counter(
    "distance.dead_letters",
    "{event}",
    "Dead letters: the job failed, it continues or has finished, there is none, or the storage was unavailable",
    {"outcome": ("failed", "ignored", "no_job", "unavailable")},
)
ERRORS = Counter(
    "distance.errors", "{error}", "Errors of dependencies and internal errors, by kind", {"error.type": FAULTS}
)

COLD_STARTS = Counter("faas.coldstarts", "{coldstart}", "Processes that handled their first request")
INIT_DURATION = Histogram(
    "faas.init_duration", "s", "Time from process start to readiness for the first request", buckets=_CALL_S
)
MEMORY = ObservableGauge("process.memory.usage", "By", "Resident memory of this process", read=_resident_bytes)


def all_metrics() -> Iterable[Metric]:
    """Return all metrics in the order of this module."""
    return [value for value in globals().values() if isinstance(value, Metric)]
