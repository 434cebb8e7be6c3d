"""Responses that all services have in common."""

import io
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from shared import errors
from shared.http.messages import Request, Response
from shared.http.service import Service
from tests.builders import TRACE_ID, TRACEPARENT
from tests.functional.harness import service_client

FAILURES: dict[str, Callable[[], Exception]] = {
    "invalid": lambda: errors.InvalidRequest("Bad word", "word", "x"),
    "missing": lambda: errors.NotFound("No such job"),
    "conflict": lambda: errors.IdempotencyConflict("Key was used"),
    "locked": lambda: errors.JobLocked("locked"),
    "lost": lambda: errors.LeaseLost("lost"),
    "unavailable": lambda: errors.Unavailable("storage", "SlowDown at 10.0.0.1"),
    "bug": lambda: ZeroDivisionError("secret 40.736097"),
}


def create_service() -> Service:
    def fail(call: Request) -> Response:
        failure = FAILURES[call.path["error"]]()
        raise failure

    def unavailable() -> None:
        raise errors.Unavailable("database", "57P03")

    routes = {
        ("GET", "/fail/<error>"): fail,
        ("GET", "/echo"): lambda call: Response(200, {"trace": call.trace.traceparent, "query": call.query.to_dict()}),
        ("POST", "/echo"): lambda call: Response(200, {"bytes": len(call.body)}),
        ("GET", "/a/b"): lambda _: Response(200, {}),
    }
    return Service("distance-test", routes, {"storage": lambda: None, "database": unavailable})


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return service_client(create_service)


def get_error(client: FlaskClient, path: str, status: int, code: str) -> dict[str, Any]:
    response = client.get(path)
    body: dict[str, Any] = json.loads(response.data)
    assert response.status_code == status
    assert response.content_type == "application/json"
    assert set(body) == {"error", "trace_id"}
    assert set(body["error"]) == {"code", "message", "details"}
    assert body["error"]["code"] == code
    assert response.headers["X-Trace-Id"] == body["trace_id"]
    return body


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        ("invalid", 400, "VALIDATION_ERROR"),
        ("missing", 404, "NOT_FOUND"),
        ("conflict", 422, "CONFLICT"),
        ("locked", 409, "CONFLICT"),
        ("lost", 409, "CONFLICT"),
        ("unavailable", 503, "SERVICE_UNAVAILABLE"),
        ("bug", 500, "INTERNAL_ERROR"),
    ],
)
def test_error_has_status_and_envelope(client: FlaskClient, error: str, status: int, code: str) -> None:
    get_error(client, f"/fail/{error}", status, code)


def test_details_contain_field_and_value(client: FlaskClient) -> None:
    assert get_error(client, "/fail/invalid", 400, "VALIDATION_ERROR")["error"] == {
        "code": "VALIDATION_ERROR",
        "message": "Bad word",
        "details": {"field": "word", "value": "x"},
    }


@pytest.mark.parametrize("error", ["unavailable", "bug"])
def test_server_error_is_logged_once_and_not_exposed(
    client: FlaskClient, error: str, caplog: pytest.LogCaptureFixture
) -> None:
    response = client.get(f"/fail/{error}")
    assert not any(
        word in response.text for word in ("secret", "40.7", "SlowDown", "10.0.0.1", "Traceback", "ZeroDivision")
    )
    assert [record.levelno for record in caplog.records] == [
        logging.ERROR,
        logging.WARNING,
    ]  # the second is the access log
    assert caplog.records[0].exc_info is not None


@pytest.mark.parametrize("error", ["invalid", "missing", "locked"])
def test_client_error_is_not_logged(client: FlaskClient, error: str, caplog: pytest.LogCaptureFixture) -> None:
    client.get(f"/fail/{error}")
    assert not caplog.records


@pytest.mark.parametrize("path", ["/", "/none", "/robots.txt", "/favicon.ico", "/echo/", "/a//b", "/healthz/"])
def test_unknown_path_is_404(client: FlaskClient, path: str) -> None:
    get_error(client, path, 404, "NOT_FOUND")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "BREW"])
