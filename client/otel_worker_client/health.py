"""A quick check that all three services are at their URLs and would do their work."""

import requests

from otel_worker_client import responses
from otel_worker_client.endpoints import Endpoint
from otel_worker_client.transport import Transport

_SECONDS = 5.0


def check(transport: Transport, submit: Endpoint, status: Endpoint, listing: Endpoint) -> bool:
    """Whether each service has its route, accepts the credentials, and is ready; False at the first that is not.

    No request changes anything: submit answers GET with 405, status answers for an id that no job has with 404.
    """
    if not all(_is_ready(transport, url) for url in dict.fromkeys((submit.url, status.url, listing.url))):
        return False
    return (
        _answers(transport, submit, "/api/distance/calculate", 405)
        and _answers(transport, status, "/api/distance/jobs/none", 404)
        and _answers(transport, listing, "/api/distance/jobs?limit=1&results=false", 200)
    )


def _is_ready(transport: Transport, url: str) -> bool:
    response = transport.once("GET", f"{url}/readyz", _SECONDS)
    return isinstance(response, requests.Response) and response.status_code == 200


def _answers(transport: Transport, endpoint: Endpoint, path: str, status: int) -> bool:
    """Whether the service answers with this status; an error has to be its own."""
    response = transport.once("GET", endpoint.url + path, _SECONDS, authenticated=True)
    if not isinstance(response, requests.Response) or response.status_code != status:
        return False
    return status < 400 or responses.has_route(response)
