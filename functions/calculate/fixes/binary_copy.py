"""Decode PostgreSQL's binary COPY format column by column.

The server sends one message for each row (protocol 3.0, section "COPY Operations"). All columns but the last have a
fixed width, so the first bytes of all rows form one numpy array without conversion.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from functions.calculate.fixes.blocks import BLOCK_ROWS, NULL, Block, Integers
from shared.errors import Unavailable

_SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_TRAILER = b"\xff\xff"
_EPOCH_US = 946_684_800_000_000  # PostgreSQL's epoch is 2000-01-01
_MAX_LINEAR_SEARCHES = 8

# name and type of the columns, in the order of Columns.select_list
_FIXED = {
    "time": ">i8",
    "own time": ">i8",
    "latitude": ">f8",
    "longitude": ">f8",
    "accuracy": ">i8",
    "battery": ">i8",
    "velocity": ">i8",
}
_LATEST = np.iinfo(np.int64).max - _EPOCH_US  # in the year 294246; only infinity and the last 30 finite years are later


class UnexpectedFrame(Unavailable):
    """A row does not have the layout of the select list."""

    def __init__(self) -> None:
        super().__init__("database", "unexpected-frame")


class _RowLayout:
    """What precedes the device in a row: the number of columns, the width and value of each, and the device's width.

    `names` are the columns of fixed width.
    """

    def __init__(self, names: Sequence[str]) -> None:
        fixed = [field for name in names for field in ((f"{name} width", ">i4"), (name, _FIXED[name]))]
        self.dtype = np.dtype([("count", ">i2"), *fixed, ("device width", ">i4")])
        self._expected = {"count": len(names) + 1, **{f"{name} width": self.dtype[name].itemsize for name in names}}

    def check(self, rows: NDArray[np.void], widths: Integers) -> None:
        """Check all widths of the first row, and the device's width in every row. Raises UnexpectedFrame.

        `widths` are those of the devices by the lengths of the rows. The rows of one COPY have the same types. Only a
        NULL shifts the rest of its row. Text is then in the place of the device's width, and differs from it, because
        text contains no NUL bytes.
        """
        matches = all(rows[field][0] == number for field, number in self._expected.items())
        if not matches or (rows["device width"] != widths).any():
            raise UnexpectedFrame


class CopyDecoder:
    """Collect the messages of one COPY and decode them into blocks.

    `has_own_time` is whether the fix's own time is a column of its own. Otherwise it is the day column.
    """

    def __init__(self, *, has_own_time: bool) -> None:
        self.devices: list[str] = []
        self._has_own_time = has_own_time
        self._layout = _RowLayout([name for name in _FIXED if has_own_time or name != "own time"])
        self._codes: dict[bytes, int] = {}
        self._started = False
        self._reset()

    def _reset(self) -> None:
        self._lengths: list[int] = []
        self._rows = bytearray()

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
        add_length, rows, trailer = self._lengths.append, self._rows, len(_TRAILER)
        for _ in range(BLOCK_ROWS - len(self._lengths)):
            length, message = receive()
            if length > trailer:
                add_length(length)
                rows += message  # keeping the messages would start the garbage collector
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
            self._rows += row

    def take_block(self) -> Block:
        """Decode the collected rows in their order, and start a new block.

        Raises UnexpectedFrame if a row has another layout than the select list.
        """
        lengths = np.fromiter(self._lengths, np.int64, len(self._lengths))
        data = self._rows
        self._reset()
        layout = self._layout.dtype
        widths = lengths - layout.itemsize
        if widths.min() < 0:
            raise UnexpectedFrame
        starts = np.cumsum(lengths) - lengths
        rows = _copy_bytes(data, starts, layout.itemsize).view(layout)
        self._layout.check(rows, widths)
        device = self._read_devices(data, starts + layout.itemsize, widths)
        time_us = rows["time"] + _EPOCH_US
        own_time_us = _own_times(rows["own time"].astype(np.int64)) if self._has_own_time else time_us
        latitude, longitude = (rows[name].astype(np.float64) for name in ("latitude", "longitude"))
        accuracy, battery, velocity = (rows[name].astype(np.int64) for name in ("accuracy", "battery", "velocity"))
        return Block(time_us, own_time_us, device, latitude, longitude, accuracy, battery, velocity, self.devices)

    def _read_devices(self, data: bytearray, starts: Integers, widths: Integers) -> Integers:
        """Return the device index of each row; `starts` and `widths` are those of the names in `data`."""
        codes = np.full(len(widths), -1, np.int64)
        while (remaining := np.flatnonzero(codes < 0)).size:
            width = int(widths[remaining[0]])
            position = np.flatnonzero(widths == width)
            names = _copy_bytes(data, starts[position], width).view(f"S{width}")
            codes[position] = self._device_codes(names)
        return codes

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


def _own_times(time: Integers) -> Integers:
    """Convert microseconds since 2000 to microseconds since 1970. See Block for NULL and infinite times."""
    own_time_us: Integers = np.minimum(time, _LATEST) + _EPOCH_US
    own_time_us[time == NULL] = NULL  # PostgreSQL's -infinity, which is also sent for NULL
    return own_time_us


def _copy_bytes(data: bytearray, starts: Integers, width: int) -> NDArray[np.void]:
    """Return copies of the `width` bytes of `data` that start at each of `starts`."""
    overlapping = np.ndarray((len(data) - width + 1,), f"V{width}", data, strides=(1,))
    return overlapping[starts]  # items without fields: numpy would copy each field on its own
