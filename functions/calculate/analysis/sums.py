"""Exact sums of groups of rows and of devices (functions/calculate/day/exact_sum.py)."""

import numpy as np

from functions.calculate.day.exact_sum import in_units, split, value
from functions.calculate.fixes.blocks import Floats, Integers


def group_sums(values: Floats, starts: Integers) -> tuple[Integers, Integers]:
    """Return the sum of each group of rows that begins at `starts`, as multiples of 2⁻²⁰ and 2⁻⁵⁸."""
    coarse, fine = split(values)
    return np.add.reduceat(coarse, starts), np.add.reduceat(fine, starts)


class ExactSums:
    """A sum of floats for each device, in integer units: the same for every order and division into blocks."""

    def __init__(self, devices: int) -> None:
        self._coarse = np.zeros(devices, np.int64)
        self._fine = np.zeros(devices, np.int64)

    def add(self, values: Floats, starts: Integers, slots: Integers) -> None:
        """Add the values of each group of rows that begins at `starts` to the sum of its slot; slots are distinct."""
        coarse, fine = group_sums(values, starts)
        self._coarse[slots] += coarse
        self._fine[slots] += fine

    def clear(self, slot: int) -> None:
        self._coarse[slot] = self._fine[slot] = 0

    def value(self, slot: int) -> float:
        return value(in_units(int(self._coarse[slot]), int(self._fine[slot])))
