"""The functions in separate gunicorn processes, while processes and dependencies fail."""

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from local import postgres
from local.stack import Stack
from shared.ids import new_job_id
from shared.jobs.store import LEASE
from tests.integration.processes import COMMAND, ROOT, Function, Gate, environment, function
from tests.integration.whole_stack import send_request, wait_for_end, wait_until

DAY = {"date": "2026-01-21", "device_id": "iphone_stuart"}
TARGETS = ("submit", "calculate", "status", "list")


def job_id() -> str:
    return new_job_id(datetime.now(UTC))


def status(stack: Stack, job: str) -> dict[str, object]:
    response = send_request("GET", f"{stack.url}/api/distance/jobs/{job}")
    body: dict[str, object] = response.json
    return body


@contextmanager
def locked_fixes(stack: Stack) -> Iterator[None]:
    """Lock the table of fixes for the duration of the block, so that claimed jobs wait."""
    url = postgres.url(stack.plan.options.data_dir, stack.plan.ports["postgres"])
    with psycopg.connect(url) as connection:
        connection.execute("LOCK TABLE locations IN ACCESS EXCLUSIVE MODE")
        yield


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("name", "text"), [("AWS_ACCESS_KEY_ID", ""), ("AWS_ENDPOINT_URL_S3", "minio:9000"), ("JOBS_BUCKET", "A B")]
)
def test_missing_or_invalid_setting_stops_the_process_with_one_line(
    stack: Stack, target: str, name: str, text: str
) -> None:
    settings = {**stack.plan.function_environment(target), name: text}
    run = subprocess.run(
        COMMAND, cwd=ROOT, env=environment(target, settings), capture_output=True, timeout=60, check=False
    )
    assert run.returncode != 0
    lines = (run.stdout + run.stderr).decode().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"{name}: ")


@pytest.fixture
def calculate(stack: Stack, tmp_path: Path) -> Iterator[Function]:
    with function("calculate", stack.plan.function_environment("calculate"), tmp_path / "log") as running:
        yield running


def test_ten_concurrent_deliveries_to_two_processes_run_one_attempt(
    stack: Stack, calculate: Function, tmp_path: Path
) -> None:
    with function("calculate", stack.plan.function_environment("calculate"), tmp_path / "other") as other:
        job = job_id()
        with ThreadPoolExecutor(10) as pool:
            responses = list(pool.map(lambda n: (calculate, other)[n % 2].deliver(job), range(10)))
        assert [response.status for response in responses].count(200) == 1, responses
        assert {response.status for response in responses} <= {200, 204, 409}
        assert calculate.deliver(job).status == other.deliver(job).status == 204
    record = status(stack, job)
    assert record["status"] == "completed"
    assert str(record["result"]["csv_path"]).split("/")[2] == "1"  # type: ignore[index] # a job that has completed


@dataclass(frozen=True)
class Abandoned:
    """Jobs whose attempts have stopped while their leases are valid."""

    killed: str
    disconnected: str


