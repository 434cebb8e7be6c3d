"""The devices that the document shows: the first ones by device_id."""

from dataclasses import dataclass
from heapq import nsmallest

import numpy as np

from functions.calculate.fixes.blocks import Integers

SHOWN_DEVICES = 100


@dataclass(frozen=True)
class SlotChanges:
    """Slots that a block takes from devices or assigns to devices."""

    cleared: list[int]
    assigned: list[int]


class ShownDevices:
    """Assign slots to the first 100 devices by device_id, in code point order.

    A device that 100 others precede is never shown, because devices only come in addition. Its slot is used again.
    """

    def __init__(self) -> None:
        self.count = 0  # of all devices with a row
        self.slots: dict[str, int] = {}  # of the devices that are shown so far
        self._has_row = np.zeros(0, np.bool_)  # by index in Block.devices
        self._slot = np.zeros(0, np.int64)  # by index in Block.devices, -1 for devices that are not shown
        self._indexes: dict[str, int] = {}

    def add(self, present: Integers, names: list[str]) -> SlotChanges:
        """Register the devices of a block by their indexes into `names`."""
        if added := len(names) - len(self._has_row):
            self._has_row = np.append(self._has_row, np.zeros(added, np.bool_))
            self._slot = np.append(self._slot, np.full(added, -1))
        new = present[~self._has_row[present]].tolist()
        self._has_row[new] = True
        self.count += len(new)
        return self._assign({names[index]: index for index in new}) if new else SlotChanges([], [])

    def slot_of(self, device: Integers) -> Integers:
        """Return the slots of device indexes, -1 for those that are not shown."""
        return self._slot[device]

    def _assign(self, new: dict[str, int]) -> SlotChanges:
        shown = set(nsmallest(SHOWN_DEVICES, [*self.slots, *new]))
        removed = [name for name in self.slots if name not in shown]
        cleared = [self.slots.pop(name) for name in removed]
        for name in removed:
            self._slot[self._indexes.pop(name)] = -1
        free = iter(set(range(SHOWN_DEVICES)) - set(self.slots.values()))
        assigned = []
        for name in sorted(shown & new.keys()):
            slot = next(free)
            self.slots[name], self._indexes[name] = slot, new[name]
            self._slot[new[name]] = slot
            assigned.append(slot)
        return SlotChanges(cleared, assigned)
