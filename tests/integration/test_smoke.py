"""`python -m admin smoke`: one job through every function, deleted at the end."""

import re
import subprocess
import sys

import pytest
import urllib3

from admin import api
from admin.__main__ import main
from local.stack import Stack
from tests.integration.processes import ROOT
from tests.integration.whole_stack import send_request


def smoke(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "admin", "smoke", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def test_a_job_passes_through_every_function_and_is_deleted(stack: Stack) -> None:
    process = smoke("--url", stack.url, "--date", "2026-01-21", "--device", "iphone_stuart")
    assert process.returncode == 0, process.stderr
    report = dict(line.split(": ", 1) for line in process.stdout.splitlines())
    assert report["ended"] == "completed, 1463 fixes"
    assert report["listed"].startswith("one of ")
    assert re.fullmatch(r"\d{6} bytes", report["downloaded"])
    assert report["deleted"] == "yes"
    assert re.fullmatch(r"\d+ bytes", report["page"])
    assert send_request("GET", f"{stack.url}/api/distance/jobs/{report['submitted']}").status == 404


def test_a_day_without_fixes_passes(stack: Stack) -> None:
    process = smoke("--url", stack.url, "--date", "2020-01-01")
    assert process.returncode == 0, process.stderr
    assert "ended: failed, NO_DATA" in process.stdout.splitlines()


def test_an_unavailable_api_fails_with_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "RETRIES", urllib3.Retry(1))  # five with their pauses take 15 s
    assert main(["smoke", "--url", "http://127.0.0.1:1"], {}) == 1
    assert capsys.readouterr().err == "the functions: MaxRetryError\n"


def test_an_unexpected_response_fails_with_one_line(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["smoke", "--url", f"{stack.url}/elsewhere"], {}) == 1
    assert capsys.readouterr().err == "the functions: status 404 instead of 202\n"
