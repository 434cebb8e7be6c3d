"""Exceptions of the domain. error_responses.py maps them to HTTP statuses.

OtelWorkerError
├── SettingsError          the configuration is invalid
├── InvalidRequest         the request violates the contract
│   └── TooLarge           ... by its size
├── Unauthenticated        credentials are missing or invalid
├── Forbidden              the caller lacks permission
├── RateLimited            the caller exceeded its rate limit
├── NotFound               no such job, file or path
├── IdempotencyConflict    an Idempotency-Key was reused with another body
├── JobFinished            the job has already completed or failed
│   └── JobDeleted         ... or was deleted
├── JobLocked              another attempt holds the job's lease, or others change the job
├── LeaseLost              this attempt no longer holds the job's lease
├── JobFailed              the job fails permanently
│   └── UnsupportedColumn  a column of the table of fixes has an unsupported type
├── CorruptRecord          a stored record is invalid
├── CheckFailed            a health check failed
├── Overloaded             too many concurrent requests
└── Unavailable            a dependency is unavailable
"""

from collections.abc import Mapping

# The error codes of failed jobs, each with its meaning.
JOB_ERRORS: Mapping[str, str] = {
    "NO_DATA": "The day has no usable fix.",
    "UNDELIVERABLE": "The broker gave up the delivery. `error_message` has the reason of the last attempt.",
    "TOO_MANY_ATTEMPTS": "The attempts died or gave up too often, or the broker lost too many request events.",
    "UNSUPPORTED_COLUMN": "A column of the database has a type that cannot be read. `error_message` names it.",
}


class OtelWorkerError(Exception):
    """Base class of all exceptions of the domain."""


class SettingsError(OtelWorkerError):
    """A setting is missing or invalid. The text is one line that names the setting."""


class InvalidRequest(OtelWorkerError):
    """The request violates the contract.

    `field` and `value` (decoded JSON of any size, or None) locate the fault. Neither may be a coordinate or the value
    of a header.
    """

    def __init__(self, message: str, field: str | None = None, value: object = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.value = value


class TooLarge(InvalidRequest):
    """The request body exceeds the limit."""


class Unauthenticated(OtelWorkerError):
    """Credentials are missing or invalid. The text is fixed and never contains a credential."""


class Forbidden(OtelWorkerError):
    """The caller is authenticated but lacks permission."""


class RateLimited(OtelWorkerError):
    """The caller exceeded its rate limit. `headers` are the response headers: the limit and when to retry."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__("Rate limit exceeded")
        self.headers = headers


class NotFound(OtelWorkerError):
    """The resource does not exist, or not yet."""


class IdempotencyConflict(OtelWorkerError):
    """The Idempotency-Key belongs to a job that was submitted with another body."""


class JobFinished(OtelWorkerError):
    """The job has completed or failed. A repeated event changes nothing."""


class JobDeleted(JobFinished):
    """The job was deleted. Work that is still in progress for it has no effect."""


class JobLocked(OtelWorkerError):
    """Another attempt holds the job's lease, or others change the job at the same time. A retry is safe."""


class LeaseLost(OtelWorkerError):
    """Another attempt has acquired the job's lease. This attempt must not write anything."""


class JobFailed(OtelWorkerError):
    """The job fails permanently: a retry would fail too. The caller sees code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class UnsupportedColumn(JobFailed):
    """A column of the table of fixes has an unsupported type. The message names column and type."""

    def __init__(self, column: str, type_name: str, expected: str) -> None:
        text = f"Column {column} of public.locations has type {type_name}; expected {expected}"
        super().__init__("UNSUPPORTED_COLUMN", text)


class CorruptRecord(OtelWorkerError):
    """A stored record does not match the schema of this version or of an earlier one."""


class CheckFailed(OtelWorkerError):
    """A health check failed. The text is a fixed phrase that reports may contain."""


class Overloaded(OtelWorkerError):
    """More concurrent requests than a process accepts."""


class Unavailable(OtelWorkerError):
    """A dependency is unavailable, slow, or rejects the request. `cause` is a code or class name, never a message."""

    def __init__(self, dependency: str, cause: str) -> None:
        super().__init__(f"{dependency}: {cause}")
        self.dependency = dependency
        self.cause = cause
