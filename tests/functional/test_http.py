"""What every service answers, whatever it is for."""

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
from tests.functional.harness import served

FAILURES: dict[str, Callable[[], Exception]] = {
    "invalid": lambda: errors.InvalidRequest("Bad word", "word", "x"),
    "missing": lambda: errors.NotFound("No such job"),
    "reused": lambda: errors.IdempotencyConflict("Key was used"),
    "held": lambda: errors.JobLocked("held"),
    "lost": lambda: errors.LeaseLost("lost"),
    "away": lambda: errors.Unavailable("storage", "SlowDown at 10.0.0.1"),
    "bug": lambda: ZeroDivisionError("secret 40.736097"),
}


def make() -> Service:
    def fail(call: Request) -> Response:
        failure = FAILURES[call.path["how"]]()
        raise failure

    def down() -> None:
        raise errors.Unavailable("database", "57P03")

    routes = {
        ("GET", "/fail/<how>"): fail,
        ("GET", "/echo"): lambda call: Response(200, {"trace": call.trace.traceparent, "query": call.query.to_dict()}),
        ("POST", "/echo"): lambda call: Response(200, {"bytes": len(call.body)}),
        ("GET", "/a/b"): lambda _: Response(200, {}),
    }
    return Service("distance-test", routes, {"storage": lambda: None, "database": down})


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return served(make)


def envelope(client: FlaskClient, path: str, status: int, code: str) -> dict[str, Any]:
    answer = client.get(path)
    body: dict[str, Any] = json.loads(answer.data)
    assert answer.status_code == status
    assert answer.content_type == "application/json"
    assert set(body) == {"error", "trace_id"}
    assert set(body["error"]) == {"code", "message", "details"}
    assert body["error"]["code"] == code
    assert answer.headers["X-Trace-Id"] == body["trace_id"]
    return body


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        ("invalid", 400, "VALIDATION_ERROR"),
        ("missing", 404, "NOT_FOUND"),
        ("reused", 422, "CONFLICT"),
        ("held", 409, "CONFLICT"),
        ("lost", 409, "CONFLICT"),
        ("away", 503, "SERVICE_UNAVAILABLE"),
        ("bug", 500, "INTERNAL_ERROR"),
    ],
)
def test_every_error_has_its_status_and_the_one_envelope(client: FlaskClient, how: str, status: int, code: str) -> None:
    envelope(client, f"/fail/{how}", status, code)


def test_details_name_field_and_value(client: FlaskClient) -> None:
    error = envelope(client, "/fail/invalid", 400, "VALIDATION_ERROR")["error"]
    assert error == {"code": "VALIDATION_ERROR", "message": "Bad word", "details": {"field": "word", "value": "x"}}


@pytest.mark.parametrize("how", ["away", "bug"])
def test_a_failure_inside_is_logged_once_with_its_cause_and_never_told(
    client: FlaskClient, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.get(f"/fail/{how}")
    assert not any(
        word in answer.text for word in ("secret", "40.7", "SlowDown", "10.0.0.1", "Traceback", "ZeroDivision")
    )
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]  # and its access line
    assert caplog.records[0].exc_info is not None


@pytest.mark.parametrize("how", ["invalid", "missing", "held"])
def test_what_callers_do_wrong_is_not_logged(client: FlaskClient, how: str, caplog: pytest.LogCaptureFixture) -> None:
    client.get(f"/fail/{how}")
    assert not caplog.records


@pytest.mark.parametrize("path", ["/", "/none", "/robots.txt", "/favicon.ico", "/echo/", "/a//b", "/healthz/"])
def test_an_unknown_path_is_404_in_the_envelope(client: FlaskClient, path: str) -> None:
    envelope(client, path, 404, "NOT_FOUND")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "BREW"])
def test_a_wrong_method_is_405_and_told_the_right_ones(client: FlaskClient, method: str) -> None:
    answer = client.open("/echo", method=method)
    assert answer.status_code == 405
    assert json.loads(answer.data)["error"]["code"] == "METHOD_NOT_ALLOWED"
    assert answer.headers["Allow"] == "GET, HEAD, POST"


