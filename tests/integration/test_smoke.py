"""`python -m admin smoke`: one job through every function, and nothing of it left behind."""

import re
import subprocess
import sys

import pytest
import urllib3

from admin import api
from admin.__main__ import main
from local.stack import Stack
from tests.integration.processes import ROOT
from tests.integration.whole_stack import ask


def smoke(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "admin", "smoke", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def test_a_job_goes_through_every_function_and_is_gone_again(stack: Stack) -> None:
    done = smoke("--url", stack.url, "--date", "2026-01-21", "--device", "iphone_stuart")
    assert done.returncode == 0, done.stderr
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert said["ended"] == "completed, 1463 fixes"
    assert said["listed"].startswith("one of ")
    assert re.fullmatch(r"\d{6} bytes", said["its CSV"])
    assert said["deleted"] == "yes"
    assert ask("GET", f"{stack.url}/api/distance/jobs/{said['submitted']}").status == 404


def test_a_day_without_fixes_is_a_good_end_too(stack: Stack) -> None:
    done = smoke("--url", stack.url, "--date", "2020-01-01")
    assert done.returncode == 0, done.stderr
    assert "ended: failed, NO_DATA" in done.stdout.splitlines()


def test_what_is_away_is_one_line_and_exit_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "_RETRIES", urllib3.Retry(1))  # five with their pauses take 15 s
    assert main(["smoke", "--url", "http://127.0.0.1:1"], {}) == 1
    assert capsys.readouterr().err == "the functions: MaxRetryError\n"


def test_what_answers_otherwise_is_one_line_and_exit_1(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["smoke", "--url", f"{stack.url}/elsewhere"], {}) == 1
    assert capsys.readouterr().err == "the functions: status 404 in place of 202\n"
