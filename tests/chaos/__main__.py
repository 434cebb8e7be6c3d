"""Chaos test: kill parts of a loaded system, report lost, doubled and wrong jobs (docs/contributing/chaos.md)."""

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
from tests.chaos.run import Plan, random_seed, run


def parse_plan(arguments: Sequence[str], environ: Mapping[str, str]) -> Plan:
    """Read the plan from the command line, with defaults from the environment."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    defaults = {name: environ.get(f"CHAOS_{name.upper()}") for name in ("jobs", "kills", "seed")}
    parser.add_argument("--jobs", type=int, default=defaults["jobs"] or 500, help="minimum number of accepted jobs")
    parser.add_argument("--kills", type=int, default=defaults["kills"] or 100, help="minimum number of kills")
    parser.add_argument("--seed", type=int, default=defaults["seed"] or random_seed(), help="decides kills and jobs")
    parser.add_argument("--parts", type=lambda text: text.split(","), default=list(PARTS), help="parts to kill")
    parser.add_argument("--sweeps", type=int, default=2, help="sweeps to wait for after the last kill")
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return Plan(options.seed, options.jobs, options.kills, tuple(options.parts), options.sweeps)


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the plan. Return 0 only without findings and with enough jobs and kills."""
    plan = parse_plan(arguments, environ)
    print(f"seed {plan.seed}: {plan.jobs} jobs, {plan.kills} kills", file=sys.stderr, flush=True)
    folder = Path(tempfile.mkdtemp(prefix="otel-worker-chaos-"))
    remove_folder = False
    try:
        result = run(plan, folder)
        print(*report.lines(result), sep="\n", flush=True)
        remove_folder = passed = result.verdict.passed and result.is_complete
    except StopRequested:
        remove_folder = True
        return 1
    except STARTUP_ERRORS as exc:
        print(exc, file=sys.stderr)
        return 1
    finally:
        if remove_folder:
            shutil.rmtree(folder)
        else:
            print(f"the system's logs and state are in {folder}", file=sys.stderr)
    return 0 if passed else 1


if __name__ == "__main__":
    stop_on_signals()
    original_environ = dict(os.environ)
    environment.restrict_process_environment()
    sys.exit(main(sys.argv[1:], original_environ))
