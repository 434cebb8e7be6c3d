"""The simulation's own test: each planted bug must break an invariant."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tests.simulation.bugs import BUGS
from tests.simulation.planted import ROOT, Bug

CAUGHT = 1
_WORDS = {CAUGHT: "caught", 0: "SURVIVED"}


def tried(bug: Bug, seeds: range) -> tuple[int, str]:
    """The exit status and the last line of a run with the bug in it."""
    command = [sys.executable, "-m", "tests.simulation", "--bug", bug.name, "--seeds", f"{seeds[0]}-{seeds[-1]}"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    last = (ended.stdout + ended.stderr).strip().splitlines()[-1:]
    return ended.returncode if last and last[0].startswith(("seed ", f"{len(seeds)} seeds")) else 2, "".join(last)


def main(seeds: range, processes: int) -> int:
    """Plant each bug; 1 unless each is caught."""
    started, caught = time.monotonic(), 0
    with ThreadPoolExecutor(processes) as pool:
        for bug, (status, said) in zip(BUGS, pool.map(partial(tried, seeds=seeds), BUGS), strict=True):
            caught += status == CAUGHT
            print(f"{_WORDS.get(status, 'ERROR'):8}  {bug.name}: {said}", flush=True)
    print(f"{caught} of {len(BUGS)} bugs caught in {time.monotonic() - started:.0f} s")
    return 0 if caught == len(BUGS) else 1
