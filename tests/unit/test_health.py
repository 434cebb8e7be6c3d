"""Health checks that succeed, fail, raise and hang."""

import logging
import threading
from collections.abc import Callable

import pytest

from shared.errors import CheckFailed, Unavailable
from shared.http.health import CACHE_SECONDS, FAILURE_CACHE_SECONDS, Check, Health, deployment_environment


def healthy() -> None:
    pass


def unavailable() -> None:
    raise Unavailable("storage", "SlowDown at 10.0.0.1")


def disk_full() -> None:
    raise CheckFailed("no space")


def broken() -> None:
    raise ZeroDivisionError("secret 40.736097")


@pytest.mark.parametrize(
    ("storage", "tmp", "overall", "ready"),
    [
        (healthy, healthy, "healthy", True),
        (healthy, disk_full, "degraded", True),
        (healthy, broken, "degraded", True),
        (unavailable, healthy, "unhealthy", False),
        (broken, disk_full, "unhealthy", False),
    ],
)
def test_critical_check_makes_unhealthy_and_others_degrade(
    storage: Callable[[], None], tmp: Callable[[], None], overall: str, ready: bool
) -> None:
    health = Health("distance-test", {"storage": storage, "tmp": Check(tmp, critical=False)})
    report = health.report()
    assert (report["status"], report["overall_status"]) == (overall, overall)
    assert health.status()["status"] == overall
    assert (not any(health.readiness().values())) is ready


@pytest.mark.parametrize(
    ("probe", "message"), [(healthy, "ok"), (unavailable, "unavailable"), (disk_full, "no space"), (broken, "error")]
)
def test_messages_are_fixed_phrases(probe: Callable[[], None], message: str) -> None:
    health = Health("distance-test", {"custom": Check(probe, critical=False)})
    check = health.report()["checks"]["custom"]
    assert check.pop("latency_ms") >= 0
    assert check == {
        "name": "custom",
        "critical": False,
        "status": "healthy" if message == "ok" else "unhealthy",
        "message": message,
    }
    assert health.status()["dependencies"]["custom"]["message"] == message


def test_hanging_check_times_out_and_runs_once(caplog: pytest.LogCaptureFixture) -> None:
    unblock, runs = threading.Event(), list[int]()

    def hang() -> None:
        runs.append(1)
        unblock.wait(10)

    health = Health("distance-test", {"database": Check(hang, timeout_seconds=0.01), "storage": healthy})
    for _ in range(3):
        assert health.readiness() == {"database": "unavailable", "storage": ""}
    assert health.report()["checks"]["database"]["message"] == "timeout"
    assert {record.__dict__["cause"] for record in caplog.records} == {"timeout"}
    unblock.set()
    assert len(runs) == 1


def test_failure_is_cached_for_less_time_than_success() -> None:
    now, runs = [0.0], list[float]()

    def fail_first() -> None:
        runs.append(now[0])
        if len(runs) == 1:
            unavailable()

    health = Health("distance-test", {"storage": fail_first}, clock=lambda: now[0])
    ready = []
    for now[0] in (0, FAILURE_CACHE_SECONDS - 0.1, FAILURE_CACHE_SECONDS, FAILURE_CACHE_SECONDS + CACHE_SECONDS - 0.1):
        ready.append(not health.readiness()["storage"])
        health.report()
    assert ready == [False, False, True, True]
    assert runs == [0, FAILURE_CACHE_SECONDS]


def test_readiness_runs_only_critical_checks() -> None:
    assert (
        Health("distance-test", {"tmp": Check(lambda: pytest.fail("check was run"), critical=False)}).readiness() == {}
    )


def test_log_contains_cause_of_failure(caplog: pytest.LogCaptureFixture) -> None:
    Health("distance-test", {"storage": unavailable, "tmp": disk_full, "custom": broken}).report()
    causes = {record.__dict__.get("cause"): record.levelno for record in caplog.records}
    assert causes == {"SlowDown at 10.0.0.1": logging.WARNING, "no space": logging.WARNING, None: logging.ERROR}


def test_status_omits_metrics_that_are_unavailable() -> None:
    counts: dict[str, int | float | None] = {"jobs_queued": 1}
    assert Health("distance-test", {}, lambda: counts).status()["metrics"] == counts

    def fail() -> dict[str, int | float | None]:
        raise Unavailable("storage", "SlowDown")

    assert "metrics" not in Health("distance-test", {}, fail).status()
    assert "metrics" not in Health("distance-test", {}).status()


@pytest.mark.parametrize(
    ("attributes", "environment"),
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
def test_environment_is_a_resource_attribute(attributes: str, environment: str) -> None:
    assert deployment_environment({"OTEL_RESOURCE_ATTRIBUTES": attributes}) == environment


def test_environment_without_attributes_is_unknown() -> None:
    assert deployment_environment({}) == "unknown"
