"""A short chaos run. `make chaos` runs a long one."""

import re
import subprocess
import sys

import pytest

from tests.integration.whole_stack import environ

pytestmark = pytest.mark.slow

# Recovery from a kill of any other part may take a lease or the next sweep, which is about a minute.
PARTS = "submit,status,list,gateway,postgres"


def test_no_job_is_lost_doubled_or_wrong_while_parts_are_killed() -> None:
    arguments = ["--jobs", "15", "--kills", "6", "--seed", "4", "--parts", PARTS, "--sweeps", "0"]
    command = [sys.executable, "-m", "tests.chaos", *arguments]
    run = subprocess.run(command, env=environ(), capture_output=True, text=True, timeout=200, check=False)

    assert run.returncode == 0, run.stdout + run.stderr
    figures = dict(re.findall(r"^(\w+) +(\d+)", run.stdout, re.MULTILINE))
    assert [figures[name] for name in ("lost", "doubled", "wrong")] == ["0", "0", "0"]
    assert int(figures["accepted"]) >= 15
    assert int(figures["ended"]) >= 15
    assert int(figures["kills"]) >= 6
