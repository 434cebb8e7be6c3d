"""The fixes of a day: the query, and the format in which fixes pass from the database to the statistics and the CSV."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
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

    Times are microseconds since 1970 UTC: `time_us` is the day column, `own_time_us` the fix's own time (the column
    `timestamp`). An own time is NULL for SQL NULL and -infinity, and the largest integer after the year 294246.
    `device` contains indexes into `devices`, a list that grows from block to block. Coordinates are WGS84 degrees, NaN
    for SQL NULL. The other columns contain NULL for SQL NULL.
    """

    time_us: Integers
    own_time_us: Integers
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
class DayQuery:
    """The fixes that a job reads: those of [start, end) by the day column, and the context on both sides.

    The context is the fix of each device that is next to the day on either side, within 12 hours; after the day, also
    before `queued_at`. Its accuracy is at most `max_accuracy_m` metres. An empty `device_id` selects all devices.
    """

    start: datetime
    end: datetime
    device_id: str
    queued_at: datetime
    max_accuracy_m: float


@dataclass(frozen=True)
class ContextFix:
    """The fix of a device that is next to the day: the last candidate before it, or the first one after it.

    Times are microseconds since 1970 UTC, coordinates WGS84 degrees, accuracy is metres or NULL.
    """

    own_time_us: int
    latitude: float
    longitude: float
    accuracy: int


@dataclass(frozen=True)
class DayFixes:
    """The fixes of a day by `day_column`, and the context fixes of each device on both sides."""

    day_column: str
    before: Mapping[str, ContextFix]
    after: Mapping[str, ContextFix]
    blocks: Iterator[Block]


@dataclass(frozen=True)
class MeasuredBlock:
    """The usable fixes of a block with their distances and away time.

    `km` is the distance from home. `leg_km` is the distance from the device's fix before, NaN for its first one in the
    block. `away_us` is the away time of the fix's device up to and including the fix.
    """

    fixes: Block
    km: Floats
    away: Flags
    away_us: Integers
    leg_km: Floats
