"""The table of the robust path: each step that it knows is what a search finds."""

import numpy as np
import pytest

from functions.calculate.analysis import path_rows, path_search, path_table
from functions.calculate.day.distance import haversine_km
from tests.unit.analysis_days import SECOND


@pytest.mark.parametrize("accuracies", [(0.0,), (0.005, 0.03, 0.04), (0.02, 0.06, 0.08), (0.01, 1.0, 4.0)])
@pytest.mark.parametrize("latitude", [0.0, -60.0, 79.99, 89.0])
def test_steps_of_the_table_are_what_a_search_finds(latitude: float, accuracies: tuple[float, ...]) -> None:
    rng = np.random.default_rng(1)
    count = 2_000
    north, east = np.cumsum(rng.normal(0, 3e-4, (2, count)), axis=1)
    north, east = np.clip(latitude + north, -90, 90), 179.99 + east
    slot = np.repeat(np.array([3, 8], np.uint8), count // 2)
    rows = path_rows.PathRows(
        path_rows.PathFixes(
            slot,
            north,
            east,
            rng.choice(accuracies, count),
            np.cumsum(rng.choice((20, 200, 1_300), count) * SECOND),
            rng.choice(np.array([-1, 1], np.int8), count),
            np.arange(count),
            np.append(0, np.cumsum(haversine_km(north[1:], east[1:], north[:-1], east[:-1]))),
        )
    )
    steps = path_table.steps_to_anchors(rows)
    known = np.flatnonzero(steps)
    assert (len(known) > count / 2) == (latitude < 80)
    for anchor in known.tolist():
        found = path_search.find_change(rows, anchor, count // 2 if slot[anchor] == 3 else count)
        change = path_search.Change.MOVED if steps[anchor] > 0 else path_search.Change.REPLACED
        assert found == (change, anchor + abs(int(steps[anchor])))
