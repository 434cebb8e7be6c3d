"""The simulation as CI runs it: ten thousand seeds, each repeatable, every planted bug caught (docs/simulation.md)."""

import re
import subprocess

import pytest

from tests.contract.markdown import ROOT, rows
from tests.simulation.bugs import BUGS
from tests.simulation.conftest import SEEDS, command
from tests.simulation.planted import Bug

pytestmark = pytest.mark.timeout(1_000)  # a slow machine is no finding

# What ten thousand seeds meet at the least: without it they would prove nothing.
MET = {
    "deaths": 5_000,
    "terminated": 1_000,
    "fail": 3_000,
    "lost": 3_000,
    "twice": 3_000,
    "hang": 3_000,
    "ghost": 1_000,
    "conflict": 300,
    "database_fail": 300,
    "events_forgotten": 500,
    "duplicates": 5_000,
    "dead_letters": 3_000,
    "takeovers": 3_000,
    "requested_409": 10_000,
    "requested_503": 3_000,
    "submit_422": 1_000,
    "deleted": 5_000,
    "made again": 1_000,
    "outcomes": 30_000,
    "sweep_204": 30_000,
    "walks": 20_000,
    "pages": 40_000,
    "download_302": 3_000,
    "rests": SEEDS,
    "job completed": 10_000,
    "job failed NO_DATA": 5_000,
    "job failed UNDELIVERABLE": 50,
    "job deleted": 5_000,
}


def simulated(*words: str, hash_seed: str = "random") -> subprocess.CompletedProcess[str]:
    line, environ = command(*words, hash_seed=hash_seed)
    return subprocess.run(line, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=900, check=False)


def test_ten_thousand_seeds_hold_and_meet_everything_that_may_happen(ten_thousand: tuple[int, str]) -> None:
    code, told = ten_thousand
    assert code == 0, told[-5_000:]
    met = {name: int(count) for count, name in re.findall(r"(\d+) ([^,\n]+)", told.splitlines()[-1])}
    assert not {name: met.get(name, 0) for name, least in MET.items() if met.get(name, 0) < least}


def test_a_seed_is_the_same_run_in_another_process_with_another_order_of_sets() -> None:
    first, second = (simulated("--seeds", "0-29", "--digest", hash_seed=seed) for seed in ("1", "2"))
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    assert len(set(first.stdout.split())) > 30


def test_a_seed_does_not_depend_on_those_before_it() -> None:
    among = simulated("--seeds", "0-9", "--digest").stdout.splitlines()
    assert simulated("--seeds", "9-9", "--digest").stdout.splitlines() == among[9:]


def test_every_planted_bug_is_caught(planted_bugs: tuple[int, str]) -> None:
    code, told = planted_bugs
    assert code == 0, told[-5_000:]


def test_a_bug_whose_text_is_gone_is_an_error() -> None:
    with pytest.raises(ValueError, match="stands 0 times"):
        Bug("gone", "shared/jobs/store.py", "no such text", "", "nothing").source()


def test_the_document_lists_every_planted_bug() -> None:
    told = [(name, breaks) for name, breaks in rows("docs/simulation.md", ["bug", "what it breaks"])]
    assert told == [(bug.name, bug.breaks) for bug in BUGS]
    assert len({bug.name for bug in BUGS}) >= 15
