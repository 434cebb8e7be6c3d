"""The examples of docs/guides/jobs.md and docs/guides/events.md, run unchanged."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.stack import Stack
from shared.events import REQUESTED
from tests.contract.markdown import blocks
from tests.integration.ports import free_port
from tests.integration.whole_stack import send_request, wait_until

PAGE = "docs/guides/jobs.md"
EVENTS = "docs/guides/events.md"
CLIENT = Path(__file__).resolve().parents[2] / "client"


def run(stack: Stack, folder: Path, *command: str) -> list[str]:
    variables = {"OTEL_WORKER_URL": stack.url, "BROKER_URL": f"{stack.url}/broker", "PYTHONPATH": str(CLIENT)}
    process = subprocess.run(
        command, cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True, check=False, timeout=120
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.splitlines()


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_shell_example(stack: Stack, tmp_path: Path) -> None:
    script, _ = blocks(PAGE, "sh")
    for _ in range(2):
        head, row = run(stack, tmp_path, "sh", "-eu", "-c", script)
        assert head.startswith("timestamp,device_id,")
        assert row.startswith("2026-01-21T00:00:")


def test_python_example(stack: Stack, tmp_path: Path) -> None:
    (script,) = blocks(PAGE, "python", "## Python")
    summary, saved = run(stack, tmp_path, sys.executable, "-c", script)
    assert summary == "5.566261 km from home, 600.08 minutes away"
    assert (tmp_path / saved).exists()


def test_example_of_many_days(stack: Stack, tmp_path: Path) -> None:
    (submission,) = blocks(PAGE, "python", "## Python")
    (script,) = blocks(PAGE, "python", "## Read many days")
    run(stack, tmp_path, sys.executable, "-c", submission)
    assert "2026-01-21: 601.97 minutes away" in "\n".join(run(stack, tmp_path, sys.executable, "-c", script))


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_javascript_example(stack: Stack, tmp_path: Path) -> None:
    (script,) = blocks(PAGE, "js", "## JavaScript")
    assert run(stack, tmp_path, "node", "-e", script) == ["1463 fixes, at most 5.57 km from home", "true"]


def test_request_event_example(stack: Stack, tmp_path: Path) -> None:
    (script,) = blocks(EVENTS, "python", "## Publish a request")
    query = "date=2026-01-20&device_id=iphone_stuart"

    def count() -> int:
        return int(send_request("GET", f"{stack.url}/api/distance/jobs?{query}").json["total_count"])

    before = count()
    for _ in range(2):
        assert run(stack, tmp_path, sys.executable, "-c", script) == ["202"]
    wait_until(lambda: count() == before + 1)


def test_consumer_of_outcomes_example(stack: Stack) -> None:
    """The replies of calculate are forwarded to the consumer as a broker does: with the same headers and body."""
    (script,) = blocks(EVENTS, "python", "## Receive outcomes")
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", script], env={**os.environ, "PORT": str(port)}, stdout=subprocess.PIPE, text=True
    )
    try:
        wait_until(lambda: send_request("GET", f"http://127.0.0.1:{port}/").status == 501)
        for number, device_id in enumerate(("iphone_stuart", "unknown")):
            attributes = {"specversion": "1.0", "type": REQUESTED, "source": "/callers", "id": f"{port}-{number}"}
            headers = {f"ce-{name}": text for name, text in attributes.items()}
            request = {"date": "2026-01-21", "device_id": device_id}
            assert send_request("POST", f"http://127.0.0.1:{port}/", request, headers).status == 204
            outcome = send_request("POST", f"http://{stack.plan.address('calculate')}/", request, headers)
            forwarded = ("ce-", "content-type")
            sent = {name: text for name, text in outcome.headers.items() if name.startswith(forwarded)}
            assert send_request("POST", f"http://127.0.0.1:{port}/", outcome.body, sent).status == 204
    finally:
        process.terminate()
    output, _ = process.communicate(timeout=60)
    assert output.splitlines() == [
        "2026-01-21, iphone_stuart: at most 5.57 km from home",
        "2026-01-21, unknown: No location data found for date 2026-01-21",
    ]
