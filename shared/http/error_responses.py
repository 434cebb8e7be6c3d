"""Error responses: the mapping of exceptions to HTTP status and error code, and the body of every error."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.exceptions import NotFound as RouteNotFound

from shared import errors
from shared.http.messages import Response
from shared.telemetry.context import Trace
from shared.telemetry.error_reporting import capture_error

_MAX_ECHO_LENGTH = 100
_COORDINATE = re.compile(r'"(lat|latitude|lng|lon|longitude)": ', re.IGNORECASE)

# Subclasses before their base classes.
STATUSES: tuple[tuple[type[Exception], int, str], ...] = (
    (errors.TooLarge, 413, "PAYLOAD_TOO_LARGE"),
    (errors.InvalidRequest, 400, "VALIDATION_ERROR"),
    (errors.Unauthenticated, 401, "UNAUTHORIZED"),
    (errors.Forbidden, 403, "FORBIDDEN"),
    (errors.RateLimited, 429, "RATE_LIMITED"),
    (errors.NotFound, 404, "NOT_FOUND"),
    (errors.IdempotencyConflict, 422, "CONFLICT"),
    (errors.JobLocked, 409, "CONFLICT"),
    (errors.LeaseLost, 409, "CONFLICT"),
    (errors.Overloaded, 503, "SERVICE_UNAVAILABLE"),
    (errors.Unavailable, 503, "SERVICE_UNAVAILABLE"),
)


def error_response(exc: Exception, trace: Trace) -> Response:
    """Map an exception to its response. An unknown exception is reported and becomes a 500."""
    headers: dict[str, str] = {}
    details: dict[str, Any] = {}
    status, code, message = 500, "INTERNAL_ERROR", "Internal error"
    if isinstance(exc, RouteNotFound):
        status, code, message = 404, "NOT_FOUND", "No such path"
    elif isinstance(exc, MethodNotAllowed):
        status, code, message = 405, "METHOD_NOT_ALLOWED", "Method not allowed"
        headers["Allow"] = ", ".join(sorted(exc.valid_methods or ()))
    elif isinstance(exc, HTTPException) and exc.code and 400 <= exc.code < 500:
        status, code, message = 400, "VALIDATION_ERROR", "Bad request"
    for kind, kind_status, kind_code in STATUSES:
        if isinstance(exc, kind):
            status, code, message = kind_status, kind_code, str(exc)
            break
    if isinstance(exc, errors.InvalidRequest) and exc.field is not None:
        value = echo(exc.value)
        details = {"field": exc.field[:_MAX_ECHO_LENGTH]} | ({} if value is None else {"value": value})
    headers |= _headers(exc)
    if isinstance(exc, errors.Unavailable):
        message = f"Unavailable: {exc.dependency}"
    if status >= 500:
        capture_error(exc)
    return Response(status, _body(code, message, details, trace), headers)


def echo(value: object) -> object:
    """The form in which `details` repeats a rejected value; None if it is omitted.

    Text is truncated to 100 characters. Infinite numbers, which JSON lacks, become their names. A value that may
    contain a coordinate is omitted.
    """
    if isinstance(value, str):
        return value[:_MAX_ECHO_LENGTH]
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return None
    if _COORDINATE.search(text):
        return None
    if len(text) > _MAX_ECHO_LENGTH:
        return text[:_MAX_ECHO_LENGTH]
    repeated: object = json.loads(text, parse_constant=str)
    return repeated


def _headers(exc: Exception) -> Mapping[str, str]:
    if isinstance(exc, errors.Unauthenticated):
        return {"WWW-Authenticate": 'Bearer realm="otel-worker"'}
    if isinstance(exc, errors.Forbidden):
        return {"WWW-Authenticate": 'Bearer realm="otel-worker", error="insufficient_scope"'}
    if isinstance(exc, errors.RateLimited):
        return exc.headers
    if isinstance(exc, errors.Overloaded):
        return {"Retry-After": "2"}
    return {"Retry-After": "5"} if isinstance(exc, errors.Unavailable) else {}


def _body(code: str, message: str, details: Mapping[str, Any], trace: Trace) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "details": details}, "trace_id": trace.trace_id}


def dependency_error(failing: Iterable[str], trace: Trace) -> dict[str, Any]:
    """The body of a 503 that names the failing dependencies."""
    return _body("SERVICE_UNAVAILABLE", f"Unavailable: {', '.join(failing)}", {}, trace)
