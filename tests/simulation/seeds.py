"""Runs of many seeds, and what is said of them."""

import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256

from tests.simulation.run import Outcome, run

_CHUNK = 50
_TOLD = 20


def _some(seeds: Iterable[int]) -> tuple[list[Outcome], Counter[str]]:
    """The broken ones of `seeds`, and what all of them have met."""
    broken, counts = list[Outcome](), Counter[str]()
    for seed in seeds:
        outcome = run(seed)
        counts += outcome.counts
        if outcome.broken:
            broken.append(outcome)
    return broken, counts


def main(seeds: range, processes: int) -> int:
    """Run all, print the broken ones and one line of counts; 1 if any is broken."""
    started = time.monotonic()
    chunks = [seeds[at : at + _CHUNK] for at in range(0, len(seeds), _CHUNK)]
    broken, counts = list[Outcome](), Counter[str]()
    with ProcessPoolExecutor(processes) as pool:
        for some, met in pool.map(_some, chunks):
            counts += met
            for outcome in some[: _TOLD - len(broken)]:
                print(f"seed {outcome.seed}: {outcome.broken}", flush=True)
            broken += some
    met_most = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    print(f"{len(seeds)} seeds in {time.monotonic() - started:.0f} s, {len(broken)} broken: {met_most}")
    return 1 if broken else 0


def first_broken(seeds: range) -> int:
    """Stop at the first broken seed and print it; 1 if there is one."""
    for outcome in map(run, seeds):
        if outcome.broken:
            print(f"seed {outcome.seed}: {outcome.broken}")
            return 1
    print(f"{len(seeds)} seeds hold")
    return 0


def replay(seed: int, *, traced: bool) -> int:
    """One seed, step by step; 1 if it is broken."""
    outcome = run(seed, traced=traced)
    if traced:
        print(*_lines(outcome), sep="\n")
    print(f"seed {seed}: {outcome.broken or 'holds'}")
    return 1 if outcome.broken else 0


def digests(seeds: range) -> int:
    """A hash of every step of each seed: the same on every machine and in every process."""
    for seed in seeds:
        said = sha256("\n".join(_lines(run(seed, traced=True))).encode()).hexdigest()
        print(f"seed {seed}: {said}")
    return 0


def _lines(outcome: Outcome) -> list[str]:
    """The trace: virtual seconds, who, what."""
    return [f"{when / 1000:9.3f}  {who:28}  {what}" for when, who, what in outcome.trace or ()]
