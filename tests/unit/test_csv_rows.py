"""Compare formatted CSV with Python's csv module for all values that a database can contain."""

import csv
import io
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from functions.calculate.day.csv_rows import HEADER, CsvFormatter
from functions.calculate.day.distance import DayAccumulator
from functions.calculate.fixes.blocks import BLOCK_ROWS, MeasuredBlock
from shared.models import Home
from tests.reference import Fix, block, day, row, written

HOME = Home(latitude=40.736097, longitude=-74.039373)
NOON = 1_769_342_400_000_000  # 2026-01-25T12:00:00Z
FIRST, LAST = -62_135_596_800_000_000, 253_402_300_799_999_999  # the years 1 to 9999
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=100)
WHOLE = st.none() | st.integers(-5, 10_005) | st.integers(-(2**62), 2**62)


def line(fix: Fix, km: float = 0.0, away: bool = False, away_us: int = 0) -> list[str]:
    measured = MeasuredBlock(block([fix], []), np.array([km]), np.array([away]), np.array([away_us]), np.zeros(1))
    text = bytes(CsvFormatter().format(measured)).decode()
    (fields,) = csv.reader(io.StringIO(text, newline=""))
    assert text.endswith("\n")
    assert fields == row(fix, km, away, away_us)
    return fields


def test_header_lists_the_columns() -> None:
    assert HEADER.decode() == (
        "timestamp,device_id,latitude,longitude,distance_from_home_km,is_away,"
        "accuracy,battery,velocity,cumulative_away_time_minutes\n"
    )


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (NOON, "2026-01-25T12:00:00Z"),
        (NOON + 500_000, "2026-01-25T12:00:00.5Z"),
        (NOON + 545_000, "2026-01-25T12:00:00.545Z"),
        (NOON + 20, "2026-01-25T12:00:00.00002Z"),
        (NOON + 1, "2026-01-25T12:00:00.000001Z"),
        (NOON + 100_100, "2026-01-25T12:00:00.1001Z"),
        (FIRST, "0001-01-01T00:00:00Z"),
        (LAST, "9999-12-31T23:59:59.999999Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
    ],
)
def test_timestamp_fraction_has_no_trailing_zeros(us: int, text: str) -> None:
    assert line(Fix(us, "p", 0, 0))[0] == text


@given(st.integers(FIRST, LAST))
def test_timestamps_equal_the_reference(us: int) -> None:
    line(Fix(us, "p", 0, 0))


@given(st.floats(-90, 90), st.floats(-180, 180))
@example(-90.0, -180.0)
@example(0.0000005, -0.0000005)
@example(-0.0, -1e-9)
@example(40.7360975, -74.0393735)  # the product with 10**6 rounds to a half, the value lies below it
@example(0.9999995, -0.9999995)
@example(89.9999999, 179.9999999)
def test_coordinates_equal_the_reference(latitude: float, longitude: float) -> None:
    line(Fix(NOON, "p", latitude, longitude))


@given(st.integers(0, 900_000_000))
def test_seven_decimals_are_rounded_by_the_exact_value(tenths: int) -> None:
    line(Fix(NOON, "p", tenths / 1e7, -tenths / 1e7))


@given(st.floats(0, 20_015.1), st.booleans(), st.integers(0, 172_800_000_000))
@example(20015.086796, True, 90_000_000_000)
def test_distance_flag_and_minutes_equal_the_reference(km: float, away: bool, away_us: int) -> None:
    line(Fix(NOON, "p", 0, 0), km, away, away_us)


@given(WHOLE, WHOLE, WHOLE)
@example(9_999, 10_000, 10_001)
@example(-1, 0, None)
def test_integers_of_any_size_and_null_equal_the_reference(
    accuracy: int | None, battery: int | None, velocity: int | None
) -> None:
    line(Fix(NOON, "p", 0, 0, accuracy, battery, velocity))


@given(TEXT)
@example('a,"b"\r\nc')
@example(" ")
@example("ü" * 100)
@example('"')
def test_device_with_special_characters_is_quoted(device: str) -> None:
    line(Fix(NOON, device, 0, 0))


