"""Which requests leave a line of their own, and what is in it."""

import logging
from typing import Any

import pytest
from flask.testing import FlaskClient

from shared import errors
from shared.http.messages import Request, Response
from shared.http.service import Service
from tests.functional.harness import served


def make() -> Service:
    def down() -> None:
        raise errors.Unavailable("storage", "SlowDown")

    def away(_: Request) -> Response:
        down()
        return Response(200)

    routes = {("GET", "/jobs/<job_id>"): lambda _: Response(200, {}), ("GET", "/away/<job_id>"): away}
    return Service("distance-test", routes, {"storage": down})


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return served(make)


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [record.__dict__ for record in caplog.records if record.message == "request"]


@pytest.mark.parametrize("path", ["/jobs/1", "/none"])
def test_a_request_that_succeeds_or_is_refused_leaves_none(
    client: FlaskClient, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    client.get(path)
    assert not lines(caplog)


def test_at_debug_each_request_leaves_one_with_the_template_of_its_path(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "shared.http.instrumentation")
    client.get("/jobs/40.736097?secret=1")
    (line,) = lines(caplog)
    assert (line["http.request.method"], line["http.route"]) == ("GET", "/jobs/<job_id>")
    assert (line["levelno"], line["http.response.status_code"]) == (logging.DEBUG, 200)
    assert line["duration_ms"] >= 0
    assert not any(word in repr(line) for word in ("40.736", "secret"))


def test_what_has_no_route_and_no_known_method_is_not_repeated(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "shared.http.instrumentation")
    client.open("/secret", method="SECRET")
    (line,) = lines(caplog)
    assert line["http.request.method"] == "_OTHER"
    assert "http.route" not in line
    assert "secret" not in repr(line).lower()


def test_a_failure_leaves_one_at_any_level(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    client.get("/away/1")
    (line,) = lines(caplog)
    assert (line["levelname"], line["http.response.status_code"]) == ("WARNING", 503)
    assert line["http.route"] == "/away/<job_id>"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_leave_none(client: FlaskClient, path: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "shared.http.instrumentation")
    client.get(path)
    assert not lines(caplog)
