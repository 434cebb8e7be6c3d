"""Columns of fixes that pass between the stages of the analysis."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from functions.calculate.fixes.blocks import Flags, Floats, Integers

Slots = NDArray[np.uint8]
Signs = NDArray[np.int8]

A = TypeVar("A", bound=np.generic)

UNKNOWN, AWAY, HOME = 0, 1, -1  # the states of a device, and the evidence of a fix for a state


@dataclass(frozen=True)
class Columns:
    """Columns of equal length; `slot` is the position of the device in all arrays with one item for each device."""

    slot: Slots

    def __len__(self) -> int:
        return len(self.slot)

    def take(self, index: Integers | Flags | slice) -> Self:
        """Return the rows that `index` selects: positions, a mask or a slice."""
        columns = vars(self).values()
        if isinstance(index, slice):
            return type(self)(*(column[index] for column in columns))
        rows = np.flatnonzero(index) if index.dtype == np.bool_ else index  # numpy applies a mask slowly
        return type(self)(*(column.take(rows) for column in columns))

    @classmethod
    def merge(cls, parts: Sequence[Self]) -> Self:
        """Return the rows of all parts, of which there is at least one, sorted by slot. The order within it stays."""
        slots, *columns = zip(*(vars(part).values() for part in parts), strict=True)
        slot = np.concatenate(slots)
        if (slot == slot[0]).all():
            return cls(slot, *map(np.concatenate, columns))
        order = np.argsort(slot, kind="stable")  # numpy sorts 8 bits by radix, in O(n)
        return cls(slot.take(order), *(np.concatenate(column).take(order) for column in columns))


@dataclass(frozen=True)
class StateFixes(Columns):
    """Columns of n fixes that determine states.

    `time_us` is the fix's own time, microseconds since the start of the window. `km` is the distance from home,
    `accuracy_km` the accuracy in kilometres, 0 if it is unknown.
    """

    time_us: Integers
    km: Floats
    accuracy_km: Floats


@dataclass(frozen=True)
class Fixes(StateFixes):
    """Columns of n fixes.

    `leg_km` is the distance from the device's row before, undefined for its first row, and NaN where it is not known
    yet.
    """

    latitude: Floats
    longitude: Floats
    leg_km: Floats

    def states_at(self, rows: Integers) -> StateFixes:
        """Return the columns that determine states, at ascending rows of which there is at least one."""
        return StateFixes(self.slot, self.time_us, self.km, self.accuracy_km).take(row_index(rows))


@dataclass(frozen=True)
class SettledFixes:
    """Usable fixes whose states are final, sorted by device, in the order of the job.

    The rows of each device begin with the last row of the device's previous SettledFixes, so that every pair of
    consecutive fixes occurs once. `is_new` is False for these repeated rows. `is_inside` is False for context fixes. A
    contradicting fix has evidence for another state than its final one.
    """

    fixes: Fixes
    starts: Integers  # the first row of each device
    state: Signs
    is_contradicting: Flags
    is_new: Flags
    is_inside: Flags

    def __len__(self) -> int:
        return len(self.fixes)

    @cached_property
    def is_measured(self) -> Flags:
        """The fixes that count for the farthest distance and the robust path."""
        return self.is_new & self.is_inside & ~self.is_contradicting


def row_index(rows: Integers) -> Integers | slice:
    """Return an index for ascending rows of which there is at least one: a slice, without copies, if possible."""
    first, last = int(rows[0]), int(rows[-1])
    return slice(first, last + 1) if last - first == len(rows) - 1 else rows


def device_starts(slot: Slots) -> Integers:
    """Return the first row of each device in rows that are sorted by slot."""
    return group_starts(slot[1:] != slot[:-1]) if len(slot) else np.zeros(0, np.int64)


def group_starts(changes: Flags) -> Integers:
    """Return the first row of each group of a non-empty table; `changes` compares each row but the first."""
    rows = changes.nonzero()[0]
    starts = np.zeros(len(rows) + 1, np.int64)  # np.append takes longer than this arithmetic
    np.add(rows, 1, out=starts[1:])
    return starts


def group_ends(starts: Integers, length: int) -> Integers:
    """Return the end of each group of a table of `length` rows."""
    ends = np.empty_like(starts)
    ends[:-1] = starts[1:]
    ends[-1:] = length
    return ends


def spread(values: NDArray[A], starts: Integers, length: int) -> NDArray[A]:
    """Return an array of `length` rows that repeats each value from its start to the next."""
    return np.repeat(values, group_ends(starts, length) - starts)


def ranges(begins: Integers, ends: Integers) -> Integers:
    """Return the rows from each begin to its end, one range after the other."""
    lengths = ends - begins
    stops = np.cumsum(lengths)
    return np.arange(stops[-1]) + np.repeat(ends - stops, lengths)
