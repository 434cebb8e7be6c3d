"""The analysis of a day does not depend on the blocks, and accepts every input."""

import json
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.calculate.fixes.blocks import NULL
from tests.unit.analysis_days import (
    HOUR,
    MINUTE,
    SECOND,
    EagerAnalyzer,
    Row,
    ShortRunAnalyzer,
    analyse,
    context,
    north,
    row,
)

_KILOMETRES = (0, 0.02, 0.06, 0.29, 0.31, 0.45, 0.51, 0.6, 1, 1.06, 5, 900)
_ACCURACIES = (NULL, 0, 5, 60, 300, 2_000, 20_000, -1)


def _random_day(rng: random.Random, count: int, devices: int) -> list[Row]:
    rows: list[Row] = []
    time_us = 0
    for _ in range(count):
        time_us += rng.choice((0, SECOND, 20 * SECOND, 3 * MINUTE, 10 * MINUTE, 31 * MINUTE, -MINUTE))
        device = f"device {rng.randrange(devices)}"
        kilometres = rng.choice(_KILOMETRES) + rng.gauss(0, 0.01)
        rows.append(row(time_us, kilometres, rng.choice(_ACCURACIES), device))
    return rows


@pytest.mark.parametrize("seed", range(8))
def test_every_block_size_has_the_same_result(seed: int) -> None:
    rng = random.Random(seed)
    rows = _random_day(rng, 60, 1 + seed % 3)
    before, after = {"device 0": context(-MINUTE, 1)}, {"device 0": context(24 * HOUR + MINUTE, 0)}
    expected = analyse(rows, before=before, after=after)
    for size in range(1, len(rows)):
        assert analyse(rows, size=size, before=before, after=after, analyzer=EagerAnalyzer) == expected


def test_waiting_rows_do_not_change_the_result() -> None:
    rows = _random_day(random.Random(9), 20_000, 5)
    assert analyse(rows, size=777) == analyse(rows, size=20_000)


@pytest.mark.parametrize("seed", range(8))
def test_runs_that_are_given_up_do_not_depend_on_blocks(seed: int) -> None:
    rows = _random_day(random.Random(seed), 60, 2)
    expected = analyse(rows, dwell_fixes=3, analyzer=ShortRunAnalyzer)
    for size in (1, 2, 3, 5, 17):
        assert analyse(rows, size=size, dwell_fixes=3, analyzer=ShortRunAnalyzer) == expected


_FLOATS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([math.nan, math.inf, -math.inf, 1e308, 5e-324, 0.0, -0.0, 90, -90, 180, -180, 50, 10]),
)
_INTEGERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-HOUR, 25 * HOUR),
    st.sampled_from([NULL, 2**63 - 1, 0, -1, 24 * HOUR, 24 * HOUR - 1]),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "", "\udcff"]), _INTEGERS, _FLOATS, _FLOATS, _INTEGERS), max_size=30),
    st.sampled_from([1e-300, 100, 1e300]),
)
def test_any_input_has_a_document(rows: list[Row], max_accuracy_m: float) -> None:
    document = analyse(rows, size=7, max_accuracy_m=max_accuracy_m)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    for device in document["devices"]:
        fixes = device["fixes"]
        assert fixes["read"] == fixes["usable"] + sum(fixes["rejected"].values())
        minutes = sum(device[f"{state}_minutes"] for state in ("home", "away", "unknown"))
        assert minutes == pytest.approx(device["window_minutes"], abs=0.021)


def test_day_without_rows_has_no_devices() -> None:
    document = analyse([])
    assert (document["device_count"], document["devices"]) == (0, [])


def test_window_without_length_has_no_coverage() -> None:
    (device,) = analyse([row(0, 0)], window=(0, 0))["devices"]
    assert (device["coverage"], device["window_minutes"], device["fixes"]["rejected"]) == (
        None,
        0,
        {"outside_window": 1},
    )


def test_first_hundred_devices_by_code_point_are_shown() -> None:
    names = [f"{number:03}" for number in range(250)]
    random.Random(1).shuffle(names)
    rows = [row(minute * MINUTE, 1, device=name) for minute in range(2) for name in names]
    expected = analyse(rows)
    assert expected["device_count"] == 250
    assert [device["device_id"] for device in expected["devices"]] == sorted(names)[:100]
    assert {device["fixes"]["usable"] for device in expected["devices"]} == {2}
    for size in (1, 99, 251):
        assert analyse(rows, size=size, analyzer=EagerAnalyzer) == expected


def test_slot_of_a_device_that_is_not_shown_is_reused() -> None:
    rows = [row(0, 3, device=f"z{number:03}") for number in range(100)]
    rows += [row(MINUTE, 0.1, device="a"), row(2 * MINUTE, 0.1, device="a"), row(3 * MINUTE, 2, device="z099")]
    first, *_, last = analyse(rows, size=50, analyzer=EagerAnalyzer)["devices"]
    assert (first["device_id"], first["away_minutes"], first["home_minutes"]) == ("a", 0, 1)
    assert (first["first_fix_at"], last["device_id"]) == ("2026-01-25T00:01:00.000Z", "z098")


def test_many_devices_in_descending_order() -> None:
    rows = [row(number, 1, device=f"{99_999 - number:05}") for number in range(20_000)]
    document = analyse(rows)
    assert (document["device_count"], len(document["devices"])) == (20_000, 100)
    assert document["devices"][0]["device_id"] == "80000"


def test_antipodes_and_poles() -> None:
    rows = [("p", 0, -50.0, -170.0, NULL), ("p", 12 * HOUR, 90.0, 0.0, NULL), ("p", 23 * HOUR, north(0), 10.0, NULL)]
    (device,) = analyse(rows)["devices"]
    assert device["distance_from_home_km"]["farthest"] == pytest.approx(math.pi * 6371, abs=1e-3)
    assert device["path_length_km"]["raw"] == pytest.approx(math.pi * 6371, abs=1e-3)
