"""The functions as they run in a cluster: each in its own gunicorn, with what dies and fails around them."""

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
    answer = send_request("GET", f"{stack.url}/api/distance/jobs/{job}")
    body: dict[str, object] = answer.json
    return body


@contextmanager
def locked(stack: Stack) -> Iterator[None]:
    """Nobody can read the fixes: a job that is claimed waits."""
    url = postgres.url(stack.plan.options.data_dir, stack.plan.ports["postgres"])
    with psycopg.connect(url) as connection:
        connection.execute("LOCK TABLE locations IN ACCESS EXCLUSIVE MODE")
        yield


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("name", "text"), [("AWS_ACCESS_KEY_ID", ""), ("AWS_ENDPOINT_URL_S3", "minio:9000"), ("JOBS_BUCKET", "A B")]
)
def test_a_setting_that_is_missing_or_bad_stops_the_process_with_one_line(
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


def test_the_same_job_ten_times_at_once_in_two_processes_is_calculated_once(
    stack: Stack, calculate: Function, tmp_path: Path
) -> None:
    with function("calculate", stack.plan.function_environment("calculate"), tmp_path / "other") as other:
        job = job_id()
        with ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(lambda n: (calculate, other)[n % 2].deliver(job), range(10)))
        assert [answer.status for answer in answers].count(200) == 1, answers
        assert {answer.status for answer in answers} <= {200, 204, 409}
        assert calculate.deliver(job).status == other.deliver(job).status == 204
    found = status(stack, job)
    assert found["status"] == "completed"
    assert str(found["result"]["csv_path"]).split("/")[2] == "1"  # type: ignore[index] # a job that has completed


@dataclass(frozen=True)
class Abandoned:
    """Jobs that nobody works on any more, and whose leases still hold."""

    killed: str
    cut_off: str


