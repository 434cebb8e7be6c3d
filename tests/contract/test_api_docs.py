"""The routes, codes and examples of docs/api.md, and of the page on health, are those of the functions."""

import json
import re
from datetime import datetime
from typing import Any

import pytest

from functions.calculate.sweep.devices import DeviceRefresher
from shared.errors import Unavailable
from shared.http import error_responses
from shared.http.health_paths import PROBES
from tests.builders import JOB_ID, record, result
from tests.contract.markdown import blocks, rows
from tests.contract.world import HEADERS, World

PAGE = "docs/api.md"
HEALTH = "docs/observability/health.md"
STATUS = "/api/distance/jobs/{job_id}"
DOCUMENTS = {"/openapi.json", "/asyncapi.json", "/docs"}


@pytest.fixture
def world() -> World:
    made = World()
    made.jobs.create(record())
    return made


def example(heading: str, number: int = 0, page: str = PAGE) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(blocks(page, "json", heading)[number])
    return body


def test_the_table_has_every_route() -> None:
    documented = {
        (service, method, path)
        for routes, service, _ in rows(PAGE, ["route", "service", "what for"])
        for method, path in re.findall(r"(GET|POST|DELETE) ([^`,]+)", routes)
    }
    served_by = {
        (service._name, method, re.sub(r"<(?:path:)?(\w+)>", r"{\1}", rule.rule))
        for service in World().services
        for rule in service._url_map.iter_rules()
        for method in rule.methods or ()
        if method != "HEAD"
    }
    assert documented == {
        ("every service", method, path) if path in PROBES | DOCUMENTS else (service, method, path)
        for service, method, path in served_by
    }


def test_the_table_has_every_error_code_with_its_status() -> None:
    table = {(code, int(status)) for code, status, _ in rows(PAGE, ["code", "status", "when"])}
    unmapped = {("METHOD_NOT_ALLOWED", 405), ("INTERNAL_ERROR", 500)}
    assert table == {(code, status) for _, status, code in error_responses._STATUS} | unmapped


def test_a_submission_is_answered_as_shown(world: World) -> None:
    sent = '{"date": "2026-01-25", "device_id": "iphone_stuart"}'
    assert sent in blocks(PAGE, "sh", "## POST /api/distance/calculate")[0]
    body = world.client(0).post("/api/distance/calculate", data=sent, headers=HEADERS).text
    assert json.loads(body.replace(json.loads(body)["job_id"], JOB_ID)) == example("## POST /api/distance/calculate")


def test_a_completed_job_is_shown_as_shown(world: World) -> None:
    world.clock.advance(seconds=1)
    claim = world.jobs.claim(JOB_ID)
    world.clock.advance(seconds=1)
    world.jobs.complete(claim, result())
    body = world.get(2, STATUS.format(job_id=JOB_ID))
    assert body["result"]["csv_download_url"].startswith("http")
    body["result"]["csv_download_url"] = "<presigned URL>"
    assert body == example(f"## GET {STATUS}")
    assert world.get(3, "/api/distance/jobs?status=completed&limit=1") == example("## GET /api/distance/jobs")


def test_a_failed_job_is_shown_as_shown(world: World) -> None:
    world.clock.advance(seconds=1)
    claim = world.jobs.claim(JOB_ID)
    world.clock.advance(seconds=1)
    world.jobs.fail(claim, "NO_DATA", "No location data found for date 2026-01-25")
    assert world.get(2, STATUS.format(job_id=JOB_ID)) == example(f"## GET {STATUS}", 1)


def test_devices_are_told_as_shown(world: World) -> None:
    heading = "## GET /api/distance/devices"
    latest = {one["device_id"]: datetime.fromisoformat(one["last_fix_at"]) for one in example(heading)["devices"]}
    DeviceRefresher(world.bucket, lambda since, limit: latest).refresh(world.clock())
    assert world.get(3, "/api/distance/devices") == example(heading)


def test_readiness_is_told_as_shown(world: World) -> None:
    heading = "## GET /healthz, GET /readyz"
    assert World().get(3, "/readyz") == example(heading, page=HEALTH)

    def refuse(name: str, key: str) -> None:
        raise Unavailable("storage", "EndpointConnectionError")

    world.bucket.before = refuse
    assert world.get(3, "/readyz") == example(heading, 1, HEALTH)


def steady(body: dict[str, Any]) -> dict[str, Any]:
    """The body without what is another each time."""
    text = re.sub(r'"(latency_ms|uptime|system_uptime_seconds)": [0-9.]+', r'"\1": 0', json.dumps(body))
    steadied: dict[str, Any] = json.loads(re.sub(r'"timestamp": "[^"]+"', '"timestamp": ""', text))
    return steadied


def test_health_and_status_are_told_as_shown(world: World) -> None:
    assert steady(world.get(3, "/status")) == steady(example("## GET /status", page=HEALTH))
    degraded = World()
    degraded.jobs.create(record())
    degraded.clock.advance(hours=2)
    assert steady(degraded.get(3, "/health")) == steady(example("## GET /health", page=HEALTH))
    assert world.get(3, "/health/startup") == {"status": "started", "service": "distance-list"}


def test_jobs_are_counted_as_shown(world: World) -> None:
    world.clock.advance(seconds=30)
    world.jobs.create(record(job_id=f"{JOB_ID[:-1]}2", queued_at=world.clock()))
    world.clock.advance(seconds=60)
    world.jobs.complete(world.jobs.claim(JOB_ID), result())
    assert steady(world.get(3, "/metrics/json")) == steady(example("## GET /metrics/json", page=HEALTH))


def test_an_error_is_told_as_shown(world: World) -> None:
    answer = world.client(0).post("/api/distance/calculate", data='{"date": "2026-1-25"}', headers=HEADERS)
    assert json.loads(answer.data) == example("## Errors")
    assert answer.status_code == 400
