"""Aggregation of the services' health by the gateway."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from local.gateway.health import HealthAggregator

Responses = dict[str, tuple[int, Any]]
HEALTHY: Responses = {
    "/healthz": (200, {"status": "healthy"}),
    "/readyz": (200, {"status": "ready"}),
    "/health/startup": (200, {"status": "started"}),
    "/health": (200, {"overall_status": "healthy", "checks": {}}),
    "/status": (200, {"status": "healthy", "metrics": {"jobs_queued": 1}}),
}


class Services:
    """HTTP services whose responses by path a test can change."""

    def __init__(self, stack: ExitStack) -> None:
        self.responses: dict[str, Responses] = {"submit": dict(HEALTHY), "list": dict(HEALTHY)}
        addresses = {name: self._start(responses, stack) for name, responses in self.responses.items()}
        self.aggregator = HealthAggregator(addresses, "this")

    def _start(self, responses: Responses, stack: ExitStack) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = responses[self.path]
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

            def log_message(self, *_: object) -> None:
                """Disable the access log."""

        server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        stack.callback(server.shutdown)
        return f"127.0.0.1:{server.server_port}"


@pytest.fixture
def services() -> Iterator[Services]:
    with ExitStack() as stack:
        yield Services(stack)


@pytest.mark.parametrize(
    ("path", "probe", "status"),
    [
        ("/healthz", "/healthz", "healthy"),
        ("/health/live", "/healthz", "healthy"),
        ("/readyz", "/readyz", "ready"),
        ("/api/v1/health/ready", "/readyz", "ready"),
        ("/health/startup", "/health/startup", "started"),
    ],
)
def test_a_probe_succeeds_if_it_succeeds_for_all_services(
    services: Services, path: str, probe: str, status: str
) -> None:
    assert services.aggregator.check(path) == ([], {"status": status, "service": "gateway", "instance": "this"})
    services.responses["list"][probe] = 503, {"status": "unavailable"}
    assert services.aggregator.check(path) == (["list"], {})


@pytest.mark.parametrize(
    ("response", "overall", "failing"),
    [
        ((200, {"overall_status": "healthy"}), "healthy", []),
        ((200, {"overall_status": "degraded"}), "degraded", []),
        ((503, {"overall_status": "unhealthy"}), "unhealthy", ["list"]),
        ((404, {"error": {}}), "unhealthy", ["list"]),
        ((200, b"<html>"), "unhealthy", ["list"]),
        ((200, []), "unhealthy", ["list"]),
        ((200, {"overall_status": ["odd"]}), "unhealthy", ["list"]),
    ],
)
@pytest.mark.parametrize("path", ["/health", "/api/v1/health"])
def test_overall_health_is_that_of_the_worst_service(
    services: Services, response: tuple[int, Any], overall: str, failing: list[str], path: str
) -> None:
    services.responses["list"]["/health"] = response
    unavailable, body = services.aggregator.check(path)
    assert (unavailable, body["status"], body["overall_status"]) == (failing, overall, overall)
    assert body["services"]["submit"] == {"overall_status": "healthy", "checks": {}}
    assert body["services"]["list"]["overall_status"] in (overall, ["odd"])
    assert "error" not in body["services"]["list"]


def test_status_contains_that_of_each_service_and_the_job_metrics(services: Services) -> None:
    failing, body = services.aggregator.check("/status")
    assert (failing, body["status"], body["service_name"]) == ((), "healthy", "gateway")
    assert body["metrics"] == {"jobs_queued": 1}
    assert set(body["services"]) == set(body["dependencies"]) == {"submit", "list"}
    services.responses["list"]["/status"] = 404, {"error": {}}
    _, body = services.aggregator.check("/api/v1/status")
    assert body["status"] == body["dependencies"]["list"]["status"] == "unhealthy"
    assert body["dependencies"]["list"]["message"] == "unavailable"
    assert "metrics" not in body
    assert set(body["services"]) == {"submit"}