@pytest.fixture(scope="module")
def abandoned(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Abandoned:
    """One whose process was killed, one whose process lost its storage; both at once, since both leases must end."""
    killed, cut_off, logs = job_id(), job_id(), tmp_path_factory.mktemp("abandoned")
    settings = stack.plan.function_environment("calculate")
    with (
        Gate(settings["AWS_ENDPOINT_URL_S3"]) as gate,
        ThreadPoolExecutor(2) as pool,
        function("calculate", settings, logs / "killed") as one,
        function("calculate", settings | {"AWS_ENDPOINT_URL_S3": gate.url}, logs / "cut_off") as other,
    ):
        with locked(stack):
            answers = [pool.submit(one.deliver, killed), pool.submit(other.deliver, cut_off)]
            wait_until(lambda: {status(stack, job).get("status") for job in (killed, cut_off)} == {"processing"})
            one.kill()
            gate.shut()
        assert [answer.result().status for answer in answers] == [0, 503]
        assert "result" not in status(stack, cut_off)
    return Abandoned(killed, cut_off)


def test_a_killed_attempt_is_followed_by_another_when_its_lease_has_ended(
    stack: Stack, calculate: Function, abandoned: Abandoned
) -> None:
    job = abandoned.killed
    assert calculate.deliver(job).status == 409
    wait_until(lambda: calculate.deliver(job).status in (200, 204), LEASE.total_seconds() + 60)
    found = status(stack, job)
    assert found["status"] == "completed"
    assert str(found["result"]["csv_path"]).split("/")[2] == "2"  # type: ignore[index] # a job that has completed


def test_a_job_whose_storage_went_away_is_503_and_the_event_ends_it_later(
    stack: Stack, calculate: Function, abandoned: Abandoned
) -> None:
    wait_until(lambda: calculate.deliver(abandoned.cut_off).status in (200, 204), LEASE.total_seconds() + 60)
    assert wait_for_end(stack, abandoned.cut_off)["status"] == "completed"


def test_a_job_in_flight_is_finished_before_the_process_ends(stack: Stack, calculate: Function) -> None:
    job = job_id()
    with ThreadPoolExecutor(1) as pool:
        with locked(stack):
            answer = pool.submit(calculate.deliver, job)
            wait_until(lambda: status(stack, job).get("status") == "processing")
            calculate.process.send_signal(signal.SIGTERM)
        assert answer.result().status == 200
    assert calculate.process.wait(60) == 0
    assert status(stack, job)["status"] == "completed"


def test_a_job_that_outlasts_the_grace_is_given_back_and_starts_at_once_elsewhere(stack: Stack, tmp_path: Path) -> None:
    job, settings = job_id(), stack.plan.function_environment("calculate")
    with (
        function("calculate", settings | {"GRACE_SECONDS": "20"}, tmp_path / "log") as ending,
        function("calculate", settings, tmp_path / "other") as other,
        ThreadPoolExecutor(1) as pool,
    ):
        with locked(stack):
            answer = pool.submit(ending.deliver, job)
            wait_until(lambda: status(stack, job).get("status") == "processing")
            ending.process.send_signal(signal.SIGTERM)
            assert answer.result().status == 503
        assert other.deliver(job).status == 200
        assert ending.process.wait(60) == 0
    assert '"dependency": "worker", "cause": "stopping"' in (tmp_path / "log").read_text()
    assert str(status(stack, job)["result"]["csv_path"]).split("/")[2] == "2"  # type: ignore[index] # it has completed


def test_a_database_that_goes_away_is_503_and_the_job_goes_on_when_it_is_back(stack: Stack, tmp_path: Path) -> None:
    settings = stack.plan.function_environment("calculate")
    with Gate(settings["DATABASE_URL"]) as gate:
        settings["DATABASE_URL"] = gate.url
        with function("calculate", settings, tmp_path / "log") as calculate:
            job = job_id()
            gate.shut()
            answer = calculate.deliver(job)
            assert (answer.status, answer.json["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
            assert calculate.send_request("GET", "/readyz").json["database"] == "unavailable"
            assert status(stack, job)["status"] == "processing"
            gate.open()
            wait_until(
                lambda: calculate.send_request("GET", "/readyz").status == 200
            )  # what was found is kept for a second
            assert calculate.deliver(job).status == 200
    said = (tmp_path / "log").read_text()
    assert '"dependency": "database"' in said
    assert settings["DATABASE_URL"].split(":")[2].split("@")[0] not in said


def test_a_database_that_breaks_midway_leaves_nothing_half_written(stack: Stack, tmp_path: Path) -> None:
    settings = stack.plan.function_environment("calculate")
    with Gate(settings["DATABASE_URL"]) as gate, ThreadPoolExecutor(1) as pool:
        settings["DATABASE_URL"] = gate.url
        with function("calculate", settings, tmp_path / "log") as calculate:
            job = job_id()
            with locked(stack):
                answer = pool.submit(calculate.deliver, job)
                wait_until(lambda: status(stack, job).get("status") == "processing")
                gate.shut()
                assert answer.result().status == 503
            assert "result" not in status(stack, job)
            gate.open()
            assert calculate.deliver(job).status == 200


def test_storage_that_goes_away_is_503_everywhere_and_all_goes_on_when_it_is_back(stack: Stack, tmp_path: Path) -> None:
    asked = {
        "submit": ("POST", "/api/distance/calculate", DAY),
        "status": ("GET", f"/api/distance/jobs/{job_id()}", None),
        "list": ("GET", "/api/distance/jobs", None),
    }
    wanted = {"submit": 202, "status": 404, "list": 200}
    with Gate(stack.plan.function_environment("list")["AWS_ENDPOINT_URL_S3"]) as gate:
        for target, (method, path, body) in asked.items():
            settings = stack.plan.function_environment(target) | {"AWS_ENDPOINT_URL_S3": gate.url}
            with function(target, settings, tmp_path / target) as running:
                assert running.send_request(method, path, body).status == wanted[target]
                gate.shut()
                answer = running.send_request(method, path, body)
                assert (answer.status, answer.json["error"]["message"]) == (503, "Unavailable: storage")
                assert running.send_request("GET", "/readyz").json["storage"] == "unavailable"
                assert running.send_request("GET", "/healthz").status == 200
                gate.open()
                assert running.send_request(method, path, body).status == wanted[target]


def raw(running: Function, data: bytes) -> bytes:
    """What the function answers to these very bytes."""
    host, port = running.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(1 << 16):
            answer += part
    return answer


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
def test_broken_bodies_get_the_envelope_and_the_process_lives_on(
    stack: Stack, submit: Function, data: bytes, code: bytes
) -> None:
    head, _, body = raw(submit, data).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 4")
    assert json.loads(body)["error"]["code"].encode() == code
    assert submit.send_request("GET", "/healthz").status == 200


@pytest.fixture(scope="module")
def submit(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Function]:
    log = tmp_path_factory.mktemp("submit") / "log"
    with function("submit", stack.plan.function_environment("submit"), log) as running:
        yield running
