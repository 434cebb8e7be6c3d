"""What the gateway makes of its services' health."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from local.probing import Probing

Answers = dict[str, tuple[int, Any]]
WELL: Answers = {
    "/healthz": (200, {"status": "healthy"}),
    "/readyz": (200, {"status": "ready"}),
    "/health/startup": (200, {"status": "started"}),
    "/health": (200, {"overall_status": "healthy", "checks": {}}),
    "/status": (200, {"status": "healthy", "metrics": {"jobs_queued": 1}}),
}


class Services:
    """Services, of which each answers what it is told to by path."""

    def __init__(self, stack: ExitStack) -> None:
        self.said: dict[str, Answers] = {"submit": dict(WELL), "list": dict(WELL)}
        addresses = {name: self._served(answers, stack) for name, answers in self.said.items()}
        self.probing = Probing(addresses, "this")

    def _served(self, answers: Answers, stack: ExitStack) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = answers[self.path]
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

            def log_message(self, *_: object) -> None:
                """To nobody."""

        server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        stack.callback(server.shutdown)
        return f"127.0.0.1:{server.server_port}"


@pytest.fixture
def services() -> Iterator[Services]:
    with ExitStack() as stack:
        yield Services(stack)


@pytest.mark.parametrize(
    ("path", "asked", "status"),
    [
        ("/healthz", "/healthz", "healthy"),
        ("/health/live", "/healthz", "healthy"),
        ("/readyz", "/readyz", "ready"),
        ("/api/v1/health/ready", "/readyz", "ready"),
        ("/health/startup", "/health/startup", "started"),
    ],
)
def test_yes_is_the_yes_of_all(services: Services, path: str, asked: str, status: str) -> None:
    assert services.probing.answer(path) == ([], {"status": status, "service": "gateway", "instance": "this"})
    services.said["list"][asked] = 503, {"status": "unavailable"}
    assert services.probing.answer(path) == (["list"], {})


@pytest.mark.parametrize(
    ("said", "overall", "failing"),
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
def test_the_whole_is_as_well_as_its_worst_part(
    services: Services, said: tuple[int, Any], overall: str, failing: list[str], path: str
) -> None:
    services.said["list"]["/health"] = said
    found, body = services.probing.answer(path)
    assert (found, body["status"], body["overall_status"]) == (failing, overall, overall)
    assert body["services"]["submit"] == {"overall_status": "healthy", "checks": {}}
    assert body["services"]["list"]["overall_status"] in (overall, ["odd"])
    assert "error" not in body["services"]["list"]


def test_status_has_that_of_each_part_and_the_jobs(services: Services) -> None:
    failing, body = services.probing.answer("/status")
    assert (failing, body["status"], body["service_name"]) == ((), "healthy", "gateway")
    assert body["metrics"] == {"jobs_queued": 1}
    assert set(body["services"]) == set(body["dependencies"]) == {"submit", "list"}
    services.said["list"]["/status"] = 404, {"error": {}}
    _, body = services.probing.answer("/api/v1/status")
    assert body["status"] == body["dependencies"]["list"]["status"] == "unhealthy"
    assert body["dependencies"]["list"]["message"] == "unavailable"
    assert "metrics" not in body
    assert set(body["services"]) == {"submit"}
