"""Fixes in columns: what flows from the database to the numbers and the CSV, about 8,000 rows at a time."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

ROWS = 8_192  # large enough that Python's share is small, small enough that every column stays in the cache

NULL = np.iinfo(np.int64).min  # an integer that the database does not know

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Block:
    """Columns of n fixes in the day's order.

    `time_us` is microseconds since 1970 UTC; `device` indexes `devices`, a list that grows from block to block;
    coordinates are WGS84 degrees, NaN where the database has none; the other columns hold NULL where it has none.
    """

    time_us: Integers
    device: Integers
    latitude: Floats
    longitude: Floats
    accuracy: Integers
    battery: Integers
    velocity: Integers
    devices: list[str]

    def __len__(self) -> int:
        return len(self.time_us)

    def only(self, rows: Flags) -> Self:
        """The block without the rows that `rows` says False of."""
        columns = {name: getattr(self, name)[rows] for name in self.__dataclass_fields__ if name != "devices"}
        return replace(self, **columns)


@dataclass(frozen=True)
class MeasuredBlock:
    """The usable fixes of a block, with what was measured of each.

    `km` is the distance from home; `away_us` the device's own away time up to and including this fix.
    """

    fixes: Block
    km: Floats
    away: Flags
    away_us: Integers
