"""The health of the four functions, sentence by sentence of docs/observability/health.md."""

import json
import logging
import re
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from shared.errors import CheckFailed, Unavailable
from shared.http.health import Check
from shared.http.health_paths import HEALTH, JOB_COUNTS, LIVE, PROBES, READY, STARTUP, STATUS
from shared.http.messages import Request, Response
from shared.http.service import Options, Service
from shared.models import Status
from shared.version import VERSION
from tests.builders import JOB_ID, record, result
from tests.contract.world import World
from tests.functional.harness import served

NAMES = ("distance-submit", "distance-calculate", "distance-status", "distance-list")
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
every_function = pytest.mark.parametrize("number", range(4), ids=NAMES)


@pytest.fixture
def world() -> World:
    made = World()
    made.jobs.create(record())
    return made


def down(world: World) -> None:
    """The storage answers no more, in words that are for nobody."""

    def refuse(name: str, key: str) -> None:
        raise Unavailable("storage", "SlowDown at 10.0.0.1")

    world.bucket.before = refuse


def asked(world: World, number: int, path: str) -> tuple[int, dict[str, Any]]:
    answer = world.client(number).get(path)
    told = answer.text
    assert answer.content_type == "application/json"
    assert not any(word in told for word in ("SlowDown", "10.0.0.1", "iphone", "40.7", JOB_ID))
    body: dict[str, Any] = json.loads(told)
    return answer.status_code, body


@every_function
def test_all_names_of_a_path_are_the_same(world: World, number: int) -> None:
    client = world.client(number)

    def told(path: str) -> str:
        return re.sub(rf'{TIME}|"(latency_ms|\w*uptime\w*|\w+_age_seconds)": [\d.]+', "", client.get(path).text)

    for paths in (LIVE, READY, STARTUP, HEALTH, STATUS):
        assert len({told(path) for path in paths}) == 1
        assert {client.get(path).status_code for path in paths} == {200}


@every_function
def test_live_and_startup_touch_nothing(world: World, number: int) -> None:
    down(world)
    for path in (*LIVE, *STARTUP):
        status, body = asked(world, number, path)
        assert status == 200
        assert body == {"status": "healthy" if path in LIVE else "started", "service": NAMES[number]}


@every_function
def test_health_tells_of_each_check(world: World, number: int) -> None:
    status, body = asked(world, number, "/health")
    assert status == 200
    assert (body["service"], body["status"], body["overall_status"]) == (NAMES[number], "healthy", "healthy")
    assert re.fullmatch(TIME, body["timestamp"])
    assert body["system_uptime_seconds"] >= 0
    assert body["checks"]["storage"].pop("latency_ms") >= 0
    assert body["checks"]["storage"] == {"name": "storage", "critical": True, "status": "healthy", "message": "ok"}


@every_function
def test_health_is_503_in_the_envelope_while_a_critical_check_fails(world: World, number: int) -> None:
    down(world)
    status, body = asked(world, number, "/health")
    assert (status, body["overall_status"]) == (503, "unhealthy")
    assert body["checks"]["storage"]["message"] == "unavailable"
    assert body["error"] == {"code": "SERVICE_UNAVAILABLE", "message": "Unavailable: storage", "details": {}}
    assert body["trace_id"]


@every_function
def test_status_is_told_whatever_it_is(world: World, number: int) -> None:
    status, body = asked(world, number, "/status")
    assert (status, body["service_name"], body["service_version"]) == (200, NAMES[number], VERSION)
    assert (body["environment"], body["status"]) == ("unknown", "healthy")
    assert re.fullmatch(TIME, body["timestamp"])
    assert set(body["dependencies"]["storage"]) == {"status", "message", "latency_ms"}
    assert ("metrics" in body) == (number == 3)
    worse = World()
    down(worse)
    status, body = asked(worse, number, "/api/v1/status")
    assert (status, body["status"]) == (200, "unhealthy")
    assert "metrics" not in body


@every_function
def test_details_are_switched_off_and_probes_stay(world: World, number: int) -> None:
    world = World(Options(health_details=False))
    client = world.client(number)
    for path in (*HEALTH, *STATUS, *JOB_COUNTS):
        answer = client.get(path)
        assert (answer.status_code, json.loads(answer.data)["error"]["code"]) == (404, "NOT_FOUND")
    assert {client.get(path).status_code for path in (*LIVE, *READY, *STARTUP)} == {200}


@pytest.mark.parametrize("path", sorted(PROBES))
def test_a_probe_leaves_no_line(world: World, path: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "shared.http.instrumentation")
    world.client(3).get(path)
    assert not [line for line in caplog.records if line.message == "request"]