@pytest.mark.parametrize("device", ["iphone_stuart", " spaced ", "a;b", "a'b"])
def test_device_without_special_characters_is_not_quoted(device: str) -> None:
    measured = MeasuredBlock(
        block([Fix(NOON, device, 0, 0)], []), np.zeros(1), np.zeros(1, bool), np.zeros(1, np.int64), np.zeros(1)
    )
    assert b'"' not in CsvFormatter().format(measured)


FIXES = st.lists(
    st.builds(
        Fix,
        st.integers(NOON - 90_000_000_000, NOON),
        st.sampled_from(["iphone_stuart", "garmin", 'odd,"one"', "x" * 40]),
        st.floats(-91, 91),
        st.floats(-181, 181),
        WHOLE,
        WHOLE,
        WHOLE,
    ),
    max_size=30,
).map(lambda fixes: sorted(fixes, key=lambda fix: fix.time_us))


@settings(max_examples=200)
@given(FIXES, st.integers(1, 31))
def test_days_in_blocks_of_any_size_equal_the_reference(fixes: list[Fix], pieces: int) -> None:
    devices: list[str] = []
    accumulator, formatter = DayAccumulator(HOME, 0.5), CsvFormatter()
    text = b"".join(
        bytes(formatter.format(accumulator.add(block(fixes[at : at + pieces], devices))))
        for at in range(0, len(fixes), pieces)
    )
    parsed = list(csv.reader(io.StringIO(text.decode(), newline="")))
    expected = day(fixes, HOME, 0.5).rows
    assert len(parsed) == len(expected)
    for actual, reference in zip(parsed, expected, strict=True):
        assert [*actual[:4], *actual[5:]] == [*reference[:4], *reference[5:]]
        # The two formulas differ in the last digit.
        assert float(actual[4]) == pytest.approx(float(reference[4]), abs=1.1e-6)


def test_pandas_reads_the_values() -> None:
    fixes = [
        Fix(NOON + n * 1_000_000, ["p", 'q,"r"'][n % 2], 40 + n / 7, -74 - n / 7, n or None, 100 - n, None)
        for n in range(50)
    ]
    text = HEADER + CsvFormatter().format(DayAccumulator(HOME, 0.5).add(block(fixes, [])))
    frame = pd.read_csv(io.BytesIO(text), parse_dates=["timestamp"])
    assert list(frame["device_id"]) == [fix.device for fix in fixes]
    assert frame["latitude"].tolist() == pytest.approx([fix.latitude for fix in fixes], abs=5e-7)
    assert [int(at.value) // 1000 for at in frame["timestamp"]] == [fix.time_us for fix in fixes]
    assert math.isnan(frame["accuracy"][0])
    assert frame["velocity"].isna().all()
    assert frame["is_away"].all()


def test_block_of_another_size_does_not_change_earlier_rows() -> None:
    devices: list[str] = []
    formatter = CsvFormatter()
    fixes = [Fix(NOON + n, "p", n / 1000, 0) for n in range(BLOCK_ROWS + 3)]
    accumulator = DayAccumulator(HOME, 0.5)
    first = formatter.format(accumulator.add(block(fixes[:BLOCK_ROWS], devices)))
    copy = bytes(first)
    second = formatter.format(accumulator.add(block(fixes[BLOCK_ROWS:], devices)))
    assert bytes(first) == copy
    assert second.count(b"\n") == 3


def test_empty_block_is_empty_text() -> None:
    nothing = MeasuredBlock(block([], []), np.empty(0), np.empty(0, bool), np.empty(0, np.int64), np.empty(0))
    assert CsvFormatter().format(nothing) == b""


def test_rows_equal_those_of_the_csv_module() -> None:
    fixes = [Fix(NOON, 'odd,"one"', 1, 2, 3, None, 4), Fix(NOON + 1, "p", 1, 2)]
    text = CsvFormatter().format(DayAccumulator(HOME, 0.5).add(block(fixes, [])))
    assert bytes(text) == written(day(fixes, HOME, 0.5).rows)
