"""What is told of each call of object storage: a span, and how long it took with the client's own retries."""

import time
from typing import TYPE_CHECKING, Any

from shared.telemetry import metrics, spans

if TYPE_CHECKING:
    from botocore.hooks import BaseEventHooks

# As semantic conventions name what a call is about; keys hold ids, days and devices, never a coordinate.
_NAMED = {"Bucket": "aws.s3.bucket", "Key": "aws.s3.key", "UploadId": "aws.s3.upload_id", "Prefix": "aws.s3.prefix"}
_BEGUN = "otel_worker_call"
_ORDERLY = (304, 404, 409, 412)  # answers to a condition, not faults: shared/storage/client.py gives them names


def watch(events: "BaseEventHooks") -> None:
    """Tell of all calls of the client that has these hooks."""
    events.register("before-parameter-build.s3", _named)
    events.register("before-call.s3", _begun)
    events.register("after-call.s3", _answered)
    events.register("after-call-error.s3", _unanswered)


def _named(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    context[_BEGUN] = {name: params[key] for key, name in _NAMED.items() if isinstance(params.get(key), str)}


def _begun(model: Any, context: dict[str, Any], **_: Any) -> None:
    told = {"rpc.system.name": "aws-api", "rpc.method": f"S3/{model.name}"}
    about = context.get(_BEGUN, {})
    span = spans.start_span(f"S3/{model.name}", {**told, **about}, kind=spans.CLIENT)
    context[_BEGUN] = span, told, time.perf_counter()


def _answered(http_response: Any, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    status = http_response.status_code
    code = ""
    if status >= 300:
        code = str(parsed.get("Error", {}).get("Code") or status)
    missing = {"404", "NoSuchKey", "NoSuchUpload"}
    orderly = status in _ORDERLY and (status != 404 or code in missing)  # 404 is also a bucket's that isn't there
    tries = parsed.get("ResponseMetadata", {}).get("RetryAttempts", 0)
    _end(context, "" if orderly else code, {"http.response.status_code": status, "http.request.resend_count": tries})


def _unanswered(exception: BaseException, context: dict[str, Any], **_: Any) -> None:
    _end(context, type(exception).__name__, {})


def _end(context: dict[str, Any], error_type: str, told: spans.Attributes) -> None:
    begun = context.pop(_BEGUN, None)
    if not isinstance(begun, tuple):
        return
    span, labels, began = begun
    span.set({name: value for name, value in told.items() if name != "http.request.resend_count" or value})
    if error_type:
        span.set_error(error_type)
        labels = {**labels, "error.type": error_type}
    metrics.STORAGE_DURATION.record(time.perf_counter() - began, labels)
    span.end()
