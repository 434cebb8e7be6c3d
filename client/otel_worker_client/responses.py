"""Interpretation of responses: results, the service's errors, and responses of other servers."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import requests

from otel_worker_client.endpoints import Endpoint
from otel_worker_client.errors import (
    ConfigurationError,
    ConflictError,
    NotAllowedError,
    NotFoundError,
    OtelWorkerError,
    RouteNotFoundError,
    ServiceUnavailableError,
    ValidationError,
)

_ERRORS: Mapping[int, type[OtelWorkerError]] = {
    **dict.fromkeys((400, 413, 422), ValidationError),
    **dict.fromkeys((401, 403), NotAllowedError),
    404: NotFoundError,
    407: ConfigurationError,  # from a proxy
    409: ConflictError,
    **dict.fromkeys((429, 502, 503, 504), ServiceUnavailableError),
}
T = TypeVar("T")
_NO_ROUTE = "No such path"  # the service's message for an unknown path


def decode(endpoint: Endpoint, response: requests.Response, parse: Callable[[Mapping[str, Any]], T]) -> T:
    """Parse the JSON object of a successful response; RouteNotFoundError if the service would not send it."""
    try:
        return parse(response.json())
    except (ValueError, TypeError, KeyError, AttributeError):
        pass  # the error is raised below: its context would refer to the response
    raise route_not_found(endpoint, response)


def error(endpoint: Endpoint, response: requests.Response) -> OtelWorkerError:
    """Return the error for a response with a status of 400 or above."""
    status = response.status_code
    message, code, details, trace_id = _envelope(response)
    if _has_no_route(status, message, code):
        return route_not_found(endpoint, response)
    kind = _ERRORS.get(status, OtelWorkerError)
    return kind(
        message, code=code, details=details, trace_id=trace_id, status=status, retry_after=retry_after(response)
    )


def route_not_found(endpoint: Endpoint, response: requests.Response) -> RouteNotFoundError:
    """Return the error for a response that the service at `endpoint` would not send."""
    return RouteNotFoundError(
        f"The {endpoint.service} service is not at its configured URL (HTTP {response.status_code}): "
        f"check {endpoint.setting}; a gateway's URL serves all three services",
        trace_id=response.headers.get("X-Trace-Id", ""),
        status=response.status_code,
    )


def has_route(response: requests.Response) -> bool:
    """Return whether the response comes from a route of the service."""
    message, code, *_ = _envelope(response)
    return bool(code) and message != _NO_ROUTE


def _has_no_route(status: int, message: str, code: str) -> bool:
    return status == 405 or (status == 404 and (not code or message == _NO_ROUTE))


def retry_after(response: requests.Response) -> float:
    """Return the value of Retry-After in seconds, 0 if there is none."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else 0.0


def _envelope(response: requests.Response) -> tuple[str, str, Mapping[str, Any], str]:
    """Return message, code, details and trace id; the code is "" for a response of a gateway or proxy."""
    try:
        body = response.json()
        error, trace_id = body["error"], body.get("trace_id", "")
        message, code, details = error["message"], error["code"], error.get("details")
    except (ValueError, KeyError, TypeError, AttributeError):
        message = code = details = trace_id = None
    if not (isinstance(message, str) and isinstance(code, str)):
        return f"HTTP {response.status_code}", "", {}, response.headers.get("X-Trace-Id", "")
    return message, code, details if isinstance(details, Mapping) else {}, str(trace_id)
