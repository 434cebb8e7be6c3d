import io
import json
from collections.abc import Iterable
from typing import Any

import pytest

from local.gateway.app import SERVICES, Gateway, _service_of


def call(method: str, path: str, body: bytes = b"", **environ: object) -> tuple[str, dict[str, str], Any]:
    """Return the response of a gateway without services."""
    responses: list[Any] = []
    request = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "RAW_URI": path,
        "wsgi.input": io.BytesIO(body),
        "HTTP_X_TRACE_ID": "ab" * 16,
        **environ,
    }
    gateway = Gateway(dict.fromkeys(SERVICES, "127.0.0.1:0"), "this")

    def start_response(*response: Any) -> Any:
        responses.append(response)

    chunks: Iterable[bytes] = gateway(request, start_response)
    status, headers = responses[0]
    return status, dict(headers), json.loads(b"".join(chunks))


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/api/distance/calculate", "submit"),
        ("/api/distance/jobs", "list"),
        ("/api/distance/stats", "list"),
        ("/api/distance/devices", "list"),
        ("/api/distance/days", "list"),
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
        ("/", "web"),
        ("/config.json", "web"),
        ("/config.json/", None),
        ("/assets/0/app.js", "web"),
        ("/assets", None),
        ("/index.html", None),
        ("", None),
    ],
)
def test_each_path_is_routed_to_its_service(path: str, service: str | None) -> None:
    assert _service_of(path) == service


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
def test_errors_of_the_gateway_have_the_envelope_and_a_trace_id(method: str, path: str, status: int, code: str) -> None:
    line, headers, body = call(method, path)

    assert line.startswith(f"{status} ")
    assert body["error"]["code"] == code
    assert body["trace_id"] == headers["X-Trace-Id"] == "ab" * 16


def test_a_503_names_the_unavailable_services() -> None:
    assert call("GET", "/healthz")[2]["error"]["message"] == f"Unavailable: {', '.join(SERVICES)}"
    assert call("POST", "/broker")[2]["error"]["message"] == "Unavailable: broker"


def test_an_oversized_or_truncated_body_is_rejected() -> None:
    large = b"x" * ((1 << 20) + 1)

    assert call("POST", "/broker", large, CONTENT_LENGTH=str(len(large)))[0].startswith("413 ")
    assert call("POST", "/broker", large)[0].startswith("413 ")
    assert call("POST", "/broker", b"half", CONTENT_LENGTH="8")[0].startswith("400 ")
