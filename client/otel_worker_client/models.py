"""The service's responses as dataclasses; unknown fields are ignored."""

from dataclasses import dataclass, field
from datetime import datetime

from otel_worker_client.analysis import Analysis, DeviceSummary
from otel_worker_client.json_models import JsonModel


@dataclass(frozen=True)
class ResultNumbers(JsonModel):
    """The numbers of a completed job (km, minutes, counts)."""

    total_distance_km: float
    total_locations: int
    max_distance_km: float
    min_distance_km: float
    avg_distance_km: float
    path_length_km: float
    away_minutes: float
    rejected_locations: int
    csv_size_bytes: int
    processing_time_ms: int


@dataclass(frozen=True)
class Result(ResultNumbers, objects={"analysis": Analysis}):
    """The numbers of a completed job (km, minutes, counts), its analysis and the location of its CSV.

    The list has neither URLs nor the analysis.
    """

    csv_path: str
    csv_sha256: str | None = None  # hexadecimal; None for jobs older than this field
    csv_download_url: str | None = field(default=None, repr=False)  # its signature is a credential
    csv_download_expires_at: datetime | None = None
    csv_download_path: str = ""
    worker_version: str | None = None
    date: str = ""
    device_id: str = ""
    analysis: Analysis | None = None  # None for jobs older than this field


@dataclass(frozen=True)
class Job(JsonModel, objects={"result": Result}):
    """A job in any state; the `device_id` "" stands for all devices."""

    job_id: str
    status: str
    queued_at: datetime
    date: str = ""
    device_id: str = ""
    timezone: str = ""  # of the day, an IANA name; the list does not have it
    started_at: datetime | None = None
    completed_at: datetime | None = None
    result: Result | None = None
    error_code: str = ""
    error_message: str = ""
    job_trace_id: str = ""

    @property
    def finished(self) -> bool:
        """Return whether the job completed or failed."""
        return self.status in ("completed", "failed")


@dataclass(frozen=True)
class Page(JsonModel, arrays={"jobs": Job}):
    """A page of jobs, newest first; `total_count` is the number of all jobs that match the filter."""

    jobs: tuple[Job, ...]
    total_count: int
    limit: int
    offset: int
    next_offset: int | None = None


@dataclass(frozen=True)
class DaySummary(JsonModel, objects={"result": ResultNumbers, "analysis": DeviceSummary}):
    """A day with the numbers of its newest completed job; None if its record is corrupt or lost.

    A day of a device can come from a job of all devices: it has no `result` then.
    """

    date: str
    job_id: str
    completed_at: datetime
    result: ResultNumbers | None
    analysis: DeviceSummary | None  # None also without a device and for jobs older than the analysis


@dataclass(frozen=True)
class Days(JsonModel, arrays={"days": DaySummary}, attributes={"from": "from_date", "to": "to_date"}):
    """The days of a range that have a completed job of the device, in order of days."""

    days: tuple[DaySummary, ...]
    device_id: str
    from_date: str
    to_date: str


@dataclass(frozen=True)
class Device(JsonModel):
    """A device that has fixes."""

    device_id: str
    last_fix_at: datetime


@dataclass(frozen=True)
class Devices(JsonModel, arrays={"devices": Device}):
    """All devices, ordered by id, as of the query of the database at `as_of`; None before the first one."""

    devices: tuple[Device, ...]
    as_of: datetime | None = None
