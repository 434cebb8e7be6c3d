"""The access log: which requests are logged, and with which fields."""

import logging
from typing import Any

import pytest
from flask.testing import FlaskClient

from shared import errors
from shared.http.messages import Request, Response
from shared.http.service import Service
from tests.functional.harness import service_client


def create_service() -> Service:
    def check() -> None:
        raise errors.Unavailable("storage", "SlowDown")

    def fail(_: Request) -> Response:
        check()
        return Response(200)

    routes = {("GET", "/jobs/<job_id>"): lambda _: Response(200, {}), ("GET", "/fail/<job_id>"): fail}
    return Service("distance-test", routes, {"storage": check})


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return service_client(create_service)


def access_records(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [record.__dict__ for record in caplog.records if record.message == "request"]


@pytest.mark.parametrize("path", ["/jobs/1", "/none"])
def test_successful_and_rejected_requests_are_not_logged(
    client: FlaskClient, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    client.get(path)
    assert not access_records(caplog)


def test_requests_are_logged_at_debug_with_route_template(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "shared.http.instrumentation")
    client.get("/jobs/40.736097?secret=1")
    (fields,) = access_records(caplog)
    assert (fields["http.request.method"], fields["http.route"]) == ("GET", "/jobs/<job_id>")
    assert (fields["levelno"], fields["http.response.status_code"]) == (logging.DEBUG, 200)
    assert fields["duration_ms"] >= 0
    assert not any(word in repr(fields) for word in ("40.736", "secret"))


def test_unknown_method_and_path_are_not_logged(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "shared.http.instrumentation")
    client.open("/secret", method="SECRET")
    (fields,) = access_records(caplog)
    assert fields["http.request.method"] == "_OTHER"
    assert "http.route" not in fields
    assert "secret" not in repr(fields).lower()


def test_server_error_is_logged_as_warning(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    client.get("/fail/1")
    (fields,) = access_records(caplog)
    assert (fields["levelname"], fields["http.response.status_code"]) == ("WARNING", 503)
    assert fields["http.route"] == "/fail/<job_id>"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_are_not_logged(client: FlaskClient, path: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "shared.http.instrumentation")
    client.get(path)
    assert not access_records(caplog)
