import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import flask
import pytest
from sentry_sdk import Transport
from sentry_sdk.envelope import Envelope
from werkzeug.test import EnvironBuilder

from shared.config.settings import Settings
from shared.errors import Overloaded, Unavailable
from shared.http.messages import Request, Response
from shared.http.service import Service
from shared.telemetry import error_reporting, metrics
from shared.telemetry.error_reporting import capture_error, error_type
from shared.telemetry.logging_config import service_name
from shared.version import VERSION
from tests.builders import TRACE_ID, TRACEPARENT

DSN = "https://key-of-the-dsn@sentry.invalid/1"
SECRET, COORDINATE = "hunter2", "40.736097"


class Sent(Transport):
    """Where a client's events end here."""

    events: list[dict[str, Any]]

    def capture_envelope(self, envelope: Envelope) -> None:
        self.events += [json.loads(item.payload.get_bytes()) for item in envelope.items]


@pytest.fixture
def counted() -> Iterator[list[object]]:
    """The kinds that are counted while a test runs."""
    kinds: list[object] = []
    metrics.ERRORS.instrument = lambda _, labels: kinds.append(labels["error.type"])
    yield kinds
    metrics.ERRORS.instrument = None


@pytest.fixture
def sentry() -> Iterator[type[Sent]]:
    """A transport for `start`; what it has reported is in its `events`."""
    yield type("OwnSent", (Sent,), {"events": []})
    error_reporting.reporters.clear()


def settings(**values: object) -> Settings:
    return Settings.model_validate({"SENTRY_DSN": DSN, **values})


def asked(service: Service) -> flask.Response:
    headers = [("traceparent", TRACEPARENT), ("Authorization", SECRET), ("Cookie", f"session={SECRET}")]
    environ = EnvironBuilder("/jobs/1", query_string={"at": COORDINATE}, headers=headers).get_environ()
    return service(flask.Request(environ))


@pytest.mark.parametrize(
    ("exc", "kind"),
    [
        (Unavailable("storage", "SlowDown"), "storage"),
        (Unavailable("worker", "stopping"), "worker"),
        (Overloaded("Too many"), "overloaded"),
        (ZeroDivisionError("x"), "unexpected"),
    ],
)
def test_every_kind_of_fault_is_counted_under_a_name_that_metrics_know(
    exc: Exception, kind: str, counted: list[object]
) -> None:
    capture_error(exc)
    assert counted == [kind] == [error_type(exc)]
    assert kind in metrics.FAULTS


def test_an_exception_is_captured_once_however_many_layers_see_it(
    counted: list[object], caplog: pytest.LogCaptureFixture
) -> None:
    exc = Unavailable("database", "08006")
    capture_error(exc, job_id="j")
    capture_error(exc)
    assert counted == ["database"]
    (line,) = caplog.records
    assert (line.message, line.levelno, line.exc_info) == ("unavailable", logging.ERROR, (Unavailable, exc, None))
    assert {"job_id": "j", "dependency": "database", "cause": "08006"}.items() <= line.__dict__.items()
    capture_error(Unavailable("database", "08006"))
    assert counted == ["database"] * 2


def test_a_flood_is_counted_and_not_logged(counted: list[object], caplog: pytest.LogCaptureFixture) -> None:
    capture_error(Overloaded("Too many requests at once"))
    assert counted == ["overloaded"]
    assert not caplog.records


def test_a_report_that_fails_changes_nothing(sentry: type[Sent], counted: list[object]) -> None:
    def fail(*_: object) -> None:
        raise OSError

    error_reporting.reporters.append(fail)
    error_reporting.start(settings(), sentry)
    capture_error(ValueError())
    assert counted == ["unexpected"]
    assert len(sentry.events) == 1


def test_of_an_exception_sentry_gets_classes_places_and_ids_and_nothing_else(sentry: type[Sent]) -> None:
    def fail(_: Request) -> Response:
        password, latitude = SECRET, COORDINATE
        try:
            int(f"password={password} latitude={latitude}")
        except ValueError as exc:
            raise KeyError(password) from exc
        return Response(200)

    error_reporting.start(settings(), sentry)
    assert asked(Service("distance-test", {("GET", "/jobs/<job_id>"): fail}, {})).status_code == 500
    (event,) = sentry.events
    text = json.dumps(event)
    assert not any(word in text for word in (SECRET, COORDINATE, "password", "latitude", "Cookie", "jobs/1"))
    assert set(event) <= set(error_reporting._SENT)
    cause, told = event["exception"]["values"]
    assert (cause["type"], told["type"]) == ("ValueError", "KeyError")
    assert all(set(one) == {"type", "module", "stacktrace"} for one in (cause, told))
    files = [frame["filename"] for frame in told["stacktrace"]["frames"]]
    assert files[0] == "shared/http/service.py"
    assert files[-1] == "tests/unit/test_error_reporting.py"
    assert event["tags"] == {
        "service": service_name(),
        "version": VERSION,
        "trace_id": TRACE_ID,
        "error.type": "unexpected",
    }
    assert event["contexts"]["trace"]["trace_id"] == TRACE_ID


def test_sentry_gets_no_more_in_a_minute_than_the_settings_say(sentry: type[Sent], counted: list[object]) -> None:
    error_reporting.start(settings(SENTRY_MAX_PER_MINUTE=3), sentry)
    for _ in range(5):
        capture_error(ValueError())
    assert len(sentry.events) == 3
    assert len(counted) == 5


def test_sentry_gets_the_share_that_the_settings_say(sentry: type[Sent]) -> None:
    error_reporting.start(settings(SENTRY_SAMPLE_RATE=0), sentry)
    capture_error(ValueError())
    assert not sentry.events


def test_without_its_package_sentry_is_one_line_and_no_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "sentry_sdk", None)  # what Python itself takes for: it is not installed
    error_reporting.start(settings())
    (line,) = caplog.records
    assert line.__dict__["cause"] == "ModuleNotFoundError"
    assert not error_reporting.reporters


def test_without_a_dsn_nothing_is_loaded_and_nothing_said(caplog: pytest.LogCaptureFixture) -> None:
    error_reporting.start(Settings())
    assert not error_reporting.reporters
    assert not caplog.records
