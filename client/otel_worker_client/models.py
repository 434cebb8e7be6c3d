"""What the service says of jobs; fields of later versions are left out."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Self


class _Read:
    @classmethod
    def read(cls, body: Mapping[str, Any], **more: Any) -> Self:
        """From decoded JSON; times become datetimes with a zone."""
        known = {one.name for one in fields(cls)}  # type: ignore[arg-type] # whatever inherits it is a dataclass
        found = {name: _value(name, value) for name, value in {**more, **body}.items() if name in known}
        return cls(**found)


def _value(name: str, value: Any) -> Any:
    if isinstance(value, str) and (name.endswith("_at") or name == "as_of"):
        return datetime.fromisoformat(value)
    if name == "result" and isinstance(value, Mapping):
        return Result.read(value)
    if name == "jobs":
        return tuple(Job.read(one) for one in value)
    if name == "devices":
        return tuple(Device.read(one) for one in value)
    return value


@dataclass(frozen=True)
class Result(_Read):
    """The numbers of a completed job (km, minutes, counts), and the way to its CSV; the list has the numbers only."""

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
    csv_sha256: str | None = None  # hex, of the whole CSV; None for jobs older than this field
    csv_download_url: str | None = field(default=None, repr=False)  # its signature is a credential
    csv_download_expires_at: datetime | None = None
    csv_download_path: str = ""
    worker_version: str | None = None
    date: str = ""
    device_id: str = ""


@dataclass(frozen=True)
class Job(_Read):
    """A job in whatever state; `device_id` "" is every device."""

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
        """Whether it has its end."""
        return self.status in ("completed", "failed")


@dataclass(frozen=True)
class Page(_Read):
    """A page of jobs, newest first; `total_count` counts all that the filter admits."""

    jobs: tuple[Job, ...]
    total_count: int
    limit: int
    offset: int
    next_offset: int | None = None


@dataclass(frozen=True)
class Device(_Read):
    """A device that has fixes."""

    device_id: str
    last_fix_at: datetime


@dataclass(frozen=True)
class Devices(_Read):
    """All of them, by their ids, as the database was seen at `as_of`: None before it was."""

    devices: tuple[Device, ...]
    as_of: datetime | None = None
