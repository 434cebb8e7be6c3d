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


class MemoryTransport(Transport):
    """Collects the events of a client."""

    events: list[dict[str, Any]]

    def capture_envelope(self, envelope: Envelope) -> None:
        self.events += [json.loads(item.payload.get_bytes()) for item in envelope.items]


@pytest.fixture
def counted_kinds() -> Iterator[list[object]]:
    """Collect the kinds of counted errors."""
    kinds: list[object] = []
    metrics.ERRORS.instrument = lambda _, labels: kinds.append(labels["error.type"])
    yield kinds
    metrics.ERRORS.instrument = None


@pytest.fixture
def sentry() -> Iterator[type[MemoryTransport]]:
    """Return a transport for `start` that collects events."""
    yield type("TestTransport", (MemoryTransport,), {"events": []})
    error_reporting.reporters.clear()


def settings(**values: str) -> Settings:
    return Settings.parse({"SENTRY_DSN": DSN, **values})


def get(service: Service) -> flask.Response:
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
def test_error_is_counted_by_kind(exc: Exception, kind: str, counted_kinds: list[object]) -> None:
    capture_error(exc)
    assert counted_kinds == [kind] == [error_type(exc)]
    assert kind in metrics.FAULTS


def test_exception_is_captured_once(counted_kinds: list[object], caplog: pytest.LogCaptureFixture) -> None:
    exc = Unavailable("database", "08006")
    capture_error(exc, job_id="j")
    capture_error(exc)
    assert counted_kinds == ["database"]
    (record,) = caplog.records
    assert (record.message, record.levelno, record.exc_info) == ("unavailable", logging.ERROR, (Unavailable, exc, None))
    assert {"job_id": "j", "dependency": "database", "cause": "08006"}.items() <= record.__dict__.items()
    capture_error(Unavailable("database", "08006"))
    assert counted_kinds == ["database"] * 2


def test_overload_is_counted_but_not_logged(counted_kinds: list[object], caplog: pytest.LogCaptureFixture) -> None:
    capture_error(Overloaded("Too many requests at once"))
    assert counted_kinds == ["overloaded"]
    assert not caplog.records


def test_failed_report_is_ignored(sentry: type[MemoryTransport], counted_kinds: list[object]) -> None:
    def fail(*_: object) -> None:
        raise OSError

    error_reporting.reporters.append(fail)
    error_reporting.start(settings(), sentry)
    capture_error(ValueError())
    assert counted_kinds == ["unexpected"]
    assert len(sentry.events) == 1


def test_sentry_event_contains_only_classes_locations_and_ids(sentry: type[MemoryTransport]) -> None:
    def fail(_: Request) -> Response:
        password, latitude = SECRET, COORDINATE
        try:
            int(f"password={password} latitude={latitude}")
        except ValueError as exc:
            raise KeyError(password) from exc
        return Response(200)

    error_reporting.start(settings(), sentry)
    assert get(Service("distance-test", {("GET", "/jobs/<job_id>"): fail}, {})).status_code == 500
    (event,) = sentry.events
    text = json.dumps(event)
    assert not any(word in text for word in (SECRET, COORDINATE, "password", "latitude", "Cookie", "jobs/1"))
    assert set(event) <= set(error_reporting._ALLOWED_FIELDS)
    cause, exception = event["exception"]["values"]
    assert (cause["type"], exception["type"]) == ("ValueError", "KeyError")
    assert all(set(value) == {"type", "module", "stacktrace"} for value in (cause, exception))
    files = [frame["filename"] for frame in exception["stacktrace"]["frames"]]
    assert files[0] == "shared/http/service.py"
    assert files[-1] == "tests/unit/test_error_reporting.py"
    assert event["tags"] == {
        "service": service_name(),
        "version": VERSION,
        "trace_id": TRACE_ID,
        "error.type": "unexpected",
    }
    assert event["contexts"]["trace"]["trace_id"] == TRACE_ID


def test_sentry_events_are_limited_per_minute(sentry: type[MemoryTransport], counted_kinds: list[object]) -> None:
    error_reporting.start(settings(SENTRY_MAX_PER_MINUTE="3"), sentry)
    for _ in range(5):
        capture_error(ValueError())
    assert len(sentry.events) == 3
    assert len(counted_kinds) == 5


def test_sentry_events_are_sampled(sentry: type[MemoryTransport]) -> None:
    error_reporting.start(settings(SENTRY_SAMPLE_RATE="0"), sentry)
    capture_error(ValueError())
    assert not sentry.events


def test_missing_sentry_package_is_logged(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setitem(sys.modules, "sentry_sdk", None)  # makes the import fail
    error_reporting.start(settings())
    (record,) = caplog.records
    assert record.__dict__["cause"] == "ModuleNotFoundError"
    assert not error_reporting.reporters


def test_sentry_is_disabled_without_dsn(caplog: pytest.LogCaptureFixture) -> None:
    error_reporting.start(Settings())
    assert not error_reporting.reporters
    assert not caplog.records
