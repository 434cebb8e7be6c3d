"""The service's responses as dataclasses; unknown fields are ignored."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Self


class _Model:
    @classmethod
    def read(cls, body: Mapping[str, Any], **defaults: Any) -> Self:
        """Create an instance from decoded JSON; times become aware datetimes."""
        known = {item.name for item in fields(cls)}  # type: ignore[arg-type] # every subclass is a dataclass
        values = {name: _value(name, value) for name, value in {**defaults, **body}.items() if name in known}
        return cls(**values)


def _value(name: str, value: Any) -> Any:
    if isinstance(value, str) and (name.endswith("_at") or name == "as_of"):
        return datetime.fromisoformat(value)
    if name == "result" and isinstance(value, Mapping):
        return Result.read(value)
    if name == "jobs":
        return tuple(Job.read(item) for item in value)
    if name == "devices":
        return tuple(Device.read(item) for item in value)
    return value


@dataclass(frozen=True)
class Result(_Model):
    """The numbers of a completed job (km, minutes, counts) and the location of its CSV; the list has no URLs."""

    total_distance_km: float
    total_locations: int
    max_distance_km: float
    min_distance_km: float
    avg_distance_km: float
    path_length_km: float
    away_minutes: float
    rejected_locations: int
    csv_path: str
    csv_size_bytes: int
    processing_time_ms: int
    csv_sha256: str | None = None  # hexadecimal; None for jobs older than this field
    csv_download_url: str | None = field(default=None, repr=False)  # its signature is a credential
    csv_download_expires_at: datetime | None = None
    csv_download_path: str = ""
    worker_version: str | None = None
    date: str = ""
    device_id: str = ""


@dataclass(frozen=True)
class Job(_Model):
    """A job in any state; the `device_id` "" stands for all devices."""

    job_id: str
    status: str
    queued_at: datetime
    date: str = ""
    device_id: str = ""
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
class Page(_Model):
    """A page of jobs, newest first; `total_count` is the number of all jobs that match the filter."""

    jobs: tuple[Job, ...]
    total_count: int
    limit: int
    offset: int
    next_offset: int | None = None


@dataclass(frozen=True)
class Device(_Model):
    """A device that has fixes."""

    device_id: str
    last_fix_at: datetime


@dataclass(frozen=True)
class Devices(_Model):
    """All devices, ordered by id, as of the query of the database at `as_of`; None before the first one."""

    devices: tuple[Device, ...]
    as_of: datetime | None = None
