"""Sums of floats as integers, which are the same for every order and division into blocks."""

import numpy as np

from functions.calculate.fixes.blocks import Floats, Integers


def group_sums(values: Floats, starts: Integers) -> tuple[Integers, Integers]:
    """Return the sum of each group of rows that begins at `starts`, in integer units: as multiples of 2⁻²⁰ and 2⁻⁵⁸.

    Values are below 2²⁰, and are rounded to units of 2⁻⁵⁸. Neither sum exceeds 63 bits before 2²³ additions.
    """
    fine = values * 2.0**20
    coarse = np.rint(fine)
    fine -= coarse
    fine *= 2.0**38
    coarse_sums = np.add.reduceat(coarse.astype(np.int64), starts)
    return coarse_sums, np.add.reduceat(np.rint(fine, out=fine).astype(np.int64), starts)


def in_units(coarse: int, fine: int) -> int:
    """Return a sum of multiples of 2⁻²⁰ and 2⁻⁵⁸ as one integer."""
    return (coarse << 38) + fine


def value(units: int) -> float:
    """Return a sum of units of 2⁻⁵⁸ as a float."""
    return units / 2**58


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
