"""Command line of the simulation: `--seeds 0-9999`, `--seed 1234 --trace`, `--bugs`.

docs/contributing/simulation.md describes it.
"""

import argparse
import os
import sys

from tests import planted
from tests.simulation import bugs


def main() -> int:
    """Run the simulation as the command line requests and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seeds", default="0-999", metavar="FIRST-LAST")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, help="run a single seed")
    parser.add_argument("--digest", action="store_true", help="print a hash of each seed's steps")
    parser.add_argument("--trace", action="store_true", help="with --seed: print every step")
    parser.add_argument(
        "--bug", choices=sorted(bugs.BY_NAME), help="plant a bug and stop at the first seed that detects it"
    )
    parser.add_argument("--bugs", action="store_true", help="plant every bug, each in its own interpreter")
    options = parser.parse_args()
    seeds = range(int(options.seeds.split("-")[0]), int(options.seeds.split("-")[-1]) + 1)
    if options.bugs:
        from tests.simulation import mutation  # noqa: PLC0415 - only this branch needs it

        return mutation.main(seeds, options.processes)
    if options.bug:
        planted.plant(bugs.BY_NAME[options.bug])
    from tests.simulation import seeds as runner  # noqa: PLC0415 - imports the code that the bug is planted in

    if options.digest:
        return runner.digests(seeds)
    if options.seed is not None:
        return runner.replay(options.seed, traced=options.trace)
    return runner.first_violation(seeds) if options.bug else runner.main(seeds, options.processes)


if __name__ == "__main__":
    sys.exit(main())
