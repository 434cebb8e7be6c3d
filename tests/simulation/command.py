"""Runs the simulation's own command for its tests."""

import os
import subprocess
import sys

import psutil

from tests.contract.markdown import ROOT

_NICENESS = 19  # the seeds use only the processor time that other tests leave


def simulate(*arguments: str, hash_seed: str = "random") -> subprocess.CompletedProcess[str]:
    """Run `python -m tests.simulation` to its end, without coverage, which would take longer than the seeds."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith("COV")}
    environ |= {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-m", "tests.simulation", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        simulation = psutil.Process(process.pid)
        simulation.nice(_NICENESS)
        try:
            output, _ = process.communicate()
        except BaseException:
            for child in [*simulation.children(recursive=True), simulation]:
                child.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, output)
