"""A quick check that all three services are at their URLs and would do their work."""

from otel_worker_client import responses
from otel_worker_client.endpoints import Endpoint
from otel_worker_client.errors import OtelWorkerError
from otel_worker_client.failures import RequestFailed
from otel_worker_client.transport import Transport

_SECONDS = 5.0


def check(transport: Transport, submit: Endpoint, status: Endpoint, listing: Endpoint) -> bool:
    """Whether each service has its route, accepts the credentials, and is ready; False at the first that is not.

    No request changes anything: submit answers GET with 405, status answers for an id that no job has with 404.
    """
    try:
        if not all(_is_ready(transport, url) for url in dict.fromkeys((submit.url, status.url, listing.url))):
            return False
        refused = transport.probe(submit, "/api/distance/calculate", _SECONDS)
        unknown = transport.probe(status, "/api/distance/jobs/none", _SECONDS)
        page = transport.probe(listing, "/api/distance/jobs", _SECONDS, limit="1", results="false")
    except (RequestFailed, OtelWorkerError):
        return False
    return (
        (refused.status_code, unknown.status_code, page.status_code) == (405, 404, 200)
        and responses.has_route(refused)
        and responses.has_route(unknown)
    )


def _is_ready(transport: Transport, url: str) -> bool:
    return transport.once("GET", f"{url}/readyz", _SECONDS).status_code == 200
