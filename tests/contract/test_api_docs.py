"""Routes, error codes and examples of the reference of the HTTP API match the functions."""

import json
import re
from datetime import datetime
from typing import Any

import pytest

from functions.calculate.sweep.devices import DeviceRefresher
from functions.web import handler as web
from functions.web.files import INDEX, Page
from shared.analysis_parameters import BOUNDS
from shared.config.settings import Settings
from shared.errors import Unavailable
from shared.http import error_responses
from shared.http.health_paths import PROBES
from tests.builders import JOB_ID, record, result
from tests.contract.markdown import blocks, rows
from tests.contract.world import HEADERS, World

PAGE = "docs/reference/http-api.md"
HEALTH = "docs/reference/health.md"
DAYS = "docs/reference/days.md"
ANALYSIS = "docs/reference/analysis.md"
STATUS = "/api/distance/jobs/{job_id}"
ERRORS = "docs/reference/errors.md"
DOCUMENTS = {"/openapi.json", "/asyncapi.json", "/docs"}


@pytest.fixture
def world() -> World:
    world = World()
    world.jobs.create(record())
    return world


def example(heading: str, number: int = 0, page: str = PAGE) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(blocks(page, "json", heading)[number])
    return body


def completed_job() -> dict[str, Any]:
    """Return the example of a completed job with the example of an analysis."""
    body = example("## Get a job")
    assert body["result"]["analysis"] == "<analysis>"
    body["result"]["analysis"] = example("## Example", page=ANALYSIS)
    return body


def test_table_lists_all_routes() -> None:
    documented = {
        (service, method, path)
        for routes, service, _ in rows(PAGE, ["route", "service", "purpose"])
        for method, path in re.findall(r"(GET|POST|DELETE) ([^`,]+)", routes)
    }
    served_by = {
        (service._name, method, re.sub(r"<(?:path:)?(\w+)>", r"{\1}", path))
        for service in [*World().services, web.service(Page({INDEX: b""}), Settings(), {})]
        for method, path in service.router.routes()
        if method != "HEAD"
    }
    common = dict.fromkeys(PROBES, "every service") | dict.fromkeys(DOCUMENTS, "every service except distance-web")
    assert documented == {(common.get(path, service), method, path) for service, method, path in served_by}


def test_table_lists_all_error_codes_with_status() -> None:
    table = {(code, int(status)) for code, status, _ in rows(ERRORS, ["code", "status", "when"])}
    unmapped = {("METHOD_NOT_ALLOWED", 405), ("INTERNAL_ERROR", 500)}
    assert table == {(code, status) for _, status, code in error_responses.STATUSES} | unmapped


def test_response_to_submission_equals_example(world: World) -> None:
    sent = '{"date": "2026-01-25", "device_id": "iphone_stuart"}'
    assert sent in blocks(PAGE, "sh", "## Submit a job")[0]
    body = world.client(0).post("/api/distance/calculate", data=sent, headers=HEADERS).text
    assert json.loads(body.replace(json.loads(body)["job_id"], JOB_ID)) == example("## Submit a job")


def test_example_of_parameters_is_accepted(world: World) -> None:
    body = blocks(ANALYSIS, "json", "## Parameters")[0]
    assert world.client(0).post("/api/distance/calculate", data=body, headers=HEADERS).status_code == 202


def test_table_lists_all_parameters() -> None:
    table = {name: default for name, _, default in rows(ANALYSIS, ["parameter", "value", "default"])}
    assert table == {name: name.upper() for name in BOUNDS}


def test_completed_job_equals_example(world: World) -> None:
    world.clock.advance(seconds=1)
    claim = world.jobs.claim(JOB_ID)
    world.clock.advance(seconds=1)
    world.jobs.complete(claim, result())
    body = world.get(2, STATUS.format(job_id=JOB_ID))
    assert body["result"]["csv_download_url"].startswith("http")
    body["result"]["csv_download_url"] = "<presigned URL>"
    assert body == completed_job()
    assert world.get(3, "/api/distance/jobs?status=completed&limit=1") == example("## List jobs")
    days = "/api/distance/days?device_id=iphone_stuart&from=2026-01-01&to=2026-01-31"
    assert f"curl 'http://127.0.0.1:8080{days}'\n" in blocks(DAYS, "sh")
    assert world.get(3, days) == example("## Example", page=DAYS)


def test_failed_job_equals_example(world: World) -> None:
    world.clock.advance(seconds=1)
    claim = world.jobs.claim(JOB_ID)
    world.clock.advance(seconds=1)
    world.jobs.fail(claim, "NO_DATA", "No location data found for date 2026-01-25")
    assert world.get(2, STATUS.format(job_id=JOB_ID)) == example("## Get a job", 1)


def test_devices_equal_example(world: World) -> None:
    heading = "## List devices"
    latest = {
        device["device_id"]: datetime.fromisoformat(device["last_fix_at"]) for device in example(heading)["devices"]
    }
    DeviceRefresher(world.bucket, lambda since, limit: latest).refresh(world.clock())
    assert world.get(3, "/api/distance/devices") == example(heading)


def test_readiness_equals_example(world: World) -> None:
    heading = "## Readiness"
    assert World().get(3, "/readyz") == example(heading, page=HEALTH)

    def refuse(name: str, key: str) -> None:
        raise Unavailable("storage", "EndpointConnectionError")

    world.bucket.before = refuse
    assert world.get(3, "/readyz") == example(heading, 1, HEALTH)


def normalize(body: dict[str, Any]) -> dict[str, Any]:
    """Return the body with constant times and durations."""
    text = re.sub(r'"(latency_ms|uptime|system_uptime_seconds)": [0-9.]+', r'"\1": 0', json.dumps(body))
    normalized: dict[str, Any] = json.loads(re.sub(r'"timestamp": "[^"]+"', '"timestamp": ""', text))
    return normalized


def test_health_and_status_equal_examples(world: World) -> None:
    assert normalize(world.get(3, "/status")) == normalize(example("## Service status", page=HEALTH))
    degraded = World()
    degraded.jobs.create(record())
    degraded.clock.advance(hours=2)
    assert normalize(degraded.get(3, "/health")) == normalize(example("## Health checks", page=HEALTH))
    assert world.get(3, "/health/startup") == {"status": "started", "service": "distance-list"}


def test_job_counts_equal_example(world: World) -> None:
    world.clock.advance(seconds=30)
    world.jobs.create(record(job_id=f"{JOB_ID[:-1]}2", queued_at=world.clock()))
    world.clock.advance(seconds=60)
    world.jobs.complete(world.jobs.claim(JOB_ID), result())
    assert normalize(world.get(3, "/metrics/json")) == normalize(example("## Job counts", page=HEALTH))


def test_error_equals_example(world: World) -> None:
    response = world.client(0).post("/api/distance/calculate", data='{"date": "2026-1-25"}', headers=HEADERS)
    assert json.loads(response.data) == example("# Errors", page=ERRORS)
    assert response.status_code == 400
