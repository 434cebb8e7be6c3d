"""The envelope of every error, and which status each error of the domain is."""

from collections.abc import Mapping
from typing import Any

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.exceptions import NotFound as NoRoute

from shared import errors
from shared.calls import Reply
from shared.error_tracking import capture_error
from shared.telemetry.context import Trace

# The most specific class comes first.
_STATUS: tuple[tuple[type[Exception], int, str], ...] = (
    (errors.TooLarge, 413, "PAYLOAD_TOO_LARGE"),
    (errors.InvalidRequest, 400, "VALIDATION_ERROR"),
    (errors.Unauthenticated, 401, "UNAUTHORIZED"),
    (errors.Forbidden, 403, "FORBIDDEN"),
    (errors.TooOften, 429, "RATE_LIMITED"),
    (errors.NotFound, 404, "NOT_FOUND"),
    (errors.KeyReused, 422, "CONFLICT"),
    (errors.JobHeld, 409, "CONFLICT"),
    (errors.LeaseLost, 409, "CONFLICT"),
    (errors.Overloaded, 503, "SERVICE_UNAVAILABLE"),
    (errors.Unavailable, 503, "SERVICE_UNAVAILABLE"),
)


def error_reply(exc: Exception, trace: Trace) -> Reply:
    headers: dict[str, str] = {}
    details: dict[str, Any] = {}
    status, code, message = 500, "INTERNAL_ERROR", "Internal error"
    if isinstance(exc, NoRoute):
        status, code, message = 404, "NOT_FOUND", "No such path"
    elif isinstance(exc, MethodNotAllowed):
        status, code, message = 405, "METHOD_NOT_ALLOWED", "Method not allowed"
        headers["Allow"] = ", ".join(sorted(exc.valid_methods or ()))
    elif isinstance(exc, HTTPException) and exc.code and 400 <= exc.code < 500:
        status, code, message = 400, "VALIDATION_ERROR", "Bad request"
    for kind, kind_status, kind_code in _STATUS:
        if isinstance(exc, kind):
            status, code, message = kind_status, kind_code, str(exc)
            break
    if isinstance(exc, errors.InvalidRequest) and exc.field is not None:
        details = {"field": exc.field} | ({} if exc.value is None else {"value": exc.value})
    headers |= _said_beside(exc)
    if isinstance(exc, errors.Unavailable):
        message = f"Unavailable: {exc.dependency}"
    if status >= 500:
        capture_error(exc)
    return Reply(status, _envelope(code, message, details, trace), headers)


def _said_beside(exc: Exception) -> Mapping[str, str]:
    """The headers that an error of the domain has beside the envelope."""
    if isinstance(exc, errors.Unauthenticated):
        return {"WWW-Authenticate": 'Bearer realm="otel-worker"'}
    if isinstance(exc, errors.Forbidden):
        return {"WWW-Authenticate": 'Bearer realm="otel-worker", error="insufficient_scope"'}
    if isinstance(exc, errors.TooOften):
        return exc.headers
    if isinstance(exc, errors.Overloaded):
        return {"Retry-After": "2"}
    return {"Retry-After": "5"} if isinstance(exc, errors.Unavailable) else {}


def _envelope(code: str, message: str, details: Mapping[str, Any], trace: Trace) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "details": details}, "trace_id": trace.trace_id}


def unavailable(well: Mapping[str, bool], trace: Trace) -> dict[str, Any]:
    """The envelope that names what is not well."""
    failing = ", ".join(name for name, is_well in well.items() if not is_well)
    return _envelope("SERVICE_UNAVAILABLE", f"Unavailable: {failing}", {}, trace)
