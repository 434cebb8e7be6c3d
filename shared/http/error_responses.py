"""The envelope of every error, and which status each error of the domain is."""

import json
import re
from collections.abc import Mapping
from typing import Any

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.exceptions import NotFound as NoRoute

from shared import errors
from shared.http.messages import Reply
from shared.telemetry.context import Trace
from shared.telemetry.error_reporting import capture_error

_ECHOED_CHARACTERS = 100
_COORDINATE = re.compile(r'"(lat|latitude|lng|lon|longitude)": ', re.IGNORECASE)

# The most specific class comes first.
_STATUS: tuple[tuple[type[Exception], int, str], ...] = (
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
        value = echo(exc.value)
        details = {"field": exc.field[:_ECHOED_CHARACTERS]} | ({} if value is None else {"value": value})
    headers |= _said_beside(exc)
    if isinstance(exc, errors.Unavailable):
        message = f"Unavailable: {exc.dependency}"
    if status >= 500:
        capture_error(exc)
    return Reply(status, _envelope(code, message, details, trace), headers)


def echo(value: object) -> object:
    """A refused value as `details` repeats it; None for one that is not repeated.

    A long value is the first 100 characters of its text; an infinite number, which JSON does not have, is its name.
    An object that may hold a coordinate is not repeated.
    """
    if isinstance(value, str):
        return value[:_ECHOED_CHARACTERS]
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return None
    if _COORDINATE.search(text):
        return None
    if len(text) > _ECHOED_CHARACTERS:
        return text[:_ECHOED_CHARACTERS]
    repeated: object = json.loads(text, parse_constant=str)
    return repeated


def _said_beside(exc: Exception) -> Mapping[str, str]:
    """The headers that an error of the domain has beside the envelope."""
    if isinstance(exc, errors.Unauthenticated):
        return {"WWW-Authenticate": 'Bearer realm="otel-worker"'}
    if isinstance(exc, errors.Forbidden):
        return {"WWW-Authenticate": 'Bearer realm="otel-worker", error="insufficient_scope"'}
    if isinstance(exc, errors.RateLimited):
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
