"""`make observe` as a subprocess."""

import subprocess
import sys
from pathlib import Path

from tests.integration.whole_stack import environ


def observe(**settings: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "local", "observe"]
    variables = environ(ONCE=1, COLUMNS=120, **settings)
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120, check=False)


def test_the_trace_of_a_job_is_printed_as_a_waterfall_across_services(tmp_path: Path) -> None:
    run = observe(DATA_DIR=tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    lines = run.stdout.splitlines()
    (submit,) = [line for line in lines if "POST /api/distance/calculate" in line]
    (copy,) = [line for line in lines if "COPY public.locations" in line]
    assert submit.split()[0] == "distance-submit"
    assert copy.split()[0] == "distance-calculate"
    assert submit.index("━") < copy.index("━")
