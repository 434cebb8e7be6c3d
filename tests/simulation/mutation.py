"""Mutation test of the simulation: the invariants detect each planted bug."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tests.planted import ROOT, Bug
from tests.simulation.bugs import BUGS

DETECTED = 1
_CODING_ERRORS = ("NameError", "AttributeError", "TypeError")  # the bug does not fit the code
_LABELS = {DETECTED: "caught", 0: "SURVIVED"}


def run_with_bug(bug: Bug, seeds: range) -> tuple[int, str]:
    """Run the seeds with a bug in a new interpreter. Return 1 if it is detected, 0 if not, or 2, and the last line."""
    command = [sys.executable, "-m", "tests.simulation", "--bug", bug.name, "--seeds", f"{seeds[0]}-{seeds[-1]}"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    line = "".join((result.stdout + result.stderr).strip().splitlines()[-1:])
    is_valid = line.startswith(("seed ", f"{len(seeds)} seeds")) and not any(error in line for error in _CODING_ERRORS)
    return result.returncode if is_valid else 2, line


def main(seeds: range, processes: int) -> int:
    """Plant each bug and print whether it is caught. Return 1 if one is not."""
    started, caught = time.monotonic(), 0
    with ThreadPoolExecutor(processes) as pool:
        for bug, (status, line) in zip(BUGS, pool.map(partial(run_with_bug, seeds=seeds), BUGS), strict=True):
            caught += status == DETECTED
            print(f"{_LABELS.get(status, 'ERROR'):8}  {bug.name}: {line}", flush=True)
    print(f"{caught} of {len(BUGS)} bugs caught in {time.monotonic() - started:.0f} s")
    return 0 if caught == len(BUGS) else 1