def test_wrong_method_is_405_with_allow(client: FlaskClient, method: str) -> None:
    response = client.open("/echo", method=method)
    assert response.status_code == 405
    assert json.loads(response.data)["error"]["code"] == "METHOD_NOT_ALLOWED"
    assert response.headers["Allow"] == "GET, HEAD, POST"


def test_trace_of_caller_continues(client: FlaskClient) -> None:
    response = client.get("/echo", headers={"traceparent": TRACEPARENT})
    assert response.headers["X-Trace-Id"] == TRACE_ID
    traceparent = json.loads(response.data)["trace"]
    assert traceparent.startswith(f"00-{TRACE_ID}-")
    assert traceparent != TRACEPARENT  # this hop is the parent of the next


def test_x_trace_id_is_used_without_traceparent(client: FlaskClient) -> None:
    assert client.get("/echo", headers={"X-Trace-Id": TRACE_ID}).headers["X-Trace-Id"] == TRACE_ID


@pytest.mark.parametrize(
    "header", ["", "x", "0" * 32, "00-" + "0" * 32 + "-b7ad6b7169203331-01", "ff" + TRACEPARENT[2:]]
)
def test_invalid_trace_is_replaced(client: FlaskClient, header: str) -> None:
    first, second = (
        client.get("/echo", headers={"traceparent": header, "X-Trace-Id": header}).headers["X-Trace-Id"] for _ in "12"
    )
    assert len(first) == 32
    assert first != second


def test_body_of_64_kib_is_accepted(client: FlaskClient) -> None:
    assert client.post("/echo", data=bytes(65536)).json == {"bytes": 65536}


@pytest.mark.parametrize("size", [65537, 5 << 20])
def test_larger_body_is_413(client: FlaskClient, size: int) -> None:
    response = client.post("/echo", data=bytes(size))
    assert response.status_code == 413
    assert json.loads(response.data)["error"]["code"] == "PAYLOAD_TOO_LARGE"


@pytest.mark.parametrize(("size", "status"), [(65536, 200), (65537, 413)])
def test_limit_applies_to_chunked_body(client: FlaskClient, size: int, status: int) -> None:
    chunked = {"wsgi.input_terminated": True}
    response = client.post("/echo", input_stream=io.BytesIO(bytes(size)), environ_overrides=chunked)
    assert response.status_code == status


def test_incomplete_body_is_400(client: FlaskClient) -> None:
    response = client.post("/echo", input_stream=io.BytesIO(b"ab"), environ_overrides={"CONTENT_LENGTH": "10"})
    assert response.status_code == 400


def test_excess_requests_are_503_and_liveness_still_responds() -> None:
    clients: list[FlaskClient] = []

    def nested(_: Request) -> Response:
        """Send further requests while this one occupies the only slot."""
        rejected = clients[0].get("/nested")
        assert rejected.status_code == 503
        assert rejected.headers["Retry-After"] == "2"
        assert json.loads(rejected.data)["error"]["message"] == "Too many requests at once"
        assert clients[0].get("/readyz").status_code == 503
        assert clients[0].get("/healthz").status_code == 200
        return Response(200, {})

    clients.append(
        service_client(lambda: Service("distance-test", {("GET", "/nested"): nested}, {}, max_concurrency=1))
    )
    for _ in range(2):  # the slot is released
        assert clients[0].get("/nested").status_code == 200


def test_healthz_runs_no_checks(client: FlaskClient) -> None:
    assert client.get("/healthz").json == {"status": "healthy", "service": "distance-test"}


def test_readyz_names_unavailable_dependency_without_cause(client: FlaskClient) -> None:
    response = client.get("/readyz")
    body = json.loads(response.data)
    assert response.status_code == 503
    assert (body["storage"], body["database"]) == ("connected", "unavailable")
    assert body["error"]["code"] == "SERVICE_UNAVAILABLE"
    assert "57P03" not in response.text


def test_readyz_is_200_if_all_checks_succeed() -> None:
    ready = service_client(lambda: Service("distance-test", {}, {"storage": lambda: None}))
    assert ready.get("/readyz").json == {"status": "ready", "storage": "connected"}