@pytest.fixture(scope="module")
def abandoned(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Abandoned:
    """Kill the process of one job and disconnect the other from its storage. Both leases expire at the same time."""
    killed, disconnected, logs = job_id(), job_id(), tmp_path_factory.mktemp("abandoned")
    settings = stack.plan.function_environment("calculate")
    with (
        Gate(settings["AWS_ENDPOINT_URL_S3"]) as gate,
        ThreadPoolExecutor(2) as pool,
        function("calculate", settings, logs / "killed") as first,
        function("calculate", settings | {"AWS_ENDPOINT_URL_S3": gate.url}, logs / "disconnected") as second,
    ):
        with locked_fixes(stack):
            responses = [pool.submit(first.deliver, killed), pool.submit(second.deliver, disconnected)]
            wait_until(lambda: {status(stack, job).get("status") for job in (killed, disconnected)} == {"processing"})
            first.kill()
            gate.close()
        assert [response.result().status for response in responses] == [0, 503]
        assert "result" not in status(stack, disconnected)
    return Abandoned(killed, disconnected)


def test_job_of_a_killed_process_is_retried_after_its_lease_expires(
    stack: Stack, calculate: Function, abandoned: Abandoned
) -> None:
    job = abandoned.killed
    assert calculate.deliver(job).status == 409
    wait_until(lambda: calculate.deliver(job).status in (200, 204), LEASE.total_seconds() + 60)
    record = status(stack, job)
    assert record["status"] == "completed"
    assert str(record["result"]["csv_path"]).split("/")[2] == "2"  # type: ignore[index] # a job that has completed


def test_job_of_a_disconnected_process_completes_after_its_lease_expires(
    stack: Stack, calculate: Function, abandoned: Abandoned
) -> None:
    wait_until(lambda: calculate.deliver(abandoned.disconnected).status in (200, 204), LEASE.total_seconds() + 60)
    assert wait_for_end(stack, abandoned.disconnected)["status"] == "completed"


def test_running_job_completes_before_the_process_exits(stack: Stack, calculate: Function) -> None:
    job = job_id()
    with ThreadPoolExecutor(1) as pool:
        with locked_fixes(stack):
            response = pool.submit(calculate.deliver, job)
            wait_until(lambda: status(stack, job).get("status") == "processing")
            calculate.process.send_signal(signal.SIGTERM)
        assert response.result().status == 200
    assert calculate.process.wait(60) == 0
    assert status(stack, job)["status"] == "completed"


def test_job_past_the_grace_period_is_released_and_restarts_immediately(stack: Stack, tmp_path: Path) -> None:
    job, settings = job_id(), stack.plan.function_environment("calculate")
    with (
        function("calculate", settings | {"GRACE_SECONDS": "20"}, tmp_path / "log") as ending,
        function("calculate", settings, tmp_path / "other") as other,
        ThreadPoolExecutor(1) as pool,
    ):
        with locked_fixes(stack):
            response = pool.submit(ending.deliver, job)
            wait_until(lambda: status(stack, job).get("status") == "processing")
            ending.process.send_signal(signal.SIGTERM)
            assert response.result().status == 503
        assert other.deliver(job).status == 200
        assert ending.process.wait(60) == 0
    assert '"dependency": "worker", "cause": "stopping"' in (tmp_path / "log").read_text()
    assert str(status(stack, job)["result"]["csv_path"]).split("/")[2] == "2"  # type: ignore[index] # it has completed


def test_unavailable_database_returns_503_until_it_is_reachable_again(stack: Stack, tmp_path: Path) -> None:
    settings = stack.plan.function_environment("calculate")
    with Gate(settings["DATABASE_URL"]) as gate:
        settings["DATABASE_URL"] = gate.url
        with function("calculate", settings, tmp_path / "log") as calculate:
            job = job_id()
            gate.close()
            response = calculate.deliver(job)
            assert (response.status, response.json["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
            assert calculate.send_request("GET", "/readyz").json["database"] == "unavailable"
            assert status(stack, job)["status"] == "processing"
            gate.open()
            wait_until(lambda: calculate.send_request("GET", "/readyz").status == 200)  # results of checks are cached
            assert calculate.deliver(job).status == 200
    log = (tmp_path / "log").read_text()
    assert '"dependency": "database"' in log
    assert settings["DATABASE_URL"].split(":")[2].split("@")[0] not in log


def test_database_failure_during_a_job_leaves_no_result(stack: Stack, tmp_path: Path) -> None:
    settings = stack.plan.function_environment("calculate")
    with Gate(settings["DATABASE_URL"]) as gate, ThreadPoolExecutor(1) as pool:
        settings["DATABASE_URL"] = gate.url
        with function("calculate", settings, tmp_path / "log") as calculate:
            job = job_id()
            with locked_fixes(stack):
                response = pool.submit(calculate.deliver, job)
                wait_until(lambda: status(stack, job).get("status") == "processing")
                gate.close()
                assert response.result().status == 503
            assert "result" not in status(stack, job)
            gate.open()
            assert calculate.deliver(job).status == 200


def test_unavailable_storage_returns_503_until_it_is_reachable_again(stack: Stack, tmp_path: Path) -> None:
    requests = {
        "submit": ("POST", "/api/distance/calculate", DAY),
        "status": ("GET", f"/api/distance/jobs/{job_id()}", None),
        "list": ("GET", "/api/distance/jobs", None),
    }
    statuses = {"submit": 202, "status": 404, "list": 200}
    with Gate(stack.plan.function_environment("list")["AWS_ENDPOINT_URL_S3"]) as gate:
        for target, (method, path, body) in requests.items():
            settings = stack.plan.function_environment(target) | {"AWS_ENDPOINT_URL_S3": gate.url}
            with function(target, settings, tmp_path / target) as running:
                assert running.send_request(method, path, body).status == statuses[target]
                gate.close()
                response = running.send_request(method, path, body)
                assert (response.status, response.json["error"]["message"]) == (503, "Unavailable: storage")
                assert running.send_request("GET", "/readyz").json["storage"] == "unavailable"
                assert running.send_request("GET", "/healthz").status == 200
                gate.open()
                assert running.send_request(method, path, body).status == statuses[target]


def send_raw(running: Function, data: bytes) -> bytes:
    """Send raw bytes and return the raw response."""
    host, port = running.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        response = b""
        while part := connection.recv(1 << 16):
            response += part
    return response


CHUNKED = b"POST /api/distance/calculate HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (CHUNKED + b"%x\r\n" % 70_000 + b" " * 70_000 + b"\r\n0\r\n\r\n", b"PAYLOAD_TOO_LARGE"),
        (CHUNKED + b"zz\r\n\r\n", b"VALIDATION_ERROR"),
        (CHUNKED + b"5\r\nab", b"VALIDATION_ERROR"),
        (CHUNKED.replace(b"Transfer-Encoding: chunked", b"Content-Length: 10") + b"{}", b"VALIDATION_ERROR"),
        (CHUNKED.replace(b"calculate", b"calculat%ff") + b"0\r\n\r\n", b"NOT_FOUND"),
        (b"POST /api//distance/calculate HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"NOT_FOUND"),
    ],
)
def test_malformed_requests_get_the_error_envelope(stack: Stack, submit: Function, data: bytes, code: bytes) -> None:
    head, _, body = send_raw(submit, data).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 4")
    assert json.loads(body)["error"]["code"].encode() == code
    assert submit.send_request("GET", "/healthz").status == 200


@pytest.fixture(scope="module")
def submit(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Function]:
    log = tmp_path_factory.mktemp("submit") / "log"
    with function("submit", stack.plan.function_environment("submit"), log) as running:
        yield running
