"""PostgreSQL's binary COPY, decoded without a look at single rows.

The server sends one message a row (protocol 3.0, section "COPY Operations"), so a message's length is its row's. All
columns but the last have a fixed width: rows of the same length are one numpy array as they are.
"""

from collections import defaultdict
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from functions.calculate.fixes.blocks import ROWS, Block, Integers
from shared.errors import Unavailable

_SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_TRAILER = b"\xff\xff"
_EPOCH_US = 946_684_800_000_000  # PostgreSQL counts from 2000-01-01
_FEW_DEVICES = 8

# name, type and width of the columns, in the order of columns.py's select list
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
    """A row is not laid out as the select list makes it: what answers is no PostgreSQL that we know."""

    def __init__(self) -> None:
        super().__init__("database", "unexpected-frame")


class Frames:
    """Collects the messages of one COPY and turns them into blocks."""

    def __init__(self) -> None:
        self.devices: list[str] = []
        self._codes: dict[bytes, int] = {}
        self._started = False
        self._clear()

    def _clear(self) -> None:
        self._lengths: list[int] = []
        self._rows: dict[int, bytearray] = defaultdict(bytearray)

    def __len__(self) -> int:
        return len(self._lengths)

    def fill(self, receive: Callable[[], tuple[int, memoryview]]) -> int:
        """Collect rows until a block is full, or `receive` has none: 0 for not yet, -1 for the end.

        The only loop over single rows: what stands here costs as much as all the columns' arithmetic.
        """
        if not self._started:
            length, message = receive()
            if length < 1:
                return length
            self._start(bytes(message))
        lengths, rows, trailer = self._lengths, self._rows, len(_TRAILER)
        for _ in range(ROWS - len(lengths)):
            length, message = receive()
            if length > trailer:
                lengths.append(length)
                rows[length] += message
            elif length < 1:
                return length
        return 1

    def _start(self, message: bytes) -> None:
        """The first message: the header, and the first row behind it."""
        self._started = True
        row = message[len(_SIGNATURE) + 8 :]  # flags, and the length of an extension that no server sends
        if not message.startswith(_SIGNATURE):
            raise UnexpectedFrame
        if len(row) > len(_TRAILER):
            self._lengths.append(len(row))
            self._rows[len(row)] += row

    def block(self) -> Block:
        """The collected rows in their order, and forget them; UnexpectedFrame where one is not as it should be."""
        count = len(self._lengths)
        time_us, accuracy, battery, velocity, device = (np.empty(count, np.int64) for _ in range(5))
        latitude, longitude = np.empty(count), np.empty(count)
        lengths = np.array(self._lengths)
        for length, data in self._rows.items():
            rows = np.frombuffer(data, _layout(length))
            _check(rows)
            where = np.flatnonzero(lengths == length) if len(self._rows) > 1 else slice(None)
            time_us[where] = rows["time"]
            latitude[where] = rows["latitude"]
            longitude[where] = rows["longitude"]
            accuracy[where] = rows["accuracy"]
            battery[where] = rows["battery"]
            velocity[where] = rows["velocity"]
            device[where] = self._device_codes(rows["device"])
        time_us += _EPOCH_US
        self._clear()
        return Block(time_us, device, latitude, longitude, accuracy, battery, velocity, self.devices)

    def _device_codes(self, names: NDArray[np.bytes_]) -> Integers:
        """The code of each name: a few are looked for in all rows at once, the many that are left are sorted."""
        codes = np.full(len(names), -1, np.int64)
        for _ in range(_FEW_DEVICES):
            left = np.flatnonzero(codes < 0)
            if not left.size:
                return codes
            name = names[left[0]]
            codes[names == name] = self._code(bytes(name))
        left = np.flatnonzero(codes < 0)
        distinct, which = np.unique(names[left], return_inverse=True)
        codes[left] = np.array([self._code(bytes(name)) for name in distinct], np.int64)[which]
        return codes

    def _code(self, name: bytes) -> int:
        if name not in self._codes:
            self._codes[name] = len(self.devices)
            self.devices.append(device_text(name))
        return self._codes[name]


def device_text(name: bytes) -> str:
    """The device as text. A database with the encoding SQL_ASCII may hold bytes that are not UTF-8."""
    return name.decode(errors="backslashreplace")


@cache
def _layout(length: int) -> np.dtype[np.void]:
    """How a row of `length` bytes is laid out: the count of columns, then each one's width and value."""
    rest = length - _FIXED_BYTES
    if rest < 0:
        raise UnexpectedFrame
    fields: list[tuple[str, str]] = [("count", ">i2")]
    for name, kind, _ in _FIXED:
        fields += [(f"{name} width", ">i4"), (name, kind)]
    return np.dtype([*fields, ("device width", ">i4"), ("device", f"S{rest}")])


def _check(rows: NDArray[np.void]) -> None:
    """Check the widths of the first row, and of all rows the last one.

    The rows of one COPY have the same types; only a NULL changes a row, by moving all that lies behind it. Then text
    lies where the last width was, and no text holds the zeros of a width.
    """
    first = {"count": len(_FIXED) + 1, **{f"{name} width": width for name, _, width in _FIXED}}
    known = all(rows[field][0] == number for field, number in first.items())
    if not known or (rows["device width"] != rows.dtype["device"].itemsize).any():
        raise UnexpectedFrame
