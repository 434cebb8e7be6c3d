"""The simulation's planted bugs fit the code as it is, found in seconds instead of after all seeds."""

import pytest

from tests.simulation.bugs import BUGS
from tests.simulation.planted import Bug


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_matches_one_place_of_its_file(bug: Bug) -> None:
    assert bug.source()
