"""Histograms of distances: percentiles are those of all fixes, whether their entries were added up or not."""

import numpy as np
import pytest
from numpy.typing import NDArray

from functions.calculate.analysis.device_fixes import Fixes, SettledFixes, device_starts
from functions.calculate.analysis.percentiles import DistanceHistograms

MINUTE_US = 60_000_000


@pytest.mark.parametrize("few_entries", [0, 300, 100_000])
def test_percentiles_are_those_of_all_fixes(few_entries: int) -> None:
    rng = np.random.default_rng(5)
    histograms, added = DistanceHistograms(few_entries, 0), list[SettledFixes]()
    for _ in range(20):
        slot = np.sort(rng.choice(np.array([0, 7, 99], np.uint8), 50))
        added.append(settled(slot, rng.lognormal(0, 2, 50)))
        histograms.add(added[-1], np.full(50, MINUTE_US))
    for number in (0, 7, 99):
        km = np.concatenate([part.fixes.km[part.fixes.slot == number] for part in added])
        expected = [float(np.quantile(km, percent / 100, method="inverted_cdf")) for percent in (5, 50, 95)]
        assert histograms.percentiles(number, (5, 50, 95))[0] == pytest.approx(expected, rel=2**-12)


@pytest.mark.parametrize("few_entries", [0, 100_000])
@pytest.mark.parametrize("unit_us", [1, 20_000_000_000])
def test_time_is_the_weight_of_the_second_percentiles(few_entries: int, unit_us: int) -> None:
    histograms = DistanceHistograms(few_entries, 0)
    histograms.add(settled(np.zeros(3, np.uint8), np.array([1.0, 2.0, 3.0])), np.array([1, 9, 0]) * unit_us)
    histograms.add(settled(np.zeros(2, np.uint8), np.array([3.0, 4.0])), np.array([8, 0]) * unit_us)
    by_fix, by_time = histograms.percentiles(0, (40, 60, 100))  # times of 1, 10, 9 + 8 and 8 half units
    assert by_fix == pytest.approx([2, 3, 4], rel=2**-12)
    assert by_time == pytest.approx([3, 3, 4], rel=2**-12)


@pytest.mark.parametrize("few_entries", [0, 100_000])
def test_device_in_the_slot_of_another_begins_without_fixes(few_entries: int) -> None:
    histograms = DistanceHistograms(few_entries, 0)
    assert histograms.percentiles(1, (50,)) == ([None], [None])
    histograms.add(settled(np.array([0, 1], np.uint8), np.array([5.0, 7.0])), np.zeros(2, np.int64))
    histograms.clear(1)
    assert histograms.percentiles(1, (50,)) == ([None], [None])
    histograms.add(settled(np.array([0, 1], np.uint8), np.array([5.0, 9.0])), np.zeros(2, np.int64))
    assert histograms.percentiles(1, (1,))[0] == pytest.approx([9], rel=2**-12)
    assert histograms.percentiles(0, (1,))[0] == pytest.approx([5], rel=2**-12)


def settled(slot: NDArray[np.uint8], km: NDArray[np.float64]) -> SettledFixes:
    """Return new fixes in the window."""
    zeros, count = np.zeros(len(km)), len(km)
    fixes = Fixes(slot, np.arange(count), km, zeros, zeros, zeros, zeros)
    yes, no = np.ones(count, np.bool_), np.zeros(count, np.bool_)
    state = np.zeros(count, np.int8)
    return SettledFixes(fixes, device_starts(slot), state, is_contradicting=no, is_new=yes, is_inside=yes)
