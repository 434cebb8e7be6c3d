"""Sums of floats as integers, which are the same for every order and division into blocks.

Values are below 2²⁰ and are rounded to units of 2⁻⁵⁸. They are split into multiples of 2⁻²⁰ and of 2⁻⁵⁸, so that the
sum of neither exceeds 63 bits before 2²³ additions.
"""

import numpy as np

from functions.calculate.fixes.blocks import Floats, Integers


def split(values: Floats) -> tuple[Integers, Integers]:
    """Return each value as multiples of 2⁻²⁰, and the rest as multiples of 2⁻⁵⁸."""
    fine = values * 2.0**20
    coarse = np.rint(fine)
    fine -= coarse
    fine *= 2.0**38
    return coarse.astype(np.int64), np.rint(fine, out=fine).astype(np.int64)


def in_units(coarse: int, fine: int) -> int:
    """Return a sum of multiples of 2⁻²⁰ and 2⁻⁵⁸ as one integer."""
    return (coarse << 38) + fine


def value(units: int) -> float:
    """Return a sum of units of 2⁻⁵⁸ as a float."""
    return units / 2**58


class ExactSum:
    """A sum of floats in integer units."""

    def __init__(self) -> None:
        self._units = 0

    def add(self, values: Floats) -> None:
        coarse, fine = split(values)
        self._units += in_units(int(coarse.sum()), int(fine.sum()))

    def value(self) -> float:
        return value(self._units)
