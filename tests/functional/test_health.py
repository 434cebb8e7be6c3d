"""Health endpoints of the four functions, as docs/reference/health.md describes them."""

import json
import logging
import re
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from shared.errors import CheckFailed, Unavailable
from shared.http.health import Check
from shared.http.health_paths import HEALTH, JOB_COUNTS, LIVE, PROBES, PROMETHEUS, READY, STARTUP, STATUS
from shared.http.messages import Request, Response
from shared.http.service import Options, Service
from shared.models import Status
from shared.version import VERSION
from tests.builders import JOB_ID, record, result
from tests.contract.world import World
from tests.functional.harness import service_client

NAMES = ("distance-submit", "distance-calculate", "distance-status", "distance-list")
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
every_function = pytest.mark.parametrize("number", range(4), ids=NAMES)


@pytest.fixture
def world() -> World:
    world = World()
    world.jobs.create(record())
    return world


def fail_storage(world: World) -> None:
    """Make the storage unavailable, with a cause that responses must not contain."""

    def fail(name: str, key: str) -> None:
        raise Unavailable("storage", "SlowDown at 10.0.0.1")

    world.bucket.before = fail


def get(world: World, number: int, path: str) -> tuple[int, dict[str, Any]]:
    response = world.client(number).get(path)
    text = response.text
    assert response.content_type == "application/json"
    assert not any(word in text for word in ("SlowDown", "10.0.0.1", "iphone", "40.736", JOB_ID))
    body: dict[str, Any] = json.loads(text)
    return response.status_code, body


@every_function
def test_aliases_return_the_same_response(world: World, number: int) -> None:
    client = world.client(number)

    def stable_text(path: str) -> str:
        return re.sub(rf'{TIME}|"(latency_ms|\w*uptime\w*|\w+_age_seconds)": [\d.]+', "", client.get(path).text)

    for paths in (LIVE, READY, STARTUP, HEALTH, STATUS):
        assert len({stable_text(path) for path in paths}) == 1
        assert {client.get(path).status_code for path in paths} == {200}


@every_function
def test_liveness_and_startup_run_no_checks(world: World, number: int) -> None:
    fail_storage(world)
    for path in (*LIVE, *STARTUP):
        status, body = get(world, number, path)
        assert status == 200
        assert body == {"status": "healthy" if path in LIVE else "started", "service": NAMES[number]}


@every_function
def test_health_reports_each_check(world: World, number: int) -> None:
    status, body = get(world, number, "/health")
    assert status == 200
    assert (body["service"], body["status"], body["overall_status"]) == (NAMES[number], "healthy", "healthy")
    assert re.fullmatch(TIME, body["timestamp"])
    assert body["system_uptime_seconds"] >= 0
    assert body["checks"]["storage"].pop("latency_ms") >= 0
    assert body["checks"]["storage"] == {"name": "storage", "critical": True, "status": "healthy", "message": "ok"}


@every_function
def test_health_is_503_if_a_critical_check_fails(world: World, number: int) -> None:
    fail_storage(world)
    status, body = get(world, number, "/health")
    assert (status, body["overall_status"]) == (503, "unhealthy")
    assert body["checks"]["storage"]["message"] == "unavailable"
    assert body["error"] == {"code": "SERVICE_UNAVAILABLE", "message": "Unavailable: storage", "details": {}}
    assert body["trace_id"]


@every_function
def test_status_is_200_even_if_unhealthy(world: World, number: int) -> None:
    status, body = get(world, number, "/status")
    assert (status, body["service_name"], body["service_version"]) == (200, NAMES[number], VERSION)
    assert (body["environment"], body["status"]) == ("unknown", "healthy")
    assert re.fullmatch(TIME, body["timestamp"])
    assert set(body["dependencies"]["storage"]) == {"status", "message", "latency_ms"}
    assert ("metrics" in body) == (number == 3)
    unhealthy = World()
    fail_storage(unhealthy)
    status, body = get(unhealthy, number, "/api/v1/status")
    assert (status, body["status"]) == (200, "unhealthy")
    assert "metrics" not in body


@every_function
def test_health_details_can_be_disabled_but_not_probes(world: World, number: int) -> None:
    world = World(Options(health_details=False))
    client = world.client(number)
    for path in (*HEALTH, *STATUS, *JOB_COUNTS, *PROMETHEUS):
        response = client.get(path)
        assert (response.status_code, json.loads(response.data)["error"]["code"]) == (404, "NOT_FOUND")
    assert not {path for _, path in world.services[number].router.routes()} & set(PROMETHEUS)
    assert {client.get(path).status_code for path in (*LIVE, *READY, *STARTUP)} == {200}


@pytest.mark.parametrize("path", sorted(PROBES))
def test_probes_are_not_in_the_access_log(world: World, path: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "shared.http.instrumentation")
    world.client(3).get(path)
    assert not [record for record in caplog.records if record.message == "request"]


