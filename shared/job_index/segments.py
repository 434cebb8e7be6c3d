"""Segments: columns of many jobs, in memory and as objects under `x/`, about 40 and 25 bytes per job."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from shared.job_index.markers import Entry, Filter, Position
from shared.models import Status

STATUSES = tuple(Status)
_FIRST_FINISHED = STATUSES.index(Status.COMPLETED)
_TWO_TO_64 = 1 << 64
_NOT_COMPLETED = np.iinfo(np.int64).min

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Segment:
    """n jobs ordered by position, newest first. Immutable, so it can be shared and cached.

    Columns of length n:

    - `neg_queued_ms`: `queued_at` in Unix milliseconds, negated so that the column ascends
    - `id_high`, `id_low`: the 128 bits of the job id
    - `status`: index into STATUSES
    - `day`: proleptic Gregorian ordinal
    - `device`: index into `devices`
    - `completed_ms`: Unix milliseconds, the smallest integer if the job has not completed
    """

    neg_queued_ms: NDArray[np.int64]
    id_high: NDArray[np.uint64]
    id_low: NDArray[np.uint64]
    status: NDArray[np.uint8]
    day: NDArray[np.int32]
    device: NDArray[np.int32]
    completed_ms: NDArray[np.int64]
    devices: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.neg_queued_ms)

    @classmethod
    def from_entries(cls, entries: Iterable[Entry]) -> Self:
        """Build a segment from entries in any order."""
        rows = sorted(entries, key=lambda entry: entry.position, reverse=True)
        devices = tuple(dict.fromkeys(entry.device_id for entry in rows))
        codes = {device: code for code, device in enumerate(devices)}
        numbers = [_number(entry.job_id) for entry in rows]
        completed = [_NOT_COMPLETED if entry.completed_ms is None else entry.completed_ms for entry in rows]
        return cls(
            np.array([-entry.queued_ms for entry in rows], np.int64),
            np.array([number // _TWO_TO_64 for number in numbers], np.uint64),
            np.array([number % _TWO_TO_64 for number in numbers], np.uint64),
            np.array([STATUSES.index(entry.status) for entry in rows], np.uint8),
            np.array([date.fromisoformat(entry.date).toordinal() for entry in rows], np.int32),
            np.array([codes[entry.device_id] for entry in rows], np.int32),
            np.array(completed, np.int64),
            devices,
        )

    def entry(self, row: int) -> Entry:
        """Return the job of a row."""
        return self._entry(int(column[row]) for column in self._columns())

    def entries(self) -> list[Entry]:
        """Return the jobs of all rows."""
        return [self._entry(row) for row in zip(*(column.tolist() for column in self._columns()), strict=True)]

    def _columns(self) -> "tuple[NDArray[Any], ...]":
        return tuple(getattr(self, name) for name in _COLUMNS)

    def _entry(self, row: Iterable[int]) -> Entry:
        """Return the job with these values of the columns."""
        neg_queued_ms, high, low, status, day, device, completed_ms = row
        return Entry(
            _job_id(high, low),
            STATUSES[status],
            -neg_queued_ms,
            date.fromordinal(day).isoformat(),
            self.devices[device],
            None if completed_ms == _NOT_COMPLETED else completed_ms,
        )

    def find(self, position: Position) -> int | None:
        """Return the row of the job at `position`, or None."""
        first, last, high, low = self._rows_queued_with(position)
        if first == last:
            return None
        matches = np.flatnonzero((self.id_high[first:last] == high) & (self.id_low[first:last] == low))
        return first + int(matches[0]) if matches.size else None

    def count_newer(self, position: Position) -> int:
        """Return the number of jobs that are newer than `position`."""
        first, last, high, low = self._rows_queued_with(position)
        highs, lows = self.id_high[first:last], self.id_low[first:last]
        return first + int(np.count_nonzero((highs > high) | ((highs == high) & (lows > low))))

    def _rows_queued_with(self, position: Position) -> tuple[int, int, np.uint64, np.uint64]:
        """Return the range of the rows with the same `queued_at`, and the two halves of the job id."""
        queued_ms, job_id = position
        high, low = divmod(_number(job_id), _TWO_TO_64)
        first = int(self.neg_queued_ms.searchsorted(-queued_ms, "left"))
        last = int(self.neg_queued_ms.searchsorted(-queued_ms, "right"))
        return first, last, np.uint64(high), np.uint64(low)

    def matching_mask(self, job_filter: Filter) -> Mask:
        """Return the mask of the rows that match the filter."""
        mask = np.ones(len(self), np.bool_)
        if job_filter.status is not None:
            mask &= self.status == STATUSES.index(job_filter.status)
        if job_filter.day is not None:
            mask &= self.day == job_filter.day.toordinal()
        if job_filter.device_id is not None:
            is_known = job_filter.device_id in self.devices
            mask &= self.device == (self.devices.index(job_filter.device_id) if is_known else -1)
        if job_filter.job_id is not None:
            high, low = divmod(_number(job_filter.job_id), _TWO_TO_64)
            mask &= (self.id_high == np.uint64(high)) & (self.id_low == np.uint64(low))
        return mask

    def newest_of_days(self, rows: Rows, first: date, last: date) -> "Segment":
        """Return the newest job of each day from `first` to `last` among `rows`, in one pass and without sorting."""
        start, count = first.toordinal(), (last - first).days + 1
        days = self.day[rows] - start
        is_in_range = (days >= 0) & (days < count)
        newest = np.full(count, len(self), np.int64)
        np.minimum.at(newest, days[is_in_range], rows[is_in_range])  # rows are newest first
        return self.select(np.sort(newest[newest < len(self)]))

    def finished_mask(self) -> Mask:
        """Return the mask of the finished jobs."""
        mask: Mask = self.status >= _FIRST_FINISHED
        return mask

    def select(self, rows: Rows | Mask | slice) -> "Segment":
        """Return a segment of some of the rows. `devices` keeps only those that occur in them."""
        codes, device = np.unique(self.device[rows], return_inverse=True)
        return Segment(
            self.neg_queued_ms[rows],
            self.id_high[rows],
            self.id_low[rows],
            self.status[rows],
            self.day[rows],
            device.astype(np.int32),
            self.completed_ms[rows],
            tuple(self.devices[code] for code in codes.tolist()),
        )

    def with_changes(self, removed: Iterable[Position], upserted: Iterable[Entry]) -> "Segment":
        """Return a segment without the jobs at `removed`, in which `upserted` replace the jobs at their positions."""
        added = Segment.from_entries(upserted)
        remaining = np.ones(len(self), np.bool_)
        for position in (*removed, *(added.entry(row).position for row in range(len(added)))):
            row = self.find(position)
            if row is not None:
                remaining[row] = False
        return merge([self.select(remaining), added])

    def dump(self) -> bytes:
        """Return the columns as a compressed .npz file."""
        file = io.BytesIO()
        columns = {name: getattr(self, name) for name in _COLUMNS}
        # Differences are small numbers and compress to half the size.
        columns["neg_queued_ms"] = np.diff(self.neg_queued_ms, prepend=0)
        columns["completed_ms"] = np.where(
            self.completed_ms == _NOT_COMPLETED, _NOT_COMPLETED, self.completed_ms + self.neg_queued_ms
        )
        np.savez_compressed(file, allow_pickle=False, devices=np.array(self.devices, np.bytes_), **columns)
        return file.getvalue()

    @classmethod
    def load(cls, body: bytes) -> Self:
        """Return the segment of a file that `dump` wrote."""
        with np.load(io.BytesIO(body), allow_pickle=False) as file:
            columns = {name: file[name] for name in _COLUMNS}
            devices = tuple(name.decode("ascii") for name in file["devices"].tolist())
        columns["neg_queued_ms"] = np.cumsum(columns["neg_queued_ms"])
        durations = columns["completed_ms"]
        columns["completed_ms"] = np.where(
            durations == _NOT_COMPLETED, _NOT_COMPLETED, durations - columns["neg_queued_ms"]
        )
        return cls(**columns, devices=devices)


_COLUMNS = tuple(name for name in Segment.__dataclass_fields__ if name != "devices")
EMPTY = Segment.from_entries(())


def merge(segments: Sequence[Segment]) -> Segment:
    """Return one segment with the jobs of all `segments`, which must not share a position."""
    segments = [segment for segment in segments if len(segment)]
    if len(segments) < 2:
        return segments[0] if segments else EMPTY
    devices = tuple(dict.fromkeys(device for segment in segments for device in segment.devices))
    columns = {name: np.concatenate([getattr(segment, name) for segment in segments]) for name in _COLUMNS}
    columns["device"] = np.concatenate(
        [np.array([devices.index(name) for name in segment.devices], np.int32)[segment.device] for segment in segments]
    )
    order = np.lexsort((~columns["id_low"], ~columns["id_high"], columns["neg_queued_ms"]))
    return Segment(**{name: column[order] for name, column in columns.items()}, devices=devices)


def _number(job_id: str) -> int:
    return int(job_id.replace("-", ""), 16)


def _job_id(high: int, low: int) -> str:
    digits = f"{high:016x}{low:016x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
