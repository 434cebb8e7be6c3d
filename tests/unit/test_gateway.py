import io
import json
from collections.abc import Iterable
from typing import Any

import pytest

from local.gateway import SERVICES, Gateway, _service


def call(method: str, path: str, body: bytes = b"", **environ: object) -> tuple[str, dict[str, str], Any]:
    """The gateway's own answer: there is no service behind it."""
    said: list[Any] = []
    request = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "RAW_URI": path,
        "wsgi.input": io.BytesIO(body),
        "HTTP_X_TRACE_ID": "ab" * 16,
        **environ,
    }
    gateway = Gateway(dict.fromkeys(SERVICES, "127.0.0.1:0"), "this")

    def start_response(*answer: Any) -> Any:
        said.append(answer)

    chunks: Iterable[bytes] = gateway(request, start_response)
    status, headers = said[0]
    return status, dict(headers), json.loads(b"".join(chunks))


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/api/distance/calculate", "submit"),
        ("/api/distance/jobs", "list"),
        ("/api/distance/stats", "list"),
        ("/api/distance/devices", "list"),
        ("/api/distance/devices/", None),
        ("/openapi.json", "list"),
        ("/api/distance/jobs/1", "status"),
        ("/api/distance/download/a/b", "status"),
        ("/broker", "broker"),
        ("/broker/", None),
        ("/api/distance/calculate/", None),
        ("/api/distance", None),
        ("/metrics/json", "list"),
        ("/api/v1/metrics", "list"),
        ("/metrics", None),
        ("/health", None),
        ("/sweep", None),
        ("/dead-letter", None),
        ("/", None),
        ("", None),
    ],
)
def test_each_path_goes_to_its_service_and_no_other_path_goes_anywhere(path: str, service: str | None) -> None:
    assert _service(path) == service


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "NOT_FOUND"),
        ("POST", "/readyz", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/readyz", 503, "SERVICE_UNAVAILABLE"),
        ("GET", "/health", 503, "SERVICE_UNAVAILABLE"),
        ("GET", "/api/v1/health/startup", 503, "SERVICE_UNAVAILABLE"),
        ("POST", "/status", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/api/distance/jobs", 503, "SERVICE_UNAVAILABLE"),
    ],
)
def test_its_own_refusals_have_the_envelope(method: str, path: str, status: int, code: str) -> None:
    line, headers, body = call(method, path)

    assert line.startswith(f"{status} ")
    assert body["error"]["code"] == code
    assert body["trace_id"] == headers["X-Trace-Id"] == "ab" * 16


def test_a_refusal_names_the_services_that_are_away() -> None:
    assert call("GET", "/healthz")[2]["error"]["message"] == f"Unavailable: {', '.join(SERVICES)}"
    assert call("POST", "/broker")[2]["error"]["message"] == "Unavailable: broker"


def test_a_body_that_is_too_large_or_broken_off_goes_nowhere() -> None:
    large = b"x" * ((1 << 20) + 1)

    assert call("POST", "/broker", large, CONTENT_LENGTH=str(len(large)))[0].startswith("413 ")
    assert call("POST", "/broker", large)[0].startswith("413 ")
    assert call("POST", "/broker", b"half", CONTENT_LENGTH="8")[0].startswith("400 ")