@pytest.mark.parametrize("path", [*LIVE, *STARTUP, *READY, *HEALTH, *STATUS])
def test_only_liveness_and_startup_respond_at_the_concurrency_limit(path: str) -> None:
    responses: list[TestResponse] = []

    def nested(_: Request) -> Response:
        responses.append(client.get(path))
        return Response(200)

    client = service_client(lambda: Service("distance-test", {("GET", "/nested"): nested}, {}, max_concurrency=1))
    client.get("/nested")
    assert responses[0].status_code == (200 if path in (*LIVE, *STARTUP) else 503)


def test_readiness_contains_message_of_failed_check_but_no_other_cause() -> None:
    def unsupported() -> None:
        raise CheckFailed("Column created_at of public.locations has type bigint")

    def unavailable() -> None:
        raise Unavailable("storage", "SlowDown at 10.0.0.1")

    response = service_client(
        lambda: Service("distance-test", {}, {"database": unsupported, "storage": unavailable})
    ).get("/readyz")
    body = json.loads(response.data)
    assert (response.status_code, len(body.pop("trace_id"))) == (503, 32)
    assert body == {
        "status": "unavailable",
        "database": "Column created_at of public.locations has type bigint",
        "storage": "unavailable",
        "error": {"code": "SERVICE_UNAVAILABLE", "message": "Unavailable: database, storage", "details": {}},
    }


def test_custom_check_is_reported() -> None:
    def fail() -> None:
        raise Unavailable("licences", "expired")

    client = service_client(lambda: Service("distance-test", {}, {"licences": Check(fail, critical=False)}))
    assert client.get("/readyz").json == {"status": "ready"}
    response = client.get("/health")
    assert (response.status_code, json.loads(response.data)["overall_status"]) == (200, "degraded")
    assert json.loads(response.data)["checks"]["licences"]["message"] == "unavailable"


def test_checks_are_cached(world: World) -> None:
    client = world.client(0)
    world.bucket.requests.clear()
    for path in (*READY, *HEALTH, *STATUS) * 5:
        client.get(path)
    assert len(world.bucket.requests) == 1


def job_counts(world: World) -> dict[str, Any]:
    responses = [get(world, 3, path) for path in JOB_COUNTS]
    assert [status for status, _ in responses] == [200, 200]
    bodies = [body for _, body in responses]
    assert all(re.fullmatch(TIME, body.pop("timestamp")) for body in bodies)
    assert bodies[0] == bodies[1]
    return bodies[0]


def test_counts_without_jobs_are_zero_or_null() -> None:
    counts = ("total", "queued", "processing", "completed", "failed")
    assert job_counts(World()) == {
        **{f"jobs_{name}": 0 for name in counts},
        "queue_size": 0,
        "success_rate": None,
        "oldest_queued_age_seconds": None,
        "average_completion_seconds": None,
    }


def test_jobs_are_counted_by_state(world: World) -> None:
    world.clock.advance(seconds=90)
    assert job_counts(world)["oldest_queued_age_seconds"] == 90
    assert job_counts(world)["queue_size"] == 1
    world.jobs.complete(world.jobs.claim(JOB_ID), result())
    for number, state in enumerate((Status.FAILED, Status.PROCESSING, Status.QUEUED), 2):
        job_id = f"{JOB_ID[:-1]}{number}"
        world.jobs.create(record(job_id=job_id, queued_at=world.clock()))
        if state is not Status.QUEUED:
            claim = world.jobs.claim(job_id)
            if state is Status.FAILED:
                world.jobs.fail(claim, "NO_DATA", "No location data found for date 2026-01-25")
    expected = {
        "jobs_total": 4,
        "jobs_queued": 1,
        "jobs_processing": 1,
        "jobs_completed": 1,
        "jobs_failed": 1,
        "success_rate": 0.5,
        "queue_size": 1,
        "oldest_queued_age_seconds": 0,
        "average_completion_seconds": 90,
    }
    assert job_counts(world) == expected
    assert get(world, 3, "/status")[1]["metrics"] == expected


def test_counts_are_503_while_storage_is_unavailable_and_only_list_has_them(world: World) -> None:
    for number in range(3):
        assert get(world, number, "/metrics/json")[0] == 404
    fail_storage(world)
    assert get(world, 3, "/metrics/json")[0] == 503


@pytest.mark.parametrize(("age", "overall"), [(timedelta(minutes=59), "healthy"), (timedelta(minutes=61), "degraded")])
@pytest.mark.parametrize("claimed", [False, True])
def test_stuck_job_degrades_list(world: World, age: timedelta, overall: str, claimed: bool) -> None:
    if claimed:
        world.jobs.claim(JOB_ID)
    world.clock.now += age
    status, body = get(world, 3, "/health")
    assert (status, body["overall_status"]) == (200, overall)
    assert body["checks"]["jobs"]["message"] == ("ok" if overall == "healthy" else "jobs are stuck")
    assert get(world, 3, "/readyz") == (200, {"status": "ready", "storage": "connected"})
