"""One system on one machine: what survives, who may do what, how requests pass the gateway."""

import contextlib
import csv
import io
import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import pytest

from local.options import TARGETS
from local.stack import Stack
from shared.errors import Unavailable
from shared.storage.bucket import Bucket, client
from tests.integration.whole_stack import DAY, ask, ended, is_ready, submit, until

PARTS = ("postgres", "s3", "broker", *TARGETS, "gateway")


def test_a_submitted_day_becomes_numbers_and_a_csv(stack: Stack) -> None:
    job = ended(stack, submit(stack))

    assert job["status"] == "completed"
    download = ask("GET", job["result"]["csv_download_url"])
    rows = list(csv.reader(io.StringIO(download.body.decode())))
    assert len(rows) - 1 == job["result"]["total_locations"]
    assert download.headers["content-type"] == "text/csv"
    assert 'filename="distance_20260121_iphone_stuart.csv"' in download.headers["content-disposition"]


def test_many_days_at_once_all_end(stack: Stack) -> None:
    days = [f"2026-01-{day}" for day in range(12, 26)]

    with ThreadPoolExecutor(8) as callers:
        jobs = list(callers.map(lambda day: submit(stack, date=day, device_id=""), days))
        ends = list(callers.map(lambda job: ended(stack, job), jobs))

    assert {job["status"] for job in ends} == {"completed"}
    assert [job["date"] for job in ends] == days


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_killed_comes_back_and_nothing_is_lost(stack: Stack, part: str) -> None:
    before = submit(stack)
    until(lambda: len(stack.supervisor.pids()) == len(PARTS))
    pid = stack.supervisor.pids()[part]

    os.kill(pid, signal.SIGKILL)
    until(lambda: stack.supervisor.pids().get(part) not in (None, pid), 10)
    until(lambda: is_ready(stack.url), 30)

    assert ended(stack, before, 120)["status"] == "completed"
    assert ended(stack, submit(stack))["status"] == "completed"


@pytest.mark.parametrize("function", list(TARGETS))
def test_a_function_has_keys_of_its_own_with_just_its_rights(stack: Stack, function: str) -> None:
    environment = stack.plan.function(function)
    settings = stack.plan.settings(function)
    pair = (environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])

    with contextlib.closing(client(settings, keys=pair)) as s3:
        jobs = Bucket(s3, settings.JOBS_BUCKET)
        jobs.ping()
        with pytest.raises(Unavailable, match="AccessDenied"):
            jobs.put("elsewhere")
        may_submit = function in ("submit", "calculate", "status")
        with nullcontext() if may_submit else pytest.raises(Unavailable, match="AccessDenied"):
            jobs.put("t/probe")
            jobs.delete("t/probe")


def test_a_job_that_is_deleted_is_gone_with_its_csv(stack: Stack) -> None:
    job = ended(stack, submit(stack))
    path, download = f"{stack.url}/api/distance/jobs/{job['job_id']}", job["result"]["csv_download_url"]
    assert ask("GET", download).status == 200

    assert ask("DELETE", path).status == 204

    assert ask("GET", path).status == 404
    assert ask("GET", download).status == 404
    listed = ask("GET", f"{stack.url}/api/distance/jobs?limit=500").json["jobs"]
    assert job["job_id"] not in {one["job_id"] for one in listed}


def test_only_calculate_is_told_where_the_database_is(stack: Stack) -> None:
    told = {target for target in TARGETS if "DATABASE_URL" in stack.plan.function(target)}

    assert told == {"calculate"}


def test_secrets_stand_in_no_command_line(stack: Stack) -> None:
    secrets = [path.read_bytes() for path in (stack.plan.options.data_dir / "credentials").glob("[!s]*")]
    secrets += [path.read_bytes() for path in (stack.plan.options.data_dir / "credentials").glob("s3-*")]

    for pid in stack.supervisor.pids().values():
        with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123 - the kernel's file
            command = file.read()
        assert not any(secret in command for secret in secrets)


def test_an_event_posted_to_the_gateway_becomes_a_job(stack: Stack) -> None:
    event = {"specversion": "1.0", "type": "otelworker.distance.requested.v1", "source": "/someone", "id": "gateway-1"}
    body = json.dumps({**event, "datacontenttype": "application/json", "data": DAY}).encode()

    answer = ask("POST", f"{stack.url}/broker", body, {"Content-Type": "application/cloudevents+json"})

    assert answer.status == 202
    until(
        lambda: any(
            job["queued_at"] and job["status"] == "completed"
            for job in ask("GET", f"{stack.url}/api/distance/jobs?limit=1").json["jobs"]
        )
    )


def test_what_is_no_event_is_refused_by_the_brokers_ingress(stack: Stack) -> None:
    assert ask("POST", f"{stack.url}/broker", {"date": "2026-01-21"}).status == 400
    assert ask("GET", f"{stack.url}/broker").status == 405


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "NOT_FOUND"),
        ("GET", "/api/distance/nothing", 404, "NOT_FOUND"),
        ("DELETE", "/healthz", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/api/distance/calculate", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/api/distance/jobs/not-a-job", 404, "NOT_FOUND"),
        ("GET", "/api/distance/jobs?limit=0", 400, "VALIDATION_ERROR"),
        ("GET", "/api/distance/download/..%2Fdistance_20260121.csv", 400, "VALIDATION_ERROR"),
    ],
)
def test_every_refusal_has_the_envelope_and_a_trace(
    stack: Stack, method: str, path: str, status: int, code: str
) -> None:
    answer = ask(method, stack.url + path, headers={"X-Trace-Id": "ab" * 16})

    assert (answer.status, answer.json["error"]["code"]) == (status, code)
    assert answer.json["trace_id"] == answer.headers["x-trace-id"] == "ab" * 16
    assert status != 405 or answer.headers["allow"]


def test_health_and_readiness_are_those_of_every_part(stack: Stack) -> None:
    assert ask("GET", f"{stack.url}/healthz").json["status"] == "healthy"
    assert ask("HEAD", f"{stack.url}/readyz").status == 200
    for path in ("/health/live", "/api/v1/health/ready", "/health/startup"):
        assert ask("GET", f"{stack.url}{path}").json["service"] == "gateway"
    report = ask("GET", f"{stack.url}/health").json
    assert (report["overall_status"], set(report["services"])) == ("healthy", {"broker", *TARGETS})
    assert {"database", "storage", "broker"} <= set(report["services"]["calculate"]["checks"])


def test_jobs_are_counted_through_the_gateway(stack: Stack) -> None:
    told = ask("GET", f"{stack.url}/metrics/json").json
    total = ask("GET", f"{stack.url}/api/distance/jobs?limit=1").json["total_count"]
    assert told["jobs_total"] == total
    assert ask("GET", f"{stack.url}/api/v1/status").json["metrics"]["jobs_total"] == total
