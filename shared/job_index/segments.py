"""Columns of many jobs: what the list holds in memory and what lies under `x/`, about 40 and 25 bytes a job."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Self

import numpy as np
from numpy.typing import NDArray

from shared.job_index.markers import Entry, Filter, Position
from shared.models import Status

STATUSES = tuple(Status)
_FINISHED_FROM = STATUSES.index(Status.COMPLETED)
_HALF = 1 << 64
_NEVER = np.iinfo(np.int64).min

Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Segment:
    """n jobs, newest first: by `queued_at`, then job id. Never changed, so it may be shared and kept.

    `before_ms` is the negated `queued_at` (Unix milliseconds), so that it ascends; a job id is 128 bits in `high` and
    `low`; `day` a proleptic ordinal; `device` indexes `devices`; `completed_ms` is the smallest integer for none.
    """

    before_ms: NDArray[np.int64]
    high: NDArray[np.uint64]
    low: NDArray[np.uint64]
    status: NDArray[np.uint8]
    day: NDArray[np.int32]
    device: NDArray[np.int32]
    completed_ms: NDArray[np.int64]
    devices: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.before_ms)

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Self:
        """The entries as columns, whatever their order."""
        rows = sorted(entries, key=lambda entry: entry.position, reverse=True)
        devices = tuple(dict.fromkeys(entry.device_id for entry in rows))
        codes = {device: code for code, device in enumerate(devices)}
        numbers = [_number(entry.job_id) for entry in rows]
        return cls(
            np.array([-entry.queued_ms for entry in rows], np.int64),
            np.array([number // _HALF for number in numbers], np.uint64),
            np.array([number % _HALF for number in numbers], np.uint64),
            np.array([STATUSES.index(entry.status) for entry in rows], np.uint8),
            np.array([date.fromisoformat(entry.date).toordinal() for entry in rows], np.int32),
            np.array([codes[entry.device_id] for entry in rows], np.int32),
            np.array([_NEVER if entry.completed_ms is None else entry.completed_ms for entry in rows], np.int64),
            devices,
        )

    def entry(self, row: int) -> Entry:
        """The job of a row."""
        return Entry(
            _job_id(int(self.high[row]), int(self.low[row])),
            STATUSES[self.status[row]],
            -int(self.before_ms[row]),
            date.fromordinal(int(self.day[row])).isoformat(),
            self.devices[self.device[row]],
            None if self.completed_ms[row] == _NEVER else int(self.completed_ms[row]),
        )

    def find(self, position: Position) -> int | None:
        """The row of the job at `position`, or None."""
        queued_ms, job_id = position
        high, low = divmod(_number(job_id), _HALF)
        first = int(np.searchsorted(self.before_ms, -queued_ms, "left"))
        behind = int(np.searchsorted(self.before_ms, -queued_ms, "right"))
        same = (self.high[first:behind] == np.uint64(high)) & (self.low[first:behind] == np.uint64(low))
        found = np.flatnonzero(same)
        return first + int(found[0]) if found.size else None

    def newer_than(self, position: Position) -> int:
        """How many rows stand before `position`."""
        queued_ms, job_id = position
        first = int(np.searchsorted(self.before_ms, -queued_ms, "left"))
        behind = int(np.searchsorted(self.before_ms, -queued_ms, "right"))
        number = _number(job_id)
        high, low = np.uint64(number // _HALF), np.uint64(number % _HALF)
        highs, lows = self.high[first:behind], self.low[first:behind]
        return first + int(np.count_nonzero((highs > high) | ((highs == high) & (lows > low))))

    def admitted(self, wanted: Filter) -> Flags:
        """Which rows `wanted` admits."""
        flags = np.ones(len(self), np.bool_)
        if wanted.status is not None:
            flags &= self.status == STATUSES.index(wanted.status)
        if wanted.day is not None:
            flags &= self.day == wanted.day.toordinal()
        if wanted.device_id is not None:
            known = wanted.device_id in self.devices
            flags &= self.device == (self.devices.index(wanted.device_id) if known else -1)
        return flags

    def finished(self) -> Flags:
        """Which rows will not change any more."""
        finished: Flags = self.status >= _FINISHED_FROM
        return finished

    def only(self, rows: Rows | Flags | slice) -> "Segment":
        """Some of the rows, in their order; devices that none of them has any more are not kept."""
        codes, device = np.unique(self.device[rows], return_inverse=True)
        return Segment(
            self.before_ms[rows],
            self.high[rows],
            self.low[rows],
            self.status[rows],
            self.day[rows],
            device.astype(np.int32),
            self.completed_ms[rows],
            tuple(self.devices[code] for code in codes.tolist()),
        )

    def changed(self, gone: Iterable[Position], come: Iterable[Entry]) -> "Segment":
        """Without the jobs at the positions `gone`, and with the entries `come` in place of what stood there."""
        arrived = Segment.of(come)
        left = np.ones(len(self), np.bool_)
        for position in (*gone, *(arrived.entry(row).position for row in range(len(arrived)))):
            row = self.find(position)
            if row is not None:
                left[row] = False
        return merged([self.only(left), arrived])

    def dump(self) -> bytes:
        """The columns as a compressed .npz, which numpy anywhere can read."""
        file = io.BytesIO()
        columns = {name: getattr(self, name) for name in _COLUMNS}
        # Differences are small numbers: they take half the space.
        columns["before_ms"] = np.diff(self.before_ms, prepend=0)
        columns["completed_ms"] = np.where(self.completed_ms == _NEVER, _NEVER, self.completed_ms + self.before_ms)
        np.savez_compressed(file, allow_pickle=False, devices=np.array(self.devices, np.bytes_), **columns)
        return file.getvalue()

    @classmethod
    def load(cls, body: bytes) -> Self:
        """What `dump` made."""
        with np.load(io.BytesIO(body), allow_pickle=False) as file:
            columns = {name: file[name] for name in _COLUMNS}
            devices = tuple(name.decode("ascii") for name in file["devices"].tolist())
        columns["before_ms"] = np.cumsum(columns["before_ms"])
        took = columns["completed_ms"]
        columns["completed_ms"] = np.where(took == _NEVER, _NEVER, took - columns["before_ms"])
        return cls(**columns, devices=devices)


_COLUMNS = tuple(name for name in Segment.__dataclass_fields__ if name != "devices")
EMPTY = Segment.of(())


def merged(parts: Sequence[Segment]) -> Segment:
    """The rows of all parts, newest first; no job stands in two of them."""
    parts = [part for part in parts if len(part)]
    if len(parts) < 2:
        return parts[0] if parts else EMPTY
    devices = tuple(dict.fromkeys(device for part in parts for device in part.devices))
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS}
    columns["device"] = np.concatenate(
        [np.array([devices.index(name) for name in part.devices], np.int32)[part.device] for part in parts]
    )
    order = np.lexsort((~columns["low"], ~columns["high"], columns["before_ms"]))
    return Segment(**{name: column[order] for name, column in columns.items()}, devices=devices)


def _number(job_id: str) -> int:
    return int(job_id.replace("-", ""), 16)


def _job_id(high: int, low: int) -> str:
    digits = f"{high:016x}{low:016x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