def test_the_callers_trace_is_kept(client: FlaskClient) -> None:
    answer = client.get("/echo", headers={"traceparent": TRACEPARENT})
    assert answer.headers["X-Trace-Id"] == TRACE_ID
    said = json.loads(answer.data)["trace"]
    assert said.startswith(f"00-{TRACE_ID}-")
    assert said != TRACEPARENT  # this hop is the parent of the next


def test_x_trace_id_serves_where_there_is_no_traceparent(client: FlaskClient) -> None:
    assert client.get("/echo", headers={"X-Trace-Id": TRACE_ID}).headers["X-Trace-Id"] == TRACE_ID


@pytest.mark.parametrize(
    "given", ["", "x", "0" * 32, "00-" + "0" * 32 + "-b7ad6b7169203331-01", "ff" + TRACEPARENT[2:]]
)
def test_a_broken_trace_is_replaced_by_a_new_one(client: FlaskClient, given: str) -> None:
    first, second = (
        client.get("/echo", headers={"traceparent": given, "X-Trace-Id": given}).headers["X-Trace-Id"] for _ in "12"
    )
    assert len(first) == 32
    assert first != second


def test_a_body_up_to_64_kib_is_taken(client: FlaskClient) -> None:
    assert client.post("/echo", data=bytes(65536)).json == {"bytes": 65536}


@pytest.mark.parametrize("size", [65537, 5 << 20])
def test_a_larger_body_is_413(client: FlaskClient, size: int) -> None:
    answer = client.post("/echo", data=bytes(size))
    assert answer.status_code == 413
    assert json.loads(answer.data)["error"]["code"] == "PAYLOAD_TOO_LARGE"


@pytest.mark.parametrize(("size", "status"), [(65536, 200), (65537, 413)])
def test_a_body_without_a_length_is_measured_as_it_comes(client: FlaskClient, size: int, status: int) -> None:
    chunked = {"wsgi.input_terminated": True}
    answer = client.post("/echo", input_stream=io.BytesIO(bytes(size)), environ_overrides=chunked)
    assert answer.status_code == status


def test_a_body_that_ends_early_is_400(client: FlaskClient) -> None:
    answer = client.post("/echo", input_stream=io.BytesIO(b"ab"), environ_overrides={"CONTENT_LENGTH": "10"})
    assert answer.status_code == 400


def test_more_requests_than_are_worked_on_at_once_are_refused_and_health_is_still_told() -> None:
    inside: list[FlaskClient] = []

    def nested(_: Request) -> Response:
        """Asks the service again while it has its only place."""
        refused = inside[0].get("/nested")
        assert refused.status_code == 503
        assert refused.headers["Retry-After"] == "2"
        assert json.loads(refused.data)["error"]["message"] == "Too many requests at once"
        assert inside[0].get("/readyz").status_code == 503
        assert inside[0].get("/healthz").status_code == 200
        return Response(200, {})

    inside.append(served(lambda: Service("distance-test", {("GET", "/nested"): nested}, {}, max_concurrency=1)))
    for _ in range(2):  # the place is given back
        assert inside[0].get("/nested").status_code == 200


def test_healthz_touches_nothing(client: FlaskClient) -> None:
    assert client.get("/healthz").json == {"status": "healthy", "service": "distance-test"}


def test_readyz_names_what_is_away_and_no_more(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    body = json.loads(answer.data)
    assert answer.status_code == 503
    assert (body["storage"], body["database"]) == ("connected", "unavailable")
    assert body["error"]["code"] == "SERVICE_UNAVAILABLE"
    assert "57P03" not in answer.text


def test_readyz_is_200_when_everything_answers() -> None:
    ready = served(lambda: Service("distance-test", {}, {"storage": lambda: None}))
    assert ready.get("/readyz").json == {"status": "ready", "storage": "connected"}
