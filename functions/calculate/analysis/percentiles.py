"""Percentiles of distances from histograms with bins of a relative width of 2⁻¹²."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from functions.calculate.analysis.device_fixes import SettledFixes
from functions.calculate.analysis.shown_devices import SHOWN_DEVICES
from functions.calculate.fixes.blocks import Flags, Floats, Integers

_MANTISSA_BITS = 12
_SHIFT = 52 - _MANTISSA_BITS
_SMALLEST_KM = 1e-6  # smaller distances share the first bin
_FIRST_BITS = int(np.float64(_SMALLEST_KM).view(np.int64)) >> _SHIFT
_TIME_BITS = 40  # of half microseconds: six days, of which the weight of a fix is at most two
_TIME_MASK = (1 << _TIME_BITS) - 1
_BIN_SHIFT = _TIME_BITS + 1
_FEW_ENTRIES = 65_536
_ENTRIES_OF_A_DEVICE = 12_000  # a fix every seven seconds
_GROUP = 256
_NO_ENTRIES = np.zeros(0, np.int64)
_SLOTS = np.arange(SHOWN_DEVICES, dtype=np.uint8)

Percentiles = tuple[list[float | None], list[float | None]]  # by fixes, and by time


class _Weights(NamedTuple):
    """The weights of the distances of a device: numbers of fixes, and halves of a microsecond."""

    bins: Integers
    fixes: Integers
    half_us: Integers


class DistanceHistograms:
    """Two histograms of each device: of its fixes, and of its time.

    The first bits of a float are its exponent and the highest bits of its mantissa, so they number bins whose width is
    at most 2⁻¹² of their distance. Most devices have few fixes in a bin, so each fix is an entry of its own at first:
    an integer of its bin, its time, and whether it counts as a fix. Entries are added up by bin if there are more than
    `few_entries` and more than `entries_of_a_device` for each device.
    """

    def __init__(self, few_entries: int = _FEW_ENTRIES, entries_of_a_device: int = _ENTRIES_OF_A_DEVICE) -> None:
        self._few_entries, self._entries_of_a_device = few_entries, entries_of_a_device
        room = max(few_entries, entries_of_a_device * SHOWN_DEVICES)
        self._entries = np.empty(room, np.int64)  # takes memory where it is used
        self._count = 0  # of entries
        self._batches: list[tuple[int, list[int]]] = []  # the first entry of each batch, and the end of each slot
        self._sums: dict[int, _Weights] = {}  # of earlier entries, by slot

    def add(self, settled: SettledFixes, known_us: Integers) -> None:
        """Add the new fixes with weight 1, and half of each known interval to the fixes at its ends."""
        fixes = settled.fixes
        entries = _bins(fixes.km)
        entries <<= _TIME_BITS
        entries |= _weights_half_us(known_us, settled.is_inside)
        entries <<= 1
        entries |= settled.is_new & settled.is_inside
        most = max(self._few_entries, self._entries_of_a_device * len(settled.starts))
        if self._count + len(entries) > min(most, len(self._entries)):
            self._add_up()
        if len(entries) > len(self._entries):
            self._entries = np.empty_like(entries)
        start, self._count = self._count, self._count + len(entries)
        self._entries[start : self._count] = entries
        self._batches.append((start, (start + np.searchsorted(fixes.slot, _SLOTS, side="right")).tolist()))

    def percentiles(self, slot: int, percents: Sequence[int]) -> Percentiles:
        """Return percentiles in km with weight 1 for each fix, and weighted by time; None without weight."""
        entries = np.concatenate([_NO_ENTRIES, *self._entries_of(slot)])
        entries.sort()
        weights = _unpack(entries)
        if slot in self._sums:
            weights = _Weights(*map(np.concatenate, zip(weights, self._sums[slot], strict=True)))
            order = np.argsort(weights.bins)
            weights = _Weights(*(column.take(order) for column in weights))
        by_fix, by_time = (_percentiles(weights.bins, column, percents) for column in weights[1:])
        return by_fix, by_time

    def release(self) -> None:
        """Forget all devices: their entries are most of the memory of the analysis."""
        self._entries, self._count = _NO_ENTRIES, 0
        self._batches.clear()
        self._sums.clear()

    def clear(self, slot: int) -> None:
        """Forget a device."""
        for entries in self._entries_of(slot):
            entries[:] = 0  # no fix and no time
        self._sums.pop(slot, None)

    def _entries_of(self, slot: int) -> Iterator[Integers]:
        for start, ends in self._batches:
            yield self._entries[ends[slot - 1] if slot else start : ends[slot]]

    def _add_up(self) -> None:
        """Add the entries of each device up by bin."""
        for slot in _SLOTS.tolist():
            parts = [entries for entries in self._entries_of(slot) if len(entries)]
            if not parts:
                continue
            bins = [int(entry) >> _BIN_SHIFT for part in parts for entry in (part.min(), part.max())]
            sums = self._sums.get(slot)
            if sums is not None:
                bins += sums.bins[[0, -1]].tolist()
            first = min(bins)
            fixes, half_us = np.zeros((2, max(bins) - first + 1), np.int64)
            if sums is not None:
                fixes[sums.bins - first], half_us[sums.bins - first] = sums.fixes, sums.half_us
            for weights in map(_unpack, parts):
                np.add.at(fixes, weights.bins - first, weights.fixes)
                np.add.at(half_us, weights.bins - first, weights.half_us)
            used = np.flatnonzero(fixes | half_us)
            if used.size:
                self._sums[slot] = _Weights(used + first, fixes.take(used), half_us.take(used))
        self._batches.clear()
        self._count = 0


def _unpack(entries: Integers) -> _Weights:
    return _Weights(entries >> _BIN_SHIFT, entries & 1, entries >> 1 & _TIME_MASK)


def _percentiles(bins: Integers, weights: Integers, percents: Sequence[int]) -> list[float | None]:
    """Return the middles of the first bins at or below which the percentages of the weight lie; bins are ascending."""
    groups = np.arange(0, len(weights), _GROUP)  # a cumulative sum of all weights takes as long as ten sums
    cumulative = np.cumsum(np.add.reduceat(weights, groups)) if len(weights) else weights
    if not len(cumulative) or not cumulative[-1]:
        return [None] * len(percents)
    return [_middle_km(int(bins[_first_row(weights, cumulative, percent)])) for percent in percents]


def _first_row(weights: Integers, cumulative: Integers, percent: int) -> int:
    """Return the first row up to which the percentage of the weight lies; `cumulative` is the weight of the groups."""
    needed = -(-int(cumulative[-1]) * percent // 100)
    group = int(cumulative.searchsorted(needed))
    start = group * _GROUP
    needed -= int(cumulative[group - 1]) if group else 0
    return start + int(weights[start : start + _GROUP].cumsum().searchsorted(needed))


def _bins(km: Floats) -> Integers:
    """Return the bin of each distance: 0 below a millimetre, then ascending."""
    bins: Integers = np.maximum((km.view(np.int64) >> _SHIFT) - (_FIRST_BITS - 1), 1)
    bins *= km >= _SMALLEST_KM
    return bins


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
