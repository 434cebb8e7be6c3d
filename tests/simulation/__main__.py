"""`python -m tests.simulation --seeds 0-9999`, `--seed 1234 --trace`, `--bugs`: see docs/simulation.md."""

import argparse
import os
import sys

from tests.simulation import bugs, planted


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seeds", default="0-999", metavar="FIRST-LAST")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, help="one seed alone")
    parser.add_argument("--digest", action="store_true", help="print a hash of each seed's steps instead")
    parser.add_argument("--trace", action="store_true", help="print every step of it")
    parser.add_argument(
        "--bug", choices=sorted(bugs.BY_NAME), help="plant a bug, and stop at the first seed that catches it"
    )
    parser.add_argument("--bugs", action="store_true", help="plant each bug in an interpreter of its own")
    given = parser.parse_args()
    seeds = range(int(given.seeds.split("-")[0]), int(given.seeds.split("-")[-1]) + 1)
    if given.bugs:
        from tests.simulation import mutation  # noqa: PLC0415 - beside the next two

        return mutation.main(seeds, given.processes)
    if given.bug:
        planted.plant(bugs.BY_NAME[given.bug])
    from tests.simulation import seeds as running  # noqa: PLC0415 - what it imports may have a bug planted

    if given.digest:
        return running.digests(seeds)
    if given.seed is not None:
        return running.replay(given.seed, traced=given.trace)
    return running.first_broken(seeds) if given.bug else running.main(seeds, given.processes)


if __name__ == "__main__":
    sys.exit(main())
