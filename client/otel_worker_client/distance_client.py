"""DistanceClient: a drop-in replacement for otel-demo's gRPC client, with the same names, arguments and exceptions.

Results behave like protobuf messages: every attribute exists, unknown values are "" or 0, and times are Timestamp
(`.seconds`, `.ToDatetime()`).
"""

import math
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from types import TracebackType
from typing import ClassVar, Self

from otel_worker_client import tracing
from otel_worker_client.client import DEFAULT_URL, Client
from otel_worker_client.errors import (
    ConfigurationError,
    NotFoundError,
    OtelWorkerError,
    RouteNotFoundError,
    ServiceUnavailableError,
    ValidationError,
)
from otel_worker_client.models import Job, Result

__all__ = [
    "CalculateDistanceResponse",
    "ConfigurationError",
    "DistanceClient",
    "DistanceServiceError",
    "GetJobStatusResponse",
    "JobSummary",
    "ListJobsResponse",
    "NotFoundError",
    "Result",
    "RouteNotFoundError",
    "ServiceUnavailableError",
    "Timestamp",
    "ValidationError",
]

DistanceServiceError = OtelWorkerError


@dataclass(frozen=True)
class Timestamp:
    """Like protobuf's: seconds and nanoseconds since 1970, both 0 for an unknown time."""

    seconds: int = 0
    nanos: int = 0

    @classmethod
    def of(cls, instant: datetime | None) -> Self:
        """Convert an aware datetime."""
        if instant is None:
            return cls()
        microseconds = round((instant - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)
        return cls(microseconds // 1_000_000, microseconds % 1_000_000 * 1000)

    def ToDatetime(self, tzinfo: tzinfo | None = None) -> datetime:  # noqa: N802 - protobuf's name
        """Return a naive datetime in UTC, or an aware one in `tzinfo`."""
        instant = datetime.fromtimestamp(self.seconds, UTC).replace(microsecond=self.nanos // 1000)
        return instant.astimezone(tzinfo) if tzinfo else instant.replace(tzinfo=None)

    def ToJsonString(self) -> str:  # noqa: N802 - protobuf's name
        """Return RFC 3339 in UTC."""
        return self.ToDatetime().isoformat(timespec="milliseconds") + "Z"


@dataclass(frozen=True)
class CalculateDistanceResponse:
    """An accepted job."""

    job_id: str
    status: str
    queued_at: Timestamp


@dataclass(frozen=True)
class GetJobStatusResponse:
    """A job in any state; `result` is None unless it is completed."""

    job_id: str
    status: str
    queued_at: Timestamp
    started_at: Timestamp = field(default_factory=Timestamp)
    completed_at: Timestamp = field(default_factory=Timestamp)
    result: Result | None = None
    error_message: str = ""


@dataclass(frozen=True)
class JobSummary:
    """A job in the list, without its result."""

    job_id: str
    status: str
    date: str
    device_id: str
    queued_at: Timestamp
    completed_at: Timestamp


@dataclass(frozen=True)
class ListJobsResponse:
    """A page of jobs, newest first."""

    jobs: list[JobSummary]
    total_count: int
    limit: int
    offset: int


class DistanceClient:
    """A client of one endpoint. Constructor calls with the same arguments return the same instance until it is closed.

    `endpoint` is a URL or host:port, of a gateway or of distance-submit. If each function has its own host, set
    DISTANCE_STATUS_ENDPOINT and DISTANCE_LIST_ENDPOINT in the environment. DISTANCE_SERVICE_API_KEY is the API key.
    """

    _instances: ClassVar[dict[tuple[str, float], "DistanceClient"]] = {}
    _lock: ClassVar[threading.Lock] = threading.Lock()

    endpoint: str
    timeout: float
    _client: Client

    def __new__(cls, endpoint: str = "", timeout: float = 30) -> Self:
        """Return the instance of the endpoint."""
        endpoint = endpoint or os.environ.get("DISTANCE_SERVICE_ENDPOINT") or DEFAULT_URL
        with cls._lock:
            instance = cls._instances.get((endpoint, timeout))
            if instance is None:
                instance = super().__new__(cls)
                instance.endpoint, instance.timeout = endpoint, timeout
                instance._client = _client(endpoint, timeout)
                cls._instances[endpoint, timeout] = instance
        return instance  # type: ignore[return-value] # the class has no subclasses

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Return a client configured by DISTANCE_SERVICE_ENDPOINT and DISTANCE_SERVICE_TIMEOUT."""
        return cls(environ.get("DISTANCE_SERVICE_ENDPOINT", ""), _seconds(environ.get("DISTANCE_SERVICE_TIMEOUT", "")))

    def calculate_distance(self, date: str, device_id: str = "") -> CalculateDistanceResponse:
        """Submit a job."""
        attributes = {"distance.date": date, "distance.device_id": device_id}
        with tracing.span("distance-calculate-distance", attributes) as span:
            job = self._client.submit(date, device_id)
            span.set_attribute("distance.job_id", job.job_id)
            span.set_attribute("distance.status", job.status)
        return CalculateDistanceResponse(job.job_id, job.status, Timestamp.of(job.queued_at))

    def get_job_status(self, job_id: str) -> GetJobStatusResponse:
        """Return the current state of a job; raises NotFoundError."""
        with tracing.span("distance-get-job-status", {"distance.job_id": job_id}) as span:
            job = self._client.job(job_id)
            span.set_attribute("distance.status", job.status)
        return GetJobStatusResponse(
            job.job_id,
            job.status,
            Timestamp.of(job.queued_at),
            Timestamp.of(job.started_at),
            Timestamp.of(job.completed_at),
            job.result,
            job.error_message,
        )

    def list_jobs(
        self, status: str = "", limit: int = 50, offset: int = 0, date: str = "", device_id: str = ""
    ) -> ListJobsResponse:
        """Return a page of the jobs that match the filters; "" matches every job."""
        attributes = {
            "distance.filter.status": status,
            "distance.filter.limit": limit,
            "distance.filter.offset": offset,
        }
        with tracing.span("distance-list-jobs", attributes) as span:
            page = self._client.page(
                limit=limit, offset=offset, status=status, date=date, device_id=device_id, results=False
            )
            span.set_attribute("distance.result_count", len(page.jobs))
            span.set_attribute("distance.total_count", page.total_count)
        return ListJobsResponse([_summary(job) for job in page.jobs], page.total_count, page.limit, page.offset)

    def download_csv(self, filename: str) -> Iterator[bytes]:
        """Return the chunks of a CSV by the file name in `csv_path`; raises NotFoundError."""
        with tracing.span("distance-download-csv", {"distance.filename": filename}):
            return self._client.csv(filename)

    def health_check(self) -> bool:
        """Return whether all three services are at their endpoints and ready; takes a few seconds at most."""
        with tracing.span("distance-health-check", {}):
            return self._client.healthy()

    def close(self) -> None:
        """Close the connections; the next constructor call returns a new instance."""
        with self._lock:
            self._instances.pop((self.endpoint, self.timeout), None)
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _client(endpoint: str, timeout: float) -> Client:
    # The other variables apply only to the endpoint that the environment configures.
    environ = os.environ if endpoint == os.environ.get("DISTANCE_SERVICE_ENDPOINT") else {}
    status, listing = (environ.get(f"DISTANCE_{name}_ENDPOINT", "").strip() or endpoint for name in ("STATUS", "LIST"))
    key = environ.get("DISTANCE_SERVICE_API_KEY", "").strip() or None
    return Client(_url(endpoint), timeout, status_url=_url(status), list_url=_url(listing), api_key=key)


def _url(endpoint: str) -> str:
    return endpoint if "://" in endpoint else f"http://{endpoint.strip()}"


def _seconds(text: str) -> float:
    try:
        return float(text or 30)
    except ValueError:
        return math.nan  # rejected by Client


def _summary(job: Job) -> JobSummary:
    times = Timestamp.of(job.queued_at), Timestamp.of(job.completed_at)
    return JobSummary(job.job_id, job.status, job.date, job.device_id, *times)
