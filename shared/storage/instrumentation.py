"""Client spans and the duration metric of object storage requests. Durations include the client's own retries."""

import time
from typing import TYPE_CHECKING, Any

from shared.telemetry import metrics, spans

if TYPE_CHECKING:
    from botocore.hooks import BaseEventHooks

# Parameters as the semantic conventions name them. Keys contain ids, dates and devices, but no coordinates.
_ATTRIBUTES = {
    "Bucket": "aws.s3.bucket",
    "Key": "aws.s3.key",
    "UploadId": "aws.s3.upload_id",
    "Prefix": "aws.s3.prefix",
}
_CONTEXT_KEY = "otel_worker_request"
_EXPECTED_STATUSES = (304, 404, 409, 412)  # results of conditions and lookups; shared/storage/client.py translates them
_NOT_FOUND_CODES = {"404", "NoSuchKey", "NoSuchUpload"}


def register(events: "BaseEventHooks") -> None:
    """Instrument all requests of the client that has these event hooks."""
    events.register("before-parameter-build.s3", _read_parameters)
    events.register("before-call.s3", _start)
    events.register("after-call.s3", _on_response)
    events.register("after-call-error.s3", _on_exception)


def _read_parameters(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    context[_CONTEXT_KEY] = {name: params[key] for key, name in _ATTRIBUTES.items() if isinstance(params.get(key), str)}


def _start(model: Any, context: dict[str, Any], **_: Any) -> None:
    labels = {"rpc.system.name": "aws-api", "rpc.method": f"S3/{model.name}"}
    parameters = context.get(_CONTEXT_KEY, {})
    span = spans.start_span(f"S3/{model.name}", {**labels, **parameters}, kind=spans.CLIENT)
    context[_CONTEXT_KEY] = span, labels, time.perf_counter()


def _on_response(http_response: Any, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    status = http_response.status_code
    code = ""
    if status >= 300:
        code = str(parsed.get("Error", {}).get("Code") or status)
    # A 404 with another code is a missing bucket, which is an error.
    is_expected = status in _EXPECTED_STATUSES and (status != 404 or code in _NOT_FOUND_CODES)
    retries = parsed.get("ResponseMetadata", {}).get("RetryAttempts", 0)
    attributes: dict[str, int] = {"http.response.status_code": status}
    if retries:
        attributes["http.request.resend_count"] = retries
    _end(context, "" if is_expected else code, attributes)


def _on_exception(exception: BaseException, context: dict[str, Any], **_: Any) -> None:
    _end(context, type(exception).__name__, {})


def _end(context: dict[str, Any], error_type: str, attributes: spans.Attributes) -> None:
    started = context.pop(_CONTEXT_KEY, None)
    if not isinstance(started, tuple):
        return
    span, labels, start_time = started
    span.set(attributes)
    if error_type:
        span.set_error(error_type)
        labels = {**labels, "error.type": error_type}
    metrics.STORAGE_DURATION.record(time.perf_counter() - start_time, labels)
    span.end()
