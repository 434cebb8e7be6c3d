"""The simulation as CI runs it: ten thousand seeds, their repeatability, and the planted bugs."""

import re

import pytest

from tests.contract.markdown import rows
from tests.simulation.bugs import BUGS
from tests.simulation.command import simulate

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3_000)]  # it runs at the lowest priority

SEEDS, SEEDS_PER_BUG = 10_000, 3_000

# Lower bounds of the counts of ten thousand seeds. Without these events the seeds prove little.
MIN_COUNTS = {
    "deaths": 5_000,
    "terminated": 1_000,
    "fail": 3_000,
    "lost": 3_000,
    "twice": 3_000,
    "hang": 3_000,
    "ghost": 1_000,
    "conflict": 300,
    "database_fail": 300,
    "events_lost": 500,
    "duplicates": 5_000,
    "dead_letters": 3_000,
    "takeovers": 3_000,
    "requested_409": 10_000,
    "requested_503": 3_000,
    "submit_422": 1_000,
    "deleted": 5_000,
    "recreated": 1_000,
    "outcomes": 30_000,
    "sweep_204": 30_000,
    "walks": 20_000,
    "pages": 40_000,
    "download_302": 3_000,
    "quiescent": SEEDS,
    "job completed": 10_000,
    "job failed NO_DATA": 5_000,
    "job failed UNDELIVERABLE": 50,
    "job deleted": 5_000,
}


def test_invariants_hold_for_ten_thousand_seeds_with_all_faults() -> None:
    run = simulate("--seeds", f"0-{SEEDS - 1}")
    assert run.returncode == 0, run.stdout[-5_000:]
    counts = {name: int(count) for count, name in re.findall(r"(\d+) ([^,\n]+)", run.stdout.splitlines()[-1])}
    assert not {name: counts.get(name, 0) for name, least in MIN_COUNTS.items() if counts.get(name, 0) < least}


def test_seed_repeats_in_another_process_with_another_hash_seed() -> None:
    first, second = (simulate("--seeds", "0-29", "--digest", hash_seed=seed) for seed in ("1", "2"))
    assert first.returncode == 0, first.stdout
    assert first.stdout == second.stdout
    assert len(set(first.stdout.split())) > 30


def test_seed_does_not_depend_on_preceding_seeds() -> None:
    digests = simulate("--seeds", "0-9", "--digest").stdout.splitlines()
    assert simulate("--seeds", "9-9", "--digest").stdout.splitlines() == digests[9:]


def test_planted_bugs_are_caught() -> None:
    run = simulate("--bugs", "--seeds", f"0-{SEEDS_PER_BUG - 1}")
    assert run.returncode == 0, run.stdout[-5_000:]


def test_documentation_lists_every_planted_bug() -> None:
    documented = [(name, breaks) for name, breaks in rows("docs/contributing/simulation.md", ["bug", "what it breaks"])]
    assert documented == [(bug.name, bug.breaks) for bug in BUGS]
    assert len({bug.name for bug in BUGS}) >= 15
