"""Decode binary COPY messages that are built byte by byte."""

import struct
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from functions.calculate.fixes.binary_copy import CopyDecoder, UnexpectedFrame
from functions.calculate.fixes.blocks import BLOCK_ROWS, NULL, Block
from functions.calculate.fixes.columns import NULL_INTEGER

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
YEAR_2000_US = 946_684_800_000_000
LARGEST = 2**63 - 1


def frame(
    time: int = 0, device: bytes = b"phone", *, battery: int = 3, fields: int = 8, width: int = 8, own_time: int = 5
) -> bytes:
    times = struct.pack(">hiqiq", fields, width, time, 8, own_time)
    fixed = struct.pack(">ididiqiqiq", 8, 1.5, 8, -2.5, 8, 2, 8, battery, 8, NULL_INTEGER)
    return times + fixed + struct.pack(">i", len(device)) + device


def frame_without_own_time(time: int) -> bytes:
    return frame(time, fields=7)[:14] + frame()[26:]


def receiver(messages: list[bytes]) -> Callable[[], tuple[int, memoryview]]:
    """Return messages as libpq does: lengths and messages, then -1. An empty message means that data has to arrive."""

    def results() -> Iterator[tuple[int, memoryview]]:
        for message in messages:
            yield len(message), memoryview(message)
        while True:
            yield -1, memoryview(b"")

    return results().__next__


def blocks(messages: list[bytes], *, has_own_time: bool = True) -> list[Block]:
    decoder, receive, decoded = CopyDecoder(has_own_time=has_own_time), receiver(messages), []
    while (state := decoder.receive_rows(receive)) >= 0:
        if state:
            decoded.append(decoder.take_block())
    if len(decoder):
        decoded.append(decoder.take_block())
    return decoded


@pytest.mark.parametrize("together", [True, False], ids=["with-first-row", "alone"])
def test_header_with_or_without_first_row_is_decoded(together: bool) -> None:
    start = [HEADER + frame(7)] if together else [HEADER, frame(7)]
    (block,) = blocks([*start, b"", frame(8), TRAILER])
    assert (block.time_us - YEAR_2000_US).tolist() == [7, 8]


def test_values_are_decoded_and_the_null_integer_is_null() -> None:
    (block,) = blocks([HEADER + frame(), TRAILER])
    assert (block.latitude[0], block.longitude[0]) == (1.5, -2.5)
    assert (block.accuracy[0], block.battery[0], block.velocity[0]) == (2, 3, NULL)
    assert all(column.dtype.isnative for column in (block.time_us, block.latitude, block.battery))


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (0, YEAR_2000_US),
        (-1, YEAR_2000_US - 1),
        (-211_813_488_000_000_000, YEAR_2000_US - 211_813_488_000_000_000),  # 4713 BC, the earliest finite time
        (9_223_371_331_199_999_999, LARGEST),  # the latest finite time, in the year 294276
        (LARGEST - YEAR_2000_US - 1, LARGEST - 1),
        (LARGEST, LARGEST),  # infinity
        (-(2**63), NULL),  # -infinity
    ],
)
def test_own_time_is_converted_to_the_unix_epoch(sent: int, expected: int) -> None:
    (block,) = blocks([HEADER, frame(), frame(own_time=sent), TRAILER])
    assert block.own_time_us.tolist() == [YEAR_2000_US + 5, expected]
    assert block.own_time_us.dtype.isnative


def test_own_time_is_the_day_column_if_it_is_not_sent() -> None:
    messages = [HEADER, frame_without_own_time(7), frame_without_own_time(8), TRAILER]
    (block,) = blocks(messages, has_own_time=False)
    assert (block.own_time_us - YEAR_2000_US).tolist() == [7, 8]
    assert (block.latitude[0], block.longitude[0], block.battery[0]) == (1.5, -2.5, 3)


def test_columns_that_differ_from_the_select_list_are_rejected() -> None:
    with pytest.raises(UnexpectedFrame):
        blocks([HEADER, frame(), TRAILER], has_own_time=False)
    with pytest.raises(UnexpectedFrame):
        blocks([HEADER, frame_without_own_time(7), TRAILER])


def test_rows_of_different_lengths_keep_order_and_device() -> None:
    names = [b"a", b"bb", b"", "d\u00fc\u00fc".encode(), b"e" * 300]
    sent = [names[(n * n) % 5] for n in range(200)]
    (block,) = blocks([HEADER, *(frame(n, name) for n, name in enumerate(sent)), TRAILER])
    assert [block.devices[code] for code in block.device] == [name.decode() for name in sent]
    assert np.diff(block.time_us).tolist() == [1] * 199


@pytest.mark.parametrize("count", [1, 8, 9, 500])
def test_devices_have_distinct_codes(count: int) -> None:
    sent = [b"d%03d" % (n * 7 % count) for n in range(2000)]
    (block,) = blocks([HEADER, *(frame(n, name) for n, name in enumerate(sent)), TRAILER])
    assert len(block.devices) == count
    assert [block.devices[code] for code in block.device] == [name.decode() for name in sent]


def test_blocks_have_a_fixed_size_and_share_device_codes() -> None:
    decoded = blocks([HEADER, *(frame(n, b"ab"[n % 2 :]) for n in range(BLOCK_ROWS + 5)), TRAILER])
    assert [len(part) for part in decoded] == [BLOCK_ROWS, 5]
    assert decoded[0].devices is decoded[1].devices
    assert decoded[1].device.tolist() == [0, 1, 0, 1, 0]


def test_empty_result_has_no_blocks() -> None:
    assert blocks([HEADER, TRAILER]) == []
    assert blocks([HEADER + TRAILER]) == []


@pytest.mark.parametrize(
    "bad", [frame(fields=9), frame(width=4), frame()[:-1], frame(device=b"")[:-1], frame()[:40], b"abc"]
)
def test_unexpected_row_layout_is_rejected(bad: bytes) -> None:
    with pytest.raises(UnexpectedFrame):
        blocks([HEADER + bad, bad, TRAILER])


def with_null(column: int, device: bytes) -> bytes:
    """Return a frame in which one column is NULL."""
    widths = [8, 8, 8, 8, 8, 8, 8, len(device)]
    at = 2 + sum(4 + width for width in widths[:column])
    complete = frame(device=device)
    return complete[:at] + struct.pack(">i", -1) + complete[at + 4 + widths[column] :]


@pytest.mark.parametrize("column", range(8))
@pytest.mark.parametrize("device", [b"d" * length for length in (1, 4, 5, 8, 9, 12, 13, 100)])
def test_null_in_any_column_is_rejected(column: int, device: bytes) -> None:
    with pytest.raises(UnexpectedFrame):
        blocks([HEADER + frame(device=device), with_null(column, device), frame(device=device), TRAILER])


def test_missing_file_header_is_rejected() -> None:
    with pytest.raises(UnexpectedFrame):
        blocks([frame()])
