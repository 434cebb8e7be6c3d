"""What can go wrong, in the words of the domain.

OtelWorkerError
├── SettingsError        the process cannot start
├── InvalidRequest       the caller's words are off
│   └── TooLarge         ... and too many
├── Unauthenticated      the caller does not say, or not prove, who it is
├── Forbidden            ... does, and may not
├── RateLimited             ... may, but not so often
├── NotFound             there is no such job, file or path
├── IdempotencyConflict            an Idempotency-Key came again with another body
├── JobFinished          the job has its end state already
│   └── JobDeleted       ... and is not to come back
├── JobLocked              another attempt holds the job
├── LeaseLost            this attempt no longer holds the job
├── JobFailed            the job ends as failed, and why
│   └── UnsupportedColumn  a column of the table of fixes has a type that cannot be read
├── Unreadable           what is stored was not written by us
├── Overloaded           there are more requests than are worked on at a time
└── Unavailable          a dependency is away
"""

from collections.abc import Mapping


class OtelWorkerError(Exception):
    """The root of every error that is ours."""


class SettingsError(OtelWorkerError):
    """A setting is missing or bad; the text is one line that names it."""


class InvalidRequest(OtelWorkerError):
    """What the caller sent breaks the contract.

    `field` and `value` (decoded JSON of any length, None for none) say where. Neither may be a coordinate or the value
    of a header.
    """

    def __init__(self, message: str, field: str | None = None, value: object = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.value = value


class TooLarge(InvalidRequest):
    """The body is larger than what is read."""


class Unauthenticated(OtelWorkerError):
    """No token or key came, or none that is good; the text is a fixed one, never of the token."""


class Forbidden(OtelWorkerError):
    """The caller is known, and may not do this."""


class RateLimited(OtelWorkerError):
    """The caller has asked too often; `headers` say how often is right, and when to come again."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__("Rate limit exceeded")
        self.headers = headers


class NotFound(OtelWorkerError):
    """There is no such thing, or not yet."""


class IdempotencyConflict(OtelWorkerError):
    """The Idempotency-Key belongs to a job with another body."""


class JobFinished(OtelWorkerError):
    """The job has its end state: a repeated event changes nothing."""


class JobDeleted(JobFinished):
    """The job was deleted: what was under way for it ends here."""


class JobLocked(OtelWorkerError):
    """Another attempt holds the job; its lease has not ended."""


class LeaseLost(OtelWorkerError):
    """Another attempt has taken the job over; this one may write nothing more."""


class JobFailed(OtelWorkerError):
    """The job can have no result, however often it is tried; both texts go to the caller."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class UnsupportedColumn(JobFailed):
    """A column of the table of fixes has a type that cannot be read; the text names column and type."""

    def __init__(self, column: str, type_name: str, expected: str) -> None:
        text = f"Column {column} of public.locations has type {type_name}; expected {expected}"
        super().__init__("UNSUPPORTED_COLUMN", text)


class CorruptRecord(OtelWorkerError):
    """A stored record is not what this version, or an earlier one, writes."""


class Overloaded(OtelWorkerError):
    """More requests have come at once than one process works on."""


class Unavailable(OtelWorkerError):
    """A dependency is away, slow or refuses; `cause` is a code or class name, never its text."""

    def __init__(self, dependency: str, cause: str) -> None:
        super().__init__(f"{dependency}: {cause}")
        self.dependency = dependency
        self.cause = cause
