"""What a response means: the service's own error, or a server that is not the service."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import requests

from otel_worker_client.endpoints import Endpoint
from otel_worker_client.errors import (
    ConfigurationError,
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
    407: ConfigurationError,  # a proxy's
    **dict.fromkeys((429, 502, 503, 504), ServiceUnavailableError),
}
T = TypeVar("T")
_NO_ROUTE = "No such path"  # the service's 404 for a path that is not its own


def decode(endpoint: Endpoint, response: requests.Response, parse: Callable[[Mapping[str, Any]], T]) -> T:
    """The JSON object of a successful response, parsed; RouteNotFoundError if it is not the service's."""
    try:
        return parse(response.json())
    except (ValueError, TypeError, KeyError, AttributeError):
        pass  # the error is raised below: its context would refer to the response
    raise route_not_found(endpoint, response)


def error(endpoint: Endpoint, response: requests.Response) -> OtelWorkerError:
    """The error that a response of 400 or above means."""
    status = response.status_code
    message, code, details, trace_id = _envelope(response)
    if _has_no_route(status, message, code):
        return route_not_found(endpoint, response)
    kind = _ERRORS.get(status, OtelWorkerError)
    return kind(
        message, code=code, details=details, trace_id=trace_id, status=status, retry_after=retry_after(response)
    )


def route_not_found(endpoint: Endpoint, response: requests.Response) -> RouteNotFoundError:
    """The error for a response that the service at `endpoint` would not send."""
    return RouteNotFoundError(
        f"The {endpoint.service} service is not at its configured URL (HTTP {response.status_code}): "
        f"check {endpoint.setting}; a gateway's URL stands for all three services",
        trace_id=response.headers.get("X-Trace-Id", ""),
        status=response.status_code,
    )


def has_route(response: requests.Response) -> bool:
    """Whether the response is the service's own, from one of its routes."""
    message, code, *_ = _envelope(response)
    return bool(code) and message != _NO_ROUTE


def _has_no_route(status: int, message: str, code: str) -> bool:
    return status == 405 or (status == 404 and (not code or message == _NO_ROUTE))


def retry_after(response: requests.Response) -> float:
    """How many seconds the service asks to wait, 0 where it does not."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else 0.0


def _envelope(response: requests.Response) -> tuple[str, str, Mapping[str, Any], str]:
    """Message, code, details and trace id; without a code where it is not the service's, but a gateway's or proxy's."""
    try:
        body = response.json()
        error, trace_id = body["error"], body.get("trace_id", "")
        message, code, details = error["message"], error["code"], error.get("details")
    except (ValueError, KeyError, TypeError, AttributeError):
        message = code = details = trace_id = None
    if not (isinstance(message, str) and isinstance(code, str)):
        return f"HTTP {response.status_code}", "", {}, response.headers.get("X-Trace-Id", "")
    return message, code, details if isinstance(details, Mapping) else {}, str(trace_id)
