"""A client of otel-worker: submit days, follow their jobs, download their CSVs.

>>> with Client("http://127.0.0.1:8080") as client:
...     job = client.wait(client.submit("2026-01-25", "iphone_stuart").job_id)
...     client.download(job, Path("."))
"""

from otel_worker_client.analysis import (
    Analysis,
    AnalysisParameters,
    DeviceAnalysis,
    DeviceSummary,
    DistancesFromHome,
    FixCounts,
    Gap,
    PathLengths,
    Trip,
)
from otel_worker_client.client import Client
from otel_worker_client.errors import (
    ConfigurationError,
    ConflictError,
    DownloadError,
    JobFailedError,
    NotAllowedError,
    NotFinishedError,
    NotFoundError,
    OtelWorkerError,
    RouteNotFoundError,
    ServiceUnavailableError,
    ValidationError,
)
from otel_worker_client.models import Days, DaySummary, Device, Devices, Job, Page, Result, ResultNumbers

__all__ = [
    "Analysis",
    "AnalysisParameters",
    "Client",
    "ConfigurationError",
    "ConflictError",
    "DaySummary",
    "Days",
    "Device",
    "DeviceAnalysis",
    "DeviceSummary",
    "Devices",
    "DistancesFromHome",
    "DownloadError",
    "FixCounts",
    "Gap",
    "Job",
    "JobFailedError",
    "NotAllowedError",
    "NotFinishedError",
    "NotFoundError",
    "OtelWorkerError",
    "Page",
    "PathLengths",
    "Result",
    "ResultNumbers",
    "RouteNotFoundError",
    "ServiceUnavailableError",
    "Trip",
    "ValidationError",
]
