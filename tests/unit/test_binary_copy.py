"""The decoder of binary COPY, against frames made here byte by byte."""

import struct
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from functions.calculate.fixes.binary_copy import Frames, UnexpectedFrame
from functions.calculate.fixes.blocks import NULL, ROWS, Block
from functions.calculate.fixes.columns import NULL_INTEGER

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"


def frame(time: int = 0, device: bytes = b"phone", battery: int = 3, fields: int = 7, width: int = 8) -> bytes:
    fixed = struct.pack(">hiqididiqiqiq", fields, width, time, 8, 1.5, 8, -2.5, 8, 2, 8, battery, 8, NULL_INTEGER)
    return fixed + struct.pack(">i", len(device)) + device


def receiver(messages: list[bytes]) -> Callable[[], tuple[int, memoryview]]:
    """What libpq would hand out: lengths and messages, then -1; an empty one is a wait."""

    def one() -> Iterator[tuple[int, memoryview]]:
        for message in messages:
            yield len(message), memoryview(message)
        while True:
            yield -1, memoryview(b"")

    return one().__next__


def blocks(messages: list[bytes]) -> list[Block]:
    frames, receive, found = Frames(), receiver(messages), []
    while (state := frames.fill(receive)) >= 0:
        if state:
            found.append(frames.block())
    if len(frames):
        found.append(frames.block())
    return found


@pytest.mark.parametrize("together", [True, False])
def test_the_header_may_come_with_the_first_row_or_alone(together: bool) -> None:
    start = [HEADER + frame(7)] if together else [HEADER, frame(7)]
    (found,) = blocks([*start, b"", frame(8), TRAILER])
    assert (found.time_us - 946_684_800_000_000).tolist() == [7, 8]


def test_values_are_taken_as_they_are_and_the_sentinel_is_none() -> None:
    (found,) = blocks([HEADER + frame(), TRAILER])
    assert (found.latitude[0], found.longitude[0]) == (1.5, -2.5)
    assert (found.accuracy[0], found.battery[0], found.velocity[0]) == (2, 3, NULL)
    assert all(column.dtype.isnative for column in (found.time_us, found.latitude, found.battery))


def test_rows_of_many_lengths_keep_their_order_and_their_device() -> None:
    names = [b"a", b"bb", b"", "d\u00fc\u00fc".encode(), b"e" * 300]
    sent = [names[(n * n) % 5] for n in range(200)]
    (found,) = blocks([HEADER, *(frame(n, name) for n, name in enumerate(sent)), TRAILER])
    assert [found.devices[code] for code in found.device] == [name.decode() for name in sent]
    assert np.diff(found.time_us).tolist() == [1] * 199


@pytest.mark.parametrize("count", [1, 8, 9, 500])
def test_any_number_of_devices_is_told_apart(count: int) -> None:
    sent = [b"d%03d" % (n * 7 % count) for n in range(2000)]
    (found,) = blocks([HEADER, *(frame(n, name) for n, name in enumerate(sent)), TRAILER])
    assert len(found.devices) == count
    assert [found.devices[code] for code in found.device] == [name.decode() for name in sent]


def test_blocks_are_full_but_the_last_and_share_the_devices_codes() -> None:
    found = blocks([HEADER, *(frame(n, b"ab"[n % 2 :]) for n in range(ROWS + 5)), TRAILER])
    assert [len(part) for part in found] == [ROWS, 5]
    assert found[0].devices is found[1].devices
    assert found[1].device.tolist() == [0, 1, 0, 1, 0]


def test_nothing_is_no_block() -> None:
    assert blocks([HEADER, TRAILER]) == []
    assert blocks([HEADER + TRAILER]) == []


@pytest.mark.parametrize(
    "bad", [frame(fields=8), frame(width=4), frame()[:-1], frame(device=b"")[:-1], frame()[:40], b"abc"]
)
def test_rows_that_are_laid_out_otherwise_are_refused(bad: bytes) -> None:
    with pytest.raises(UnexpectedFrame):
        blocks([HEADER + bad, bad, TRAILER])


def with_null(column: int, device: bytes) -> bytes:
    """A frame in which the column of that number is NULL."""
    widths = [8, 8, 8, 8, 8, 8, len(device)]
    at = 2 + sum(4 + width for width in widths[:column])
    whole = frame(device=device)
    return whole[:at] + struct.pack(">i", -1) + whole[at + 4 + widths[column] :]


@pytest.mark.parametrize("column", range(7))
@pytest.mark.parametrize("device", [b"d" * length for length in (1, 4, 5, 8, 9, 12, 13, 100)])
def test_a_null_is_refused_wherever_it_stands(column: int, device: bytes) -> None:
    with pytest.raises(UnexpectedFrame):
        blocks([HEADER + frame(device=device), with_null(column, device), frame(device=device), TRAILER])


def test_what_is_no_copy_at_all_is_refused() -> None:
    with pytest.raises(UnexpectedFrame):
        blocks([frame()])
