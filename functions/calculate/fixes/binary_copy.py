"""Decode PostgreSQL's binary COPY format column by column.

The server sends one message for each row (protocol 3.0, section "COPY Operations"). All columns but the last have a
fixed width, so rows of the same length form one numpy array without conversion.
"""

from collections import defaultdict
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from functions.calculate.fixes.blocks import BLOCK_ROWS, Block, Integers
from shared.errors import Unavailable

_SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_TRAILER = b"\xff\xff"
_EPOCH_US = 946_684_800_000_000  # PostgreSQL's epoch is 2000-01-01
_MAX_LINEAR_SEARCHES = 8

# name, type and width of the columns, in the order of Columns.select_list
_FIXED = (
    ("time", ">i8", 8),
    ("latitude", ">f8", 8),
    ("longitude", ">f8", 8),
    ("accuracy", ">i8", 8),
    ("battery", ">i8", 8),
    ("velocity", ">i8", 8),
)
_FIXED_BYTES = 2 + sum(4 + width for _, _, width in _FIXED) + 4


class UnexpectedFrame(Unavailable):
    """A row does not have the layout of the select list."""

    def __init__(self) -> None:
        super().__init__("database", "unexpected-frame")


class CopyDecoder:
    """Collect the messages of one COPY and decode them into blocks."""

    def __init__(self) -> None:
        self.devices: list[str] = []
        self._codes: dict[bytes, int] = {}
        self._started = False
        self._reset()

    def _reset(self) -> None:
        self._lengths: list[int] = []
        self._rows: dict[int, bytearray] = defaultdict(bytearray)

    def __len__(self) -> int:
        return len(self._lengths)

    def receive_rows(self, receive: Callable[[], tuple[int, memoryview]]) -> int:
        """Collect messages from `receive` (libpq's PQgetCopyData).

        Returns 1 when a block is full, 0 when more data has to arrive, and -1 at the end of the COPY. This is the only
        loop over single rows, and costs as much as all column arithmetic.
        """
        if not self._started:
            length, message = receive()
            if length < 1:
                return length
            self._start(bytes(message))
        lengths, rows, trailer = self._lengths, self._rows, len(_TRAILER)
        for _ in range(BLOCK_ROWS - len(lengths)):
            length, message = receive()
            if length > trailer:
                lengths.append(length)
                rows[length] += message
            elif length < 1:
                return length
        return 1

    def _start(self, message: bytes) -> None:
        """Read the first message: the file header and the first row."""
        self._started = True
        row = message[len(_SIGNATURE) + 8 :]  # after the flags and the length of the header extension
        if not message.startswith(_SIGNATURE):
            raise UnexpectedFrame
        if len(row) > len(_TRAILER):
            self._lengths.append(len(row))
            self._rows[len(row)] += row

    def take_block(self) -> Block:
        """Decode the collected rows in their order, and start a new block.

        Raises UnexpectedFrame if a row has another layout than the select list.
        """
        count = len(self._lengths)
        time_us, accuracy, battery, velocity, device = (np.empty(count, np.int64) for _ in range(5))
        latitude, longitude = np.empty(count), np.empty(count)
        lengths = np.array(self._lengths)
        for length, data in self._rows.items():
            rows = np.frombuffer(data, _layout(length))
            _check_layout(rows)
            position = np.flatnonzero(lengths == length) if len(self._rows) > 1 else slice(None)
            time_us[position] = rows["time"]
            latitude[position] = rows["latitude"]
            longitude[position] = rows["longitude"]
            accuracy[position] = rows["accuracy"]
            battery[position] = rows["battery"]
            velocity[position] = rows["velocity"]
            device[position] = self._device_codes(rows["device"])
        time_us += _EPOCH_US
        self._reset()
        return Block(time_us, device, latitude, longitude, accuracy, battery, velocity, self.devices)

    def _device_codes(self, names: NDArray[np.bytes_]) -> Integers:
        """Return the device index of each name: by comparison for the first few devices, by sorting for the rest."""
        codes = np.full(len(names), -1, np.int64)
        for _ in range(_MAX_LINEAR_SEARCHES):
            remaining = np.flatnonzero(codes < 0)
            if not remaining.size:
                return codes
            name = names[remaining[0]]
            codes[names == name] = self._device_code(bytes(name))
        remaining = np.flatnonzero(codes < 0)
        distinct, inverse = np.unique(names[remaining], return_inverse=True)
        codes[remaining] = np.array([self._device_code(bytes(name)) for name in distinct], np.int64)[inverse]
        return codes

    def _device_code(self, name: bytes) -> int:
        if name not in self._codes:
            self._codes[name] = len(self.devices)
            self.devices.append(decode_device(name))
        return self._codes[name]


def decode_device(name: bytes) -> str:
    """Decode a device name. A database with the encoding SQL_ASCII can contain bytes that are not UTF-8."""
    return name.decode(errors="backslashreplace")


@cache
def _layout(length: int) -> np.dtype[np.void]:
    """Return the layout of a row of `length` bytes: the number of columns, then the width and value of each."""
    device_width = length - _FIXED_BYTES
    if device_width < 0:
        raise UnexpectedFrame
    fields: list[tuple[str, str]] = [("count", ">i2")]
    for name, dtype, _ in _FIXED:
        fields += [(f"{name} width", ">i4"), (name, dtype)]
    return np.dtype([*fields, ("device width", ">i4"), ("device", f"S{device_width}")])


def _check_layout(rows: NDArray[np.void]) -> None:
    """Check all widths of the first row, and the device's width in every row.

    The rows of one COPY have the same types. Only a NULL shifts the rest of its row. Text is then in the place of the
    device's width, and differs from it, because text contains no NUL bytes.
    """
    expected = {"count": len(_FIXED) + 1, **{f"{name} width": width for name, _, width in _FIXED}}
    matches = all(rows[field][0] == number for field, number in expected.items())
    if not matches or (rows["device width"] != rows.dtype["device"].itemsize).any():
        raise UnexpectedFrame
