"""Fixes in columns: the format in which fixes pass from the database to the statistics and the CSV."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

BLOCK_ROWS = 8_192  # large enough that Python's overhead is small, small enough that the columns fit the CPU cache

NULL = np.iinfo(np.int64).min  # represents SQL NULL in integer columns

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Block:
    """Columns of n fixes in the order of the day.

    `time_us` is microseconds since 1970 UTC. `device` contains indexes into `devices`, a list that grows from block
    to block. Coordinates are WGS84 degrees, NaN for SQL NULL. The other columns contain NULL for SQL NULL.
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

    def filter(self, mask: Flags) -> Self:
        """Return a block of the rows for which `mask` is True."""
        columns = {name: getattr(self, name)[mask] for name in self.__dataclass_fields__ if name != "devices"}
        return replace(self, **columns)


@dataclass(frozen=True)
class MeasuredBlock:
    """The usable fixes of a block with their distance and away time.

    `km` is the distance from home. `away_us` is the away time of the fix's device up to and including the fix.
    """

    fixes: Block
    km: Floats
    away: Flags
    away_us: Integers
