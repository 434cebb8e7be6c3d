"""A client of otel-worker: submit days, follow their jobs, download their CSVs.

>>> with Client("http://127.0.0.1:8080") as client:
...     job = client.wait(client.submit("2026-01-25", "iphone_stuart").job_id)
...     client.download(job, Path("."))
"""

from otel_worker_client.analysis import (
    Analysis,
    AnalysisParameters,
    DeviceAnalysis,
    DistancesFromHome,
    FixCounts,
    Gap,
    PathLengths,
    Trip,
)
from otel_worker_client.client import Client
from otel_worker_client.errors import (
    ConfigurationError,
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
from otel_worker_client.models import Device, Devices, Job, Page, Result

__all__ = [
    "Analysis",
    "AnalysisParameters",
    "Client",
    "ConfigurationError",
    "Device",
    "DeviceAnalysis",
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
    "RouteNotFoundError",
    "ServiceUnavailableError",
    "Trip",
    "ValidationError",
]
