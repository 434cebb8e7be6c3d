"""`python -m tests.chaos`: kills parts of a loaded system, and says whether a job was lost, doubled or wrong."""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from local import environment
from local.up import STARTUP_ERRORS, StopRequested, stop_on_signals
from tests.chaos import report
from tests.chaos.kills import PARTS
from tests.chaos.run import Plan, new_seed, run


def plan(words: Sequence[str], environ: Mapping[str, str]) -> Plan:
    """The plan that the command line, else the environment, asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    given = {name: environ.get(f"CHAOS_{name.upper()}") for name in ("jobs", "kills", "seed")}
    parser.add_argument("--jobs", type=int, default=given["jobs"] or 500, help="accepted at least")
    parser.add_argument("--kills", type=int, default=given["kills"] or 100, help="at least")
    parser.add_argument("--seed", type=int, default=given["seed"] or new_seed(), help="decides who is killed and when")
    parser.add_argument("--parts", type=lambda text: text.split(","), default=list(PARTS), help="who may be killed")
    parser.add_argument("--sweeps", type=int, default=2, help="to be waited for after the last kill")
    read = parser.parse_args(words)
    if unknown := set(read.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return Plan(read.seed, read.jobs, read.kills, tuple(read.parts), read.sweeps)


def main(words: Sequence[str], environ: Mapping[str, str]) -> int:
    """0 only if nothing was lost, doubled or wrong, and there were jobs and kills enough."""
    wanted = plan(words, environ)
    print(f"seed {wanted.seed}: {wanted.jobs} jobs, {wanted.kills} kills", file=sys.stderr, flush=True)
    folder = Path(tempfile.mkdtemp(prefix="otel-worker-chaos-"))
    good = False
    try:
        done = run(wanted, folder)
        print(*report.lines(done), sep="\n", flush=True)
        good = done.verdict.good and done.enough
    except StopRequested:
        good = True  # nobody asks any more
        return 1
    except STARTUP_ERRORS as exc:
        print(exc, file=sys.stderr)
    finally:
        if good:
            shutil.rmtree(folder)
        else:
            print(f"the system's logs and state are in {folder}", file=sys.stderr)
    return 0 if good else 1


if __name__ == "__main__":
    stop_on_signals()
    given = dict(os.environ)
    environment.restrict_process_environment()
    sys.exit(main(sys.argv[1:], given))
