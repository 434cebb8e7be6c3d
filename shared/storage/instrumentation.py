"""Client span and duration metric of an object storage request. Durations include the client's own retries."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from shared.storage.errors import S3Error
from shared.telemetry import metrics, spans

_EXPECTED_STATUSES = (304, 409, 412)  # results of conditions, which bucket.py translates
_NOT_FOUND_CODES = ("404", "NoSuchKey", "NoSuchUpload")  # a 404 with another code is a missing bucket


@dataclass
class Observation:
    """What is recorded of a request in progress. `status` is 0 until a response arrives."""

    status: int = 0
    resends: int = 0


@contextmanager
def observe_request(operation: str, attributes: spans.Attributes) -> Iterator[Observation]:
    """Record the span and the duration of an operation. An S3Error marks them as failed, unless it is expected.

    Object keys in the attributes contain ids, dates and devices, but no coordinates.
    """
    labels = {"rpc.system.name": "aws-api", "rpc.method": f"S3/{operation}"}
    span = spans.start_span(f"S3/{operation}", {**labels, **attributes}, kind=spans.CLIENT)
    observation, started = Observation(), time.perf_counter()
    error_type = ""
    try:
        yield observation
    except S3Error as exc:
        if not _is_expected(exc):
            error_type = exc.code
        raise
    except BaseException as exc:
        error_type = type(exc).__name__
        raise
    finally:
        if observation.status:
            span.set({"http.response.status_code": observation.status})
        if observation.resends:
            span.set({"http.request.resend_count": observation.resends})
        if error_type:
            span.set_error(error_type)
            labels["error.type"] = error_type
        metrics.STORAGE_DURATION.record(time.perf_counter() - started, labels)
        span.end()


def _is_expected(error: S3Error) -> bool:
    return error.status in _EXPECTED_STATUSES or (error.status == 404 and error.code in _NOT_FOUND_CODES)
