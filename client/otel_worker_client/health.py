"""A health check of all three services."""

import requests

from otel_worker_client import responses
from otel_worker_client.endpoints import Endpoint
from otel_worker_client.transport import Transport

_TIMEOUT_SECONDS = 5.0


def check(transport: Transport, submit: Endpoint, status: Endpoint, listing: Endpoint) -> bool:
    """Return whether each service is at its URL, accepts the credentials, and is ready; stops at the first failure.

    All requests are read-only: submit returns 405 for GET, and status returns 404 for an unknown id.
    """
    if not all(_is_ready(transport, url) for url in dict.fromkeys((submit.url, status.url, listing.url))):
        return False
    return (
        _has_status(transport, submit, "/api/distance/calculate", 405)
        and _has_status(transport, status, "/api/distance/jobs/none", 404)
        and _has_status(transport, listing, "/api/distance/jobs?limit=1&results=false", 200)
    )


def _is_ready(transport: Transport, url: str) -> bool:
    response = transport.send("GET", f"{url}/readyz", _TIMEOUT_SECONDS)
    return isinstance(response, requests.Response) and response.status_code == 200


def _has_status(transport: Transport, endpoint: Endpoint, path: str, status: int) -> bool:
    """Return whether the response has this status; an error must have the service's envelope."""
    response = transport.send("GET", endpoint.url + path, _TIMEOUT_SECONDS, authenticated=True)
    if not isinstance(response, requests.Response) or response.status_code != status:
        return False
    return status < 400 or responses.has_route(response)