@pytest.mark.parametrize("path", [*LIVE, *STARTUP, *READY, *HEALTH, *STATUS])
def test_only_what_touches_nothing_is_told_while_there_is_no_place(path: str) -> None:
    told: list[TestResponse] = []

    def nested(_: Request) -> Response:
        told.append(client.get(path))
        return Response(200)

    client = served(lambda: Service("distance-test", {("GET", "/nested"): nested}, {}, max_concurrency=1))
    client.get("/nested")
    assert told[0].status_code == (200 if path in (*LIVE, *STARTUP) else 503)


def test_readiness_names_the_phrase_of_a_failing_check_and_no_other_cause() -> None:
    def unsupported() -> None:
        raise CheckFailed("Column created_at of public.locations has type bigint")

    def away() -> None:
        raise Unavailable("storage", "SlowDown at 10.0.0.1")

    answer = served(lambda: Service("distance-test", {}, {"database": unsupported, "storage": away})).get("/readyz")
    body = json.loads(answer.data)
    assert (answer.status_code, len(body.pop("trace_id"))) == (503, 32)
    assert body == {
        "status": "unavailable",
        "database": "Column created_at of public.locations has type bigint",
        "storage": "unavailable",
        "error": {"code": "SERVICE_UNAVAILABLE", "message": "Unavailable: database, storage", "details": {}},
    }


def test_a_check_of_ones_own_is_one_line() -> None:
    def lost() -> None:
        raise Unavailable("licences", "expired")

    client = served(lambda: Service("distance-test", {}, {"licences": Check(lost, critical=False)}))
    assert client.get("/readyz").json == {"status": "ready"}
    answer = client.get("/health")
    assert (answer.status_code, json.loads(answer.data)["overall_status"]) == (200, "degraded")
    assert json.loads(answer.data)["checks"]["licences"]["message"] == "unavailable"


def test_many_who_ask_cost_one_request_of_the_storage(world: World) -> None:
    client = world.client(0)
    world.bucket.requests.clear()
    for path in (*READY, *HEALTH, *STATUS) * 5:
        client.get(path)
    assert len(world.bucket.requests) == 1


def numbers(world: World) -> dict[str, Any]:
    told = [asked(world, 3, path) for path in JOB_COUNTS]
    assert [status for status, _ in told] == [200, 200]
    bodies = [body for _, body in told]
    assert all(re.fullmatch(TIME, body.pop("timestamp")) for body in bodies)
    assert bodies[0] == bodies[1]
    return bodies[0]


def test_without_jobs_there_are_zeros_and_what_no_job_gives_is_null() -> None:
    counts = ("total", "queued", "processing", "completed", "failed")
    assert numbers(World()) == {
        **{f"jobs_{name}": 0 for name in counts},
        "queue_size": 0,
        "success_rate": None,
        "oldest_queued_age_seconds": None,
        "average_completion_seconds": None,
    }


def test_jobs_are_counted_by_state_as_they_are_now(world: World) -> None:
    world.clock.advance(seconds=90)
    assert numbers(world)["oldest_queued_age_seconds"] == 90
    assert numbers(world)["queue_size"] == 1
    world.jobs.complete(world.jobs.claim(JOB_ID), result())
    for number, how in enumerate((Status.FAILED, Status.PROCESSING, Status.QUEUED), 2):
        job_id = f"{JOB_ID[:-1]}{number}"
        world.jobs.create(record(job_id=job_id, queued_at=world.clock()))
        if how is not Status.QUEUED:
            claim = world.jobs.claim(job_id)
            if how is Status.FAILED:
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
    assert numbers(world) == expected
    assert asked(world, 3, "/status")[1]["metrics"] == expected


def test_numbers_that_cannot_be_read_are_503_and_only_the_list_has_them(world: World) -> None:
    for number in range(3):
        assert asked(world, number, "/metrics/json")[0] == 404
    down(world)
    assert asked(world, 3, "/metrics/json")[0] == 503


@pytest.mark.parametrize(
    ("waited", "overall"), [(timedelta(minutes=59), "healthy"), (timedelta(minutes=61), "degraded")]
)
@pytest.mark.parametrize("begun", [False, True])
def test_a_job_that_does_not_end_degrades_the_list(world: World, waited: timedelta, overall: str, begun: bool) -> None:
    if begun:
        world.jobs.claim(JOB_ID)
    world.clock.now += waited
    status, body = asked(world, 3, "/health")
    assert (status, body["overall_status"]) == (200, overall)
    assert body["checks"]["jobs"]["message"] == ("ok" if overall == "healthy" else "jobs are stuck")
    assert asked(world, 3, "/readyz") == (200, {"status": "ready", "storage": "connected"})
