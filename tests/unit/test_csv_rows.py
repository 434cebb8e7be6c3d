"""CSV bytes against the csv module, field by field over whatever a database can hold."""

import csv
import io
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from functions.calculate.day.csv_rows import HEADER, CsvRows
from functions.calculate.day.distance import DayNumbers
from functions.calculate.fixes.blocks import ROWS, MeasuredBlock
from shared.models import Home
from tests.reference import Fix, block, day, row, written

HOME = Home(latitude=40.736097, longitude=-74.039373)
NOON = 1_769_342_400_000_000  # 2026-01-25T12:00:00Z
FIRST, LAST = -62_135_596_800_000_000, 253_402_300_799_999_999  # the years 1 to 9999
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=100)
WHOLE = st.none() | st.integers(-5, 10_005) | st.integers(-(2**62), 2**62)


def line(fix: Fix, km: float = 0.0, away: bool = False, away_us: int = 0) -> list[str]:
    measured = MeasuredBlock(block([fix], []), np.array([km]), np.array([away]), np.array([away_us]))
    text = bytes(CsvRows().of(measured)).decode()
    (fields,) = csv.reader(io.StringIO(text, newline=""))
    assert text.endswith("\n")
    assert fields == row(fix, km, away, away_us)
    return fields


def test_the_header_is_the_contracts() -> None:
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
def test_a_time_has_a_fraction_only_where_there_is_one(us: int, text: str) -> None:
    assert line(Fix(us, "p", 0, 0))[0] == text


@given(st.integers(FIRST, LAST))
def test_any_time_is_written_right(us: int) -> None:
    line(Fix(us, "p", 0, 0))


@given(st.floats(-90, 90), st.floats(-180, 180))
@example(-90.0, -180.0)
@example(0.0000005, -0.0000005)
@example(-0.0, -1e-9)
@example(40.7360975, -74.0393735)  # the product with 10**6 rounds to a half, the value lies below it
@example(0.9999995, -0.9999995)
@example(89.9999999, 179.9999999)
def test_a_coordinate_is_what_python_writes(latitude: float, longitude: float) -> None:
    line(Fix(NOON, "p", latitude, longitude))


@given(st.integers(0, 900_000_000))
def test_seven_decimals_are_rounded_as_the_double_lies(tenths: int) -> None:
    line(Fix(NOON, "p", tenths / 1e7, -tenths / 1e7))


@given(st.floats(0, 20_015.1), st.booleans(), st.integers(0, 172_800_000_000))
@example(20015.086796, True, 90_000_000_000)
def test_distance_flag_and_minutes(km: float, away: bool, away_us: int) -> None:
    line(Fix(NOON, "p", 0, 0), km, away, away_us)


@given(WHOLE, WHOLE, WHOLE)
@example(9_999, 10_000, 10_001)
@example(-1, 0, None)
def test_integers_of_any_size_and_none(accuracy: int | None, battery: int | None, velocity: int | None) -> None:
    line(Fix(NOON, "p", 0, 0, accuracy, battery, velocity))


@given(TEXT)
@example('a,"b"\r\nc')
@example(" ")
@example("ü" * 100)
@example('"')
def test_a_device_is_quoted_where_csv_needs_it(device: str) -> None:
    line(Fix(NOON, device, 0, 0))


@pytest.mark.parametrize("device", ["iphone_stuart", " spaced ", "a;b", "a'b"])
def test_a_device_is_not_quoted_where_csv_does_not(device: str) -> None:
    measured = MeasuredBlock(
        block([Fix(NOON, device, 0, 0)], []), np.zeros(1), np.zeros(1, bool), np.zeros(1, np.int64)
    )
    assert b'"' not in CsvRows().of(measured)


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
def test_whole_days_are_those_of_the_reference_whatever_the_blocks(fixes: list[Fix], pieces: int) -> None:
    devices: list[str] = []
    adding, rows = DayNumbers(HOME, 0.5), CsvRows()
    text = b"".join(
        bytes(rows.of(adding.add(block(fixes[at : at + pieces], devices)))) for at in range(0, len(fixes), pieces)
    )
    found = list(csv.reader(io.StringIO(text.decode(), newline="")))
    wanted = day(fixes, HOME, 0.5).rows
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert [*one[:4], *one[5:]] == [*other[:4], *other[5:]]
        assert float(one[4]) == pytest.approx(float(other[4]), abs=1.1e-6)  # two formulas differ in the last digit


def test_pandas_reads_what_was_meant() -> None:
    fixes = [
        Fix(NOON + n * 1_000_000, ["p", 'q,"r"'][n % 2], 40 + n / 7, -74 - n / 7, n or None, 100 - n, None)
        for n in range(50)
    ]
    text = HEADER + CsvRows().of(DayNumbers(HOME, 0.5).add(block(fixes, [])))
    frame = pd.read_csv(io.BytesIO(text), parse_dates=["timestamp"])
    assert list(frame["device_id"]) == [fix.device for fix in fixes]
    assert frame["latitude"].tolist() == pytest.approx([fix.latitude for fix in fixes], abs=5e-7)
    assert [int(at.value) // 1000 for at in frame["timestamp"]] == [fix.time_us for fix in fixes]
    assert math.isnan(frame["accuracy"][0])
    assert frame["velocity"].isna().all()
    assert frame["is_away"].all()


def test_full_and_short_blocks_share_their_memory_and_not_their_rows() -> None:
    devices: list[str] = []
    rows = CsvRows()
    fixes = [Fix(NOON + n, "p", n / 1000, 0) for n in range(ROWS + 3)]
    adding = DayNumbers(HOME, 0.5)
    first = rows.of(adding.add(block(fixes[:ROWS], devices)))
    kept = bytes(first)
    second = rows.of(adding.add(block(fixes[ROWS:], devices)))
    assert bytes(first) == kept
    assert second.count(b"\n") == 3


def test_no_rows_are_no_bytes() -> None:
    nothing = MeasuredBlock(block([], []), np.empty(0), np.empty(0, bool), np.empty(0, np.int64))
    assert CsvRows().of(nothing) == b""


def test_the_reference_writes_what_the_csv_module_would() -> None:
    fixes = [Fix(NOON, 'odd,"one"', 1, 2, 3, None, 4), Fix(NOON + 1, "p", 1, 2)]
    text = CsvRows().of(DayNumbers(HOME, 0.5).add(block(fixes, [])))
    assert bytes(text) == written(day(fixes, HOME, 0.5).rows)
