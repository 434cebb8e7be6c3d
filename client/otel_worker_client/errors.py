"""The errors that the client raises.

OtelWorkerError
├── ServiceUnavailableError   no response, or only 409, 429, 502, 503 or 504, until the timeout
│   └── ConflictError         others change the job at the same time
├── ValidationError           the request is invalid
│   └── NotFoundError         the job or file does not exist
├── NotAllowedError           authentication or authorization failed
├── JobFailedError            the job failed
├── NotFinishedError          the job did not finish in time
├── ConfigurationError        a URL, credential, proxy or certificate is invalid
│   └── RouteNotFoundError    the configured URL is not the service's
└── DownloadError             the downloaded file is not the job's CSV
"""

from collections.abc import Mapping
from typing import Any


class OtelWorkerError(Exception):
    """The base class; the text is for people.

    `code`, `details` and `trace_id` are those of the service's error, `status` is the HTTP status (0: no response), and
    `retry_after` the value of Retry-After in seconds (0: none).
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        details: Mapping[str, Any] | None = None,
        trace_id: str = "",
        status: int = 0,
        retry_after: float = 0,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.details = dict(details or {})
        self.trace_id = trace_id
        self.status = status
        self.retry_after = retry_after


class ServiceUnavailableError(OtelWorkerError):
    """The service or one of its dependencies is unavailable or overloaded."""


class ConflictError(ServiceUnavailableError):
    """Other requests or attempts change the job at the same time; a later call succeeds."""


class ValidationError(OtelWorkerError):
    """The request is invalid; `details` has the field and its value."""


class NotFoundError(ValidationError):
    """The job or file does not exist."""


class NotAllowedError(OtelWorkerError):
    """Authentication or authorization failed."""


class JobFailedError(OtelWorkerError):
    """The job failed; `code` is its error code."""


class NotFinishedError(OtelWorkerError):
    """The job did not finish in time; it continues."""


class DownloadError(OtelWorkerError):
    """The downloaded file is not the job's CSV."""


class ConfigurationError(OtelWorkerError):
    """A URL, credential, proxy or certificate is invalid; the text names the setting and not its value."""


class RouteNotFoundError(ConfigurationError):
    """The server at the configured URL is not the service; a missing job is a NotFoundError."""
