"""The local system: recovery of killed components, access rights, routing through the gateway."""

import contextlib
import csv
import io
import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import pytest

from local.options import STORAGE_TARGETS, TARGETS
from local.stack import Stack
from shared.errors import Unavailable
from shared.storage.bucket import Bucket, client
from shared.storage.credentials import static
from tests.integration.whole_stack import DAY, is_ready, send_request, submit, wait_for_end, wait_until

COMPONENTS = ("postgres", "s3", "broker", *TARGETS, "gateway")


def test_a_submitted_day_completes_with_numbers_and_a_csv(stack: Stack) -> None:
    job = wait_for_end(stack, submit(stack))

    assert job["status"] == "completed"
    download = send_request("GET", job["result"]["csv_download_url"])
    rows = list(csv.reader(io.StringIO(download.body.decode())))
    assert len(rows) - 1 == job["result"]["total_locations"]
    assert download.headers["content-type"] == "text/csv"
    assert 'filename="distance_20260121_iphone_stuart.csv"' in download.headers["content-disposition"]


def test_concurrent_jobs_all_complete(stack: Stack) -> None:
    days = [f"2026-01-{day}" for day in range(12, 26)]

    with ThreadPoolExecutor(8) as callers:
        jobs = list(callers.map(lambda day: submit(stack, date=day, device_id=""), days))
        ends = list(callers.map(lambda job: wait_for_end(stack, job), jobs))

    assert {job["status"] for job in ends} == {"completed"}
    assert [job["date"] for job in ends] == days


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_killed_component_is_restarted_without_losing_jobs(stack: Stack, component: str) -> None:
    before = submit(stack)
    wait_until(lambda: len(stack.supervisor.pids()) == len(COMPONENTS))
    pid = stack.supervisor.pids()[component]

    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: stack.supervisor.pids().get(component) not in (None, pid))
    wait_until(lambda: is_ready(stack.url))

    assert wait_for_end(stack, before, 120)["status"] == "completed"
    assert wait_for_end(stack, submit(stack))["status"] == "completed"


@pytest.mark.parametrize("function", STORAGE_TARGETS)
def test_a_function_has_its_own_keys_with_least_privilege(stack: Stack, function: str) -> None:
    environment = stack.plan.function_environment(function)
    settings = stack.plan.settings(function)
    pair = (environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])

    with contextlib.closing(client(settings, static(*pair))) as s3:
        jobs = Bucket(s3, settings.JOBS_BUCKET)
        jobs.ping()
        with pytest.raises(Unavailable, match="AccessDenied"):
            jobs.put("elsewhere")
        may_submit = function in ("submit", "calculate", "status")
        with nullcontext() if may_submit else pytest.raises(Unavailable, match="AccessDenied"):
            jobs.put("t/probe")
            jobs.delete("t/probe")


def test_deleting_a_job_deletes_its_csv(stack: Stack) -> None:
    job = wait_for_end(stack, submit(stack))
    path, download = f"{stack.url}/api/distance/jobs/{job['job_id']}", job["result"]["csv_download_url"]
    assert send_request("GET", download).status == 200

    assert send_request("DELETE", path).status == 204

    assert send_request("GET", path).status == 404
    assert send_request("GET", download).status == 404
    jobs = send_request("GET", f"{stack.url}/api/distance/jobs?limit=500").json["jobs"]
    assert job["job_id"] not in {one["job_id"] for one in jobs}


def test_only_calculate_has_the_database_url(stack: Stack) -> None:
    targets = {target for target in TARGETS if "DATABASE_URL" in stack.plan.function_environment(target)}

    assert targets == {"calculate"}


def test_no_command_line_contains_a_secret(stack: Stack) -> None:
    secrets = [path.read_bytes() for path in (stack.plan.options.data_dir / "credentials").glob("[!s]*")]
    secrets += [path.read_bytes() for path in (stack.plan.options.data_dir / "credentials").glob("s3-*")]

    for pid in stack.supervisor.pids().values():
        with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123 - the kernel's file
            command = file.read()
        assert not any(secret in command for secret in secrets)


def test_an_event_posted_to_the_gateway_starts_a_job(stack: Stack) -> None:
    event = {"specversion": "1.0", "type": "otelworker.distance.requested.v1", "source": "/someone", "id": "gateway-1"}
    body = json.dumps({**event, "datacontenttype": "application/json", "data": DAY}).encode()

    response = send_request("POST", f"{stack.url}/broker", body, {"Content-Type": "application/cloudevents+json"})

    assert response.status == 202
    wait_until(
        lambda: any(
            job["queued_at"] and job["status"] == "completed"
            for job in send_request("GET", f"{stack.url}/api/distance/jobs?limit=1").json["jobs"]
        )
    )


def test_the_brokers_ingress_rejects_requests_without_an_event(stack: Stack) -> None:
    assert send_request("POST", f"{stack.url}/broker", {"date": "2026-01-21"}).status == 400
    assert send_request("GET", f"{stack.url}/broker").status == 405


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "NOT_FOUND"),
        ("GET", "/api/distance/nothing", 404, "NOT_FOUND"),
        ("DELETE", "/healthz", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/api/distance/calculate", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/api/distance/jobs/not-a-job", 404, "NOT_FOUND"),
        ("GET", "/api/distance/jobs?limit=0", 400, "VALIDATION_ERROR"),
        ("GET", "/api/distance/download/..%2Fdistance_20260121.csv", 400, "VALIDATION_ERROR"),
    ],
)
def test_every_error_has_the_envelope_and_a_trace_id(
    stack: Stack, method: str, path: str, status: int, code: str
) -> None:
    response = send_request(method, stack.url + path, headers={"X-Trace-Id": "ab" * 16})

    assert (response.status, response.json["error"]["code"]) == (status, code)
    assert response.json["trace_id"] == response.headers["x-trace-id"] == "ab" * 16
    assert status != 405 or response.headers["allow"]


def test_health_and_readiness_aggregate_every_service(stack: Stack) -> None:
    assert send_request("GET", f"{stack.url}/healthz").json["status"] == "healthy"
    assert send_request("HEAD", f"{stack.url}/readyz").status == 200
    for path in ("/health/live", "/api/v1/health/ready", "/health/startup"):
        assert send_request("GET", f"{stack.url}{path}").json["service"] == "gateway"
    report = send_request("GET", f"{stack.url}/health").json
    assert (report["overall_status"], set(report["services"])) == ("healthy", {"broker", *TARGETS})
    assert {"database", "storage", "broker"} <= set(report["services"]["calculate"]["checks"])


def test_job_counts_are_available_through_the_gateway(stack: Stack) -> None:
    counts = send_request("GET", f"{stack.url}/metrics/json").json
    total = send_request("GET", f"{stack.url}/api/distance/jobs?limit=1").json["total_count"]
    assert counts["jobs_total"] == total
    assert send_request("GET", f"{stack.url}/api/v1/status").json["metrics"]["jobs_total"] == total
