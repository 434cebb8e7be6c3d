"""Runs of many seeds, and their reports."""

import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256

from tests.simulation.run import SeedResult, run

_SEEDS_PER_TASK = 50
_MAX_PRINTED = 20


def _run_seeds(seeds: Iterable[int]) -> tuple[list[SeedResult], Counter[str]]:
    """Return the results with a violation, and the counts of all seeds."""
    violations, counts = list[SeedResult](), Counter[str]()
    for seed in seeds:
        result = run(seed)
        counts += result.counts
        if result.violation:
            violations.append(result)
    return violations, counts


def main(seeds: range, processes: int) -> int:
    """Run all seeds and print the violations and one line of counts. Return 1 if a seed is broken."""
    started = time.monotonic()
    chunks = [seeds[at : at + _SEEDS_PER_TASK] for at in range(0, len(seeds), _SEEDS_PER_TASK)]
    violations, total = list[SeedResult](), Counter[str]()
    with ProcessPoolExecutor(processes) as pool:
        for results, counts in pool.map(_run_seeds, chunks):
            total += counts
            for result in results[: _MAX_PRINTED - len(violations)]:
                print(f"seed {result.seed}: {result.violation}", flush=True)
            violations += results
    summary = ", ".join(f"{count} {name}" for name, count in sorted(total.items()))
    print(f"{len(seeds)} seeds in {time.monotonic() - started:.0f} s, {len(violations)} broken: {summary}")
    return 1 if violations else 0


def first_violation(seeds: range) -> int:
    """Stop at the first broken seed and print it. Return 1 if there is one."""
    for result in map(run, seeds):
        if result.violation:
            print(f"seed {result.seed}: {result.violation}")
            return 1
    print(f"{len(seeds)} seeds hold")
    return 0


def replay(seed: int, *, traced: bool) -> int:
    """Run one seed, with its trace on request. Return 1 if it is broken."""
    result = run(seed, traced=traced)
    if traced:
        print(*_trace_lines(result), sep="\n")
    print(f"seed {seed}: {result.violation or 'holds'}")
    return 1 if result.violation else 0


def digests(seeds: range) -> int:
    """Print a hash of every step of each seed. It is the same on every machine and in every process."""
    for seed in seeds:
        digest = sha256("\n".join(_trace_lines(run(seed, traced=True))).encode()).hexdigest()
        print(f"seed {seed}: {digest}")
    return 0


def _trace_lines(result: SeedResult) -> list[str]:
    """Format the trace: virtual seconds, process, step."""
    return [f"{when / 1000:9.3f}  {process:28}  {step}" for when, process, step in result.trace or ()]
