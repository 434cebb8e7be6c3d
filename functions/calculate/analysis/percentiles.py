"""Percentiles of distances from histograms with bins of a relative width of 2⁻¹²."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from functions.calculate.analysis.device_fixes import SettledFixes
from functions.calculate.fixes.blocks import Flags, Floats, Integers

_MANTISSA_BITS = 12
_SHIFT = 52 - _MANTISSA_BITS
_SMALLEST_KM = 1e-6  # smaller distances share the first bin
_FIRST_BITS = int(np.float64(_SMALLEST_KM).view(np.int64)) >> _SHIFT
_PAGE_BITS = 2
_PAGE = 1 << _PAGE_BITS
_LARGEST_KM = 20_100.0  # more than half the Earth's circumference


class DistanceHistograms:
    """Two histograms of each device: of its fixes, and of its time.

    The first bits of a float are its exponent and the highest bits of its mantissa, so they number bins whose width is
    at most 2⁻¹² of their distance. Bins are stored in pages of 4, which exist where a device has fixes.
    """

    def __init__(self, devices: int) -> None:
        pages = (int(_bins(np.array([_LARGEST_KM]))[0]) >> _PAGE_BITS) + 1
        # The arrays have room for all pages. What is not written takes no memory of the process.
        self._page = np.zeros((devices, pages), np.int32)  # position in the arrays below, 0 without a page
        self._counts = np.zeros((devices * pages + 1, _PAGE), np.uint32)
        self._half_us = np.zeros((devices * pages + 1, _PAGE), np.int64)
        self._used = 1
        self._free: list[int] = []

    def add(self, settled: SettledFixes, known_us: Integers) -> None:
        """Add the new fixes with weight 1, and half of each known interval to the fixes at its ends."""
        fixes = settled.fixes
        bins = _bins(fixes.km)
        pages = self._pages(fixes.slot, bins >> _PAGE_BITS)
        position = (pages << _PAGE_BITS) | (bins & (_PAGE - 1))
        counted = settled.is_new & settled.is_inside
        np.add.at(self._counts.reshape(-1), position if counted.all() else position[counted], np.uint32(1))
        np.add.at(self._half_us.reshape(-1), position, _weights_half_us(known_us, settled.is_inside))

    def percentiles(self, slot: int, percents: Sequence[int]) -> tuple[list[float | None], list[float | None]]:
        """Return percentiles in km with weight 1 for each fix, and weighted by time; None without weight."""
        numbers = np.flatnonzero(self._page[slot] > 0)
        pages = self._page[slot].take(numbers)
        by_fix, by_time = (
            _percentiles(numbers, table.take(pages, axis=0), percents) for table in (self._counts, self._half_us)
        )
        return by_fix, by_time

    def clear(self, slot: int) -> None:
        """Forget a device."""
        pages = self._page[slot][self._page[slot] > 0]
        self._counts[pages] = 0
        self._half_us[pages] = 0
        self._free += pages.tolist()
        self._page[slot] = 0

    def _pages(self, slot: NDArray[np.uint8], number: Integers) -> Integers:
        """Return the position of the page of each row, and add pages that do not exist."""
        index = self._page.reshape(-1)
        entry = slot.astype(np.int64) * self._page.shape[1]
        entry += number
        pages = index[entry]
        missing = entry[pages == 0]
        if missing.size:
            rows = np.arange(len(missing))
            index[missing] = rows
            new = missing[index[missing] == rows]  # each entry once
            index[new] = self._allocate(len(new))
            pages = index[entry]
        return pages.astype(np.int64)

    def _allocate(self, count: int) -> Integers:
        """Return the positions of `count` empty pages."""
        recycled = [self._free.pop() for _ in range(min(count, len(self._free)))]
        added = range(self._used, self._used + count - len(recycled))
        self._used = added.stop
        return np.array([*recycled, *added], np.int64)


def _percentiles(numbers: Integers, weights: NDArray[np.generic], percents: Sequence[int]) -> list[float | None]:
    """Return the middles of the first bins at or below which the percentages of the weight lie.

    `weights` has the weights of the bins of pages, `numbers` the numbers of the pages in ascending order.
    """
    cumulative = np.cumsum(weights.astype(np.int64))
    if not len(cumulative) or not cumulative[-1]:
        return [None] * len(percents)
    needed = [-(-int(cumulative[-1]) * percent // 100) for percent in percents]
    positions = np.searchsorted(cumulative, needed)
    bins = (numbers[positions >> _PAGE_BITS] << _PAGE_BITS) + (positions & (_PAGE - 1))
    return [_middle_km(number) for number in bins.tolist()]


def _bins(km: Floats) -> Integers:
    """Return the bin of each distance: 0 below a millimetre, then ascending."""
    bins: Integers = np.maximum((km.view(np.int64) >> _SHIFT) - (_FIRST_BITS - 1), 1)
    return bins * (km >= _SMALLEST_KM)


def _middle_km(number: int) -> float:
    if not number:
        return 0.0
    bits = (number + _FIRST_BITS - 1 << _SHIFT) + (1 << _SHIFT - 1)
    return float(np.int64(bits).view(np.float64))


def _weights_half_us(known_us: Integers, is_inside: Flags) -> Integers:
    """Return the weight of each fix in halves of a microsecond.

    Of an interval with a context fix, all of it counts for the other fix.
    """
    if is_inside.all():
        weights = known_us.copy()
        weights[1:] += known_us[:-1]
        return weights
    weights = np.zeros_like(known_us)
    next_inside = np.append(is_inside[1:], False)
    weights += known_us * is_inside * (2 - next_inside)
    weights[1:] += known_us[:-1] * is_inside[1:] * (2 - is_inside[:-1])
    return weights
