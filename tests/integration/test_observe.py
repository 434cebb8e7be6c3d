"""`make observe` as its user sees it."""

import subprocess
import sys
from pathlib import Path

from local.ports import unused
from tests.integration.whole_stack import environ


def observe(**settings: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "local", "observe"]
    variables = environ(ONCE=1, COLUMNS=120, **settings)
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120, check=False)


def test_a_job_is_shown_as_a_waterfall_over_both_services(tmp_path: Path) -> None:
    port = unused()
    run = observe(DATA_DIR=tmp_path, OTLP_PORT=port)
    assert (run.returncode, run.stderr) == (0, "")
    lines = run.stdout.splitlines()
    (first,) = [line for line in lines if "POST /api/distance/calculate" in line]
    (read,) = [line for line in lines if "COPY public.locations" in line]
    assert first.split()[0] == "distance-submit"
    assert read.split()[0] == "distance-calculate"
    assert first.index("━") < read.index("━")
    assert f"this trace: http://127.0.0.1:{port}/traces/" in run.stdout


def test_a_port_it_can_not_have_is_its_reason_to_fail(tmp_path: Path) -> None:
    for port in ("0", "many", "70000"):
        run = observe(DATA_DIR=tmp_path, OTLP_PORT=port)
        assert (run.returncode, run.stderr) == (1, "OTLP_PORT: a number from 1 to 65535 is expected\n")
