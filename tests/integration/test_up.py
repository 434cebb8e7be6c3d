"""`make up` as a subprocess: its output, exit code, and processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from local.stack import Stack
from tests.integration.ports import free_port
from tests.integration.whole_stack import DAY, environ, send_request, wait_until

COMMAND = [sys.executable, "-m", "local", "up"]


@contextmanager
def up(**settings: object) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        COMMAND, env=environ(**settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline()


def refusal(**settings: object) -> str:
    # A start that cannot succeed ends before the 120 s that a start may take.
    run = subprocess.run(COMMAND, env=environ(**settings), capture_output=True, text=True, timeout=110, check=False)
    assert run.returncode != 0
    assert run.stdout == ""
    assert run.stderr.count("\n") == 1, run.stderr
    return run.stderr


def test_a_second_system_keeps_its_jobs_over_a_restart_and_leaves_no_process(stack: Stack, tmp_path: Path) -> None:
    port, data_dir = free_port(), tmp_path / "with 100% odd; #name's"
    url = f"http://127.0.0.1:{port}"

    with up(PORT=port, DATA_DIR=data_dir) as process:
        assert first_line(process) == f"ready {url}\n"
        job = send_request("POST", f"{url}/api/distance/calculate", DAY).json
        wait_until(lambda: send_request("GET", url + job["status_url"]).json["status"] == "completed")
        assert "is in use" in refusal(DATA_DIR=data_dir)
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) > 8
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert process.stderr
        assert process.stderr.read() == ""
    assert [child for child in children if child.is_running()] == []

    with up(PORT=port, DATA_DIR=data_dir) as process:
        assert first_line(process) == f"ready {url}\n"
        job = send_request("GET", url + job["status_url"]).json
        assert job["status"] == "completed"
        assert len(send_request("GET", job["result"]["csv_download_url"]).body) == job["result"]["csv_size_bytes"]
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        wait_until(lambda: not any(child.is_running() for child in children))

    assert send_request("GET", f"{stack.url}/readyz").status == 200


@pytest.mark.parametrize(
    ("settings", "setting"),
    [
        ({"PORT": "http"}, "PORT"),
        ({"PORT": "70000"}, "PORT"),
        ({"SUBSCRIBER": "nowhere"}, "SUBSCRIBER"),
        ({"K_SINK": "nowhere"}, "K_SINK"),
        ({"HOME_LATITUDE": "91"}, "HOME_LATITUDE"),
        ({"DAY_COLUMN": "id"}, "DAY_COLUMN"),
        ({"DATABASE_URL": "mysql://server"}, "DATABASE_URL"),
        ({"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": ""}, "AWS_ACCESS_KEY_ID"),
        ({"DATA_DIR": "/dev/null/here"}, "DATA_DIR"),
    ],
)
def test_an_invalid_setting_is_reported_in_one_line(tmp_path: Path, settings: dict[str, str], setting: str) -> None:
    line = refusal(**{"DATA_DIR": tmp_path, **settings})

    assert line.startswith(f"{setting}: ")


@pytest.mark.parametrize(
    "kind", ["a file", "a dangling link", "under a file", "a long name", "a folder instead of a file"]
)
def test_an_unusable_data_folder_is_reported_in_one_line(tmp_path: Path, kind: str) -> None:
    folders = {"under a file": tmp_path / "target" / "below", "a long name": tmp_path / ("long" * 70)}
    folder = folders.get(kind, tmp_path / "target")
    if kind == "a dangling link":
        folder.symlink_to(tmp_path / "nowhere" / "below")
    elif kind == "a folder instead of a file":
        (folder / "run" / "supervisord.conf").mkdir(parents=True)
    else:
        (tmp_path / "target").touch()

    assert refusal(DATA_DIR=folder).startswith(f"DATA_DIR: {folder}")


def test_a_port_in_use_is_reported_in_one_line(stack: Stack, tmp_path: Path) -> None:
    port = stack.plan.options.port

    assert refusal(PORT=port, DATA_DIR=tmp_path) == f"PORT: 127.0.0.1:{port} is already in use\n"


def test_failures_of_external_stores_are_reported_with_their_cause(stack: Stack, tmp_path: Path) -> None:
    calculate = stack.plan.function_environment("calculate")
    user, server = calculate["DATABASE_URL"].rsplit("@", 1)
    storage = {
        "AWS_ENDPOINT_URL_S3": calculate["AWS_ENDPOINT_URL_S3"],
        "AWS_ACCESS_KEY_ID": "calculate",
        "AWS_SECRET_ACCESS_KEY": "wrong",
    }
    cases: list[tuple[dict[str, str], str]] = [
        (
            {"DATABASE_URL": f"{user[:-3]}@{server}"},
            "DATABASE_URL: database rejected the request: wrong password (28P01)",
        ),
        (storage, "AWS_ENDPOINT_URL_S3: object storage rejected the request: SignatureDoesNotMatch"),
        (
            {**storage, "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1"},
            "AWS_ENDPOINT_URL_S3: object storage is unavailable: EndpointConnectionError",
        ),
    ]
    for settings, line in cases:
        assert refusal(DATA_DIR=tmp_path, **settings) == f"{line}\n"


def test_external_stores_and_broker_replace_the_embedded_ones(stack: Stack, tmp_path: Path) -> None:
    calculate = stack.plan.function_environment("calculate")
    settings = {
        "DATA_DIR": tmp_path,
        "PORT": free_port(),
        "DATABASE_URL": calculate["DATABASE_URL"],
        "AWS_ENDPOINT_URL_S3": calculate["AWS_ENDPOINT_URL_S3"],
        "AWS_ACCESS_KEY_ID": "admin",
        "AWS_SECRET_ACCESS_KEY": (stack.plan.options.data_dir / "credentials" / "s3-admin").read_text(),
        "JOBS_BUCKET": "other-jobs",
        "CSV_BUCKET": "other-csv",
        "K_SINK": f"{stack.url}/broker",
        "SUBSCRIBER": f"{stack.url}/broker",
    }

    with up(**settings) as process:
        url = first_line(process).removeprefix("ready ").strip()
        names = {Path(path).stem for path in (tmp_path / "run").glob("*.sh")}
        assert not names & {"postgres", "s3"}
        job = send_request("POST", f"{url}/api/distance/calculate", DAY).json
        assert send_request("GET", url + job["status_url"]).json["status"] == "queued"
        assert send_request("GET", f"{url}/api/distance/jobs").json["total_count"] == 1
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0

    with psycopg.connect(calculate["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("otel_worker",)
    assert not (tmp_path / "postgres").exists()
    assert not (tmp_path / "objects").exists()
    assert os.listdir(tmp_path)  # noqa: PTH208 - only whether there is anything
