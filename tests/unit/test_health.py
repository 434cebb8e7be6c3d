"""What is said of checks that succeed, fail, break and hang."""

import logging
import threading
from collections.abc import Callable

import pytest

from shared.errors import CheckFailed, Unavailable
from shared.http.health import CACHE_SECONDS, FAILURE_CACHE_SECONDS, Check, Health, deployment_environment


def well() -> None:
    pass


def away() -> None:
    raise Unavailable("storage", "SlowDown at 10.0.0.1")


def full() -> None:
    raise CheckFailed("no space")


def broken() -> None:
    raise ZeroDivisionError("secret 40.736097")


@pytest.mark.parametrize(
    ("storage", "tmp", "overall", "ready"),
    [
        (well, well, "healthy", True),
        (well, full, "degraded", True),
        (well, broken, "degraded", True),
        (away, well, "unhealthy", False),
        (broken, full, "unhealthy", False),
    ],
)
def test_a_critical_check_decides_and_any_other_degrades(
    storage: Callable[[], None], tmp: Callable[[], None], overall: str, ready: bool
) -> None:
    health = Health("distance-test", {"storage": storage, "tmp": Check(tmp, critical=False)})
    report = health.report()
    assert (report["status"], report["overall_status"]) == (overall, overall)
    assert health.status()["status"] == overall
    assert (not any(health.readiness().values())) is ready


@pytest.mark.parametrize(
    ("ask", "message"), [(well, "ok"), (away, "unavailable"), (full, "no space"), (broken, "error")]
)
def test_a_check_is_told_in_fixed_words(ask: Callable[[], None], message: str) -> None:
    health = Health("distance-test", {"mine": Check(ask, critical=False)})
    told = health.report()["checks"]["mine"]
    assert told.pop("latency_ms") >= 0
    assert told == {
        "name": "mine",
        "critical": False,
        "status": "healthy" if message == "ok" else "unhealthy",
        "message": message,
    }
    assert health.status()["dependencies"]["mine"]["message"] == message


def test_what_hangs_is_told_in_time_and_hangs_once(caplog: pytest.LogCaptureFixture) -> None:
    goes_on, runs = threading.Event(), list[int]()

    def hang() -> None:
        runs.append(1)
        goes_on.wait(10)

    health = Health("distance-test", {"database": Check(hang, timeout_seconds=0.01), "storage": well})
    for _ in range(3):
        assert health.readiness() == {"database": "unavailable", "storage": ""}
    assert health.report()["checks"]["database"]["message"] == "timeout"
    assert {record.__dict__["cause"] for record in caplog.records} == {"timeout"}
    goes_on.set()
    assert len(runs) == 1


def test_what_was_found_is_kept_a_failure_for_less_long() -> None:
    now, runs = [0.0], list[float]()

    def once_away() -> None:
        runs.append(now[0])
        if len(runs) == 1:
            away()

    health = Health("distance-test", {"storage": once_away}, clock=lambda: now[0])
    ready = []
    for now[0] in (0, FAILURE_CACHE_SECONDS - 0.1, FAILURE_CACHE_SECONDS, FAILURE_CACHE_SECONDS + CACHE_SECONDS - 0.1):
        ready.append(not health.readiness()["storage"])
        health.report()
    assert ready == [False, False, True, True]
    assert runs == [0, FAILURE_CACHE_SECONDS]


def test_readiness_asks_nothing_that_does_not_decide_it() -> None:
    assert Health("distance-test", {"tmp": Check(lambda: pytest.fail("asked"), critical=False)}).readiness() == {}


def test_the_log_has_the_cause_and_a_break_its_places(caplog: pytest.LogCaptureFixture) -> None:
    Health("distance-test", {"storage": away, "tmp": full, "mine": broken}).report()
    causes = {record.__dict__.get("cause"): record.levelno for record in caplog.records}
    assert causes == {"SlowDown at 10.0.0.1": logging.WARNING, "no space": logging.WARNING, None: logging.ERROR}


def test_status_counts_what_can_be_counted_and_does_without() -> None:
    numbers: dict[str, int | float | None] = {"jobs_queued": 1}
    assert Health("distance-test", {}, lambda: numbers).status()["metrics"] == numbers

    def uncounted() -> dict[str, int | float | None]:
        raise Unavailable("storage", "SlowDown")

    assert "metrics" not in Health("distance-test", {}, uncounted).status()
    assert "metrics" not in Health("distance-test", {}).status()


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ("", "unknown"),
        ("team=home", "unknown"),
        ("team=home, deployment.environment.name=production", "production"),
        ("deployment.environment=old,deployment.environment.name=new", "new"),
        ("deployment.environment=old", "old"),
        ("deployment.environment.name=home%20lab", "home lab"),
        ("broken,=,deployment.environment.name=", "unknown"),
    ],
)
def test_the_environment_is_what_opentelemetry_was_told(attributes: str, told: str) -> None:
    assert deployment_environment({"OTEL_RESOURCE_ATTRIBUTES": attributes}) == told


def test_an_environment_without_attributes_is_unknown() -> None:
    assert deployment_environment({}) == "unknown"
