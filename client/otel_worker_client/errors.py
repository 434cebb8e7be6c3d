"""What can go wrong.

OtelWorkerError
├── ServiceUnavailableError   no answer, or none but "come again later", for as long as was waited
├── ValidationError           the request breaks a rule
│   └── NotFoundError         there is no such job or file
├── NotAllowedError           the service wants a token or key, or a better one
├── JobFailedError            the job ended without numbers
├── NotFinishedError          the job had not ended in time
├── ConfigurationError        a URL, credential, proxy or certificate cannot work
│   └── RouteNotFoundError    the configured URL is not that of the service
└── DownloadError             what came is not the CSV that the job has
"""

from collections.abc import Mapping
from typing import Any


class OtelWorkerError(Exception):
    """Its text is for people; `code`, `details` and `trace_id` are the service's, `status` HTTP's (0: no answer).

    `retry_after` are the seconds that the service asks to wait, 0 where it does not.
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
    """The service, or what it depends on, is away, or has too much to do."""


class ValidationError(OtelWorkerError):
    """The request breaks a rule; `details` names field and value."""


class NotFoundError(ValidationError):
    """There is no such job or file."""


class NotAllowedError(OtelWorkerError):
    """The service wants a token or key, or a better one."""


class JobFailedError(OtelWorkerError):
    """The job ended without numbers; `code` is its error code."""


class NotFinishedError(OtelWorkerError):
    """The job had not ended in time; it goes on."""


class DownloadError(OtelWorkerError):
    """What came is not the CSV that the job has."""


class ConfigurationError(OtelWorkerError):
    """A URL, credential, proxy or certificate cannot work; the text names the setting, never its value."""


class RouteNotFoundError(ConfigurationError):
    """What answers at the configured URL is not the service, or another one; a missing job is a NotFoundError."""
