"""Errors of object storage requests."""

from shared.errors import OtelWorkerError

DEPENDENCY = "storage"


class S3Error(Exception):
    """A request failed: by an error response, or without a response (`status` 0).

    `code` is the server's error code, the status as text if there is none, or the kind of the connection error.
    `region` is that of the bucket if the request was sent to another one. The server's message is dropped.
    """

    def __init__(self, status: int, code: str, region: str = "") -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.region = region


class ObjectMissing(OtelWorkerError):
    """The object or upload does not exist."""


class ObjectChanged(OtelWorkerError):
    """The object exists already, or its entity tag has changed."""


class NotModified(OtelWorkerError):
    """The object still has the entity tag of the request."""


class WriteConflict(OtelWorkerError):
    """Another conditional write of the same key is in progress."""
