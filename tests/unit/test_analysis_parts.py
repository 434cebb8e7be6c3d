"""The parts of the analysis, by days with known results."""

import math
import random

import numpy as np
import pytest

from functions.calculate.analysis import percentiles
from functions.calculate.analysis.sums import ExactSums
from functions.calculate.fixes.blocks import NULL
from tests.unit.analysis_days import HOUR, MINUTE, SECOND, Row, analyse, context, only_device, row

TRIP = [row(0, 0), row(10 * MINUTE, 0.1), row(20 * MINUTE, 2), row(25 * MINUTE, 3), row(40 * MINUTE, 0.1), row(HOUR, 0)]


@pytest.mark.parametrize(
    ("rejected", "reason"),
    [
        (("phone", MINUTE, math.nan, 10.0, NULL), "missing"),
        (("phone", MINUTE, 50.0, math.inf, NULL), "out_of_range"),
        (("phone", MINUTE, 90.5, math.nan, NULL), "missing"),
        (("phone", MINUTE, 0.0, 0.0, -1), "null_island"),
        (row(MINUTE, 0, -1), "invalid_accuracy"),
        (row(MINUTE, 0, 10_001), "inaccurate"),
        (row(-1, 0), "outside_window"),
        (row(24 * HOUR, 0), "outside_window"),
        (row(NULL, 0), "outside_window"),
        (row(0, 0), "duplicate"),
    ],
)
def test_rejected_row_has_the_first_reason(rejected: Row, reason: str) -> None:
    fixes = only_device([row(0, 0), rejected, row(HOUR, 0)])["fixes"]
    assert fixes == {"read": 3, "usable": 2, "rejected": {reason: 1}}


def test_rejected_rows_are_no_previous_candidates() -> None:
    rows = [row(HOUR, 0), row(MINUTE, 0), row(MINUTE, 0), row(2 * HOUR, 0, 20_000), row(90 * MINUTE, 0)]
    assert only_device(rows)["fixes"]["rejected"] == {"inaccurate": 1, "out_of_order": 2}


def test_jump_is_rejected_and_its_legs_do_not_count() -> None:
    device = only_device([row(0, 0), row(MINUTE, 0), row(2 * MINUTE, 50), row(3 * MINUTE, 0), row(4 * MINUTE, 0)])
    assert device["fixes"]["rejected"] == {"jump": 1}
    assert device["path_length_km"] == {"robust": 0, "raw": 0, "across_gaps": 0}
    assert device["trip_count"] == 0


def test_straight_flight_is_no_jump() -> None:
    assert only_device([row(minute * MINUTE, 15 * minute) for minute in range(20)])["fixes"]["rejected"] == {}


def test_trip_between_the_fixes_at_home() -> None:
    device = only_device(TRIP)
    assert device["trips"] == [
        {
            "departed_after": "2026-01-25T00:10:00.000Z",
            "departed_at": "2026-01-25T00:20:00.000Z",
            "returned_after": "2026-01-25T00:25:00.000Z",
            "returned_at": "2026-01-25T00:40:00.000Z",
            "minutes": 20,
            "unknown_minutes": 0,
            "farthest_km": 3,
            "farthest_at": "2026-01-25T00:25:00.000Z",
            "path_length_km": 5.8,
        }
    ]
    assert device["path_length_km"]["robust"] == pytest.approx(6, abs=1e-6)
    assert (device["home_minutes"], device["away_minutes"], device["unknown_minutes"]) == (40, 20, 1_380)


def test_short_excursion_is_no_trip() -> None:
    device = only_device([row(0, 0), row(MINUTE, 0.6), row(2 * MINUTE, 0.6), row(3 * MINUTE, 0), row(4 * MINUTE, 0)])
    assert (device["trip_count"], device["away_minutes"], device["path_length_km"]["robust"]) == (0, 0, 0)
    assert device["distance_from_home_km"]["farthest"] == 0


def test_accuracy_widens_the_thresholds() -> None:
    rows = [row(minute * MINUTE, 0.6, 150) for minute in range(10)]
    assert only_device([row(0, 0), *rows[1:]])["home_minutes"] == 9
    assert only_device(rows)["unknown_minutes"] == 1_440


def test_single_sure_fix_before_a_pause_confirms_a_run() -> None:
    rows = [row(0, 0), row(MINUTE, 2), row(12 * MINUTE, 0), row(30 * MINUTE, 0)]
    assert only_device(rows)["away_minutes"] == 11
    assert only_device([*rows[:2], row(10 * MINUTE, 0), rows[3]])["away_minutes"] == 0


def test_gap_with_both_ends_at_one_place_is_an_inferred_stay() -> None:
    device = only_device([row(0, 0), row(10 * HOUR, 0.19), row(20 * HOUR, 5), row(20 * HOUR + 20 * MINUTE, 5)])
    assert [gap["counted_as"] for gap in device["gaps"]] == ["home", "unknown"]
    assert (device["gap_count"], device["inferred_minutes"], device["home_minutes"]) == (2, 600, 600)
    assert device["path_length_km"]["across_gaps"] == device["path_length_km"]["raw"] == 5


def test_context_gives_the_state_at_the_edges() -> None:
    device = only_device(
        [row(5 * MINUTE, 3)],
        before={"phone": context(-5 * MINUTE, 3), "other": context(-1, 0)},
        after={"phone": context(24 * HOUR, 3)},
    )
    assert device["away_minutes"] == device["window_minutes"] == 1_440
    assert device["gaps"] == [
        {
            "from": "2026-01-25T00:05:00.000Z",
            "to": "2026-01-26T00:00:00.000Z",
            "minutes": 1_435,
            "counted_as": "away",
        }
    ]
    (trip,) = device["trips"]
    assert (trip["minutes"], trip["departed_at"], trip["returned_at"]) == (1_440, None, None)


def test_phone_at_rest_travels_nothing() -> None:
    rng = random.Random(1)
    rows = [row(minute * MINUTE, rng.uniform(0, 0.04), 20) for minute in range(1_000)]
    assert only_device(rows)["path_length_km"]["robust"] == 0


def test_path_follows_movement_from_anchor_to_anchor() -> None:
    rows = [row(second * SECOND, second / 1_000, 5) for second in range(2_001)]
    robust = only_device(rows)["path_length_km"]["robust"]
    assert robust == pytest.approx(2, abs=0.051)


def test_more_accurate_fix_replaces_an_anchor() -> None:
    rows = [row(0, 0, 1_000), row(MINUTE, 0.9, 10), row(2 * MINUTE, 1.9, 10), row(3 * MINUTE, 2.9, 10)]
    assert only_device(rows)["path_length_km"]["robust"] == pytest.approx(2, abs=1e-6)


def test_percentiles_and_mean_of_distances() -> None:
    rows = [row(minute * MINUTE, 1 if minute < 60 else 3) for minute in range(101)]
    distances = only_device(rows)["distance_from_home_km"]
    assert distances["median"] == distances["time_median"] == pytest.approx(1, rel=2**-12)
    assert distances["p95"] == distances["time_p95"] == pytest.approx(3, rel=2**-12)
    assert distances["time_weighted_mean"] == pytest.approx((59 * 1 + 2 + 40 * 3) / 100, abs=1e-6)


def test_bins_are_narrow_and_ascending() -> None:
    km = np.array([0, 1e-9, 0.999e-6, 1.001e-6, 1e-3, 0.5, 1, 1.0003, 20_015.1])
    bins = percentiles._bins(km)
    assert (np.diff(bins) >= 0).all()
    assert bins[:3].tolist() == [0, 0, 0]
    for value, number in zip(km[3:].tolist(), bins[3:].tolist(), strict=True):
        assert percentiles._middle_km(number) == pytest.approx(value, rel=2**-12)


def test_exact_sums_do_not_depend_on_the_order() -> None:
    values = np.array([random.Random(7).uniform(0, 20_000) for _ in range(1_000)])
    forwards, backwards = ExactSums(1), ExactSums(1)
    start, slot = np.zeros(1, np.int64), np.zeros(1, np.int64)
    forwards.add(values, start, slot)
    for part in np.array_split(values[::-1], 7):
        backwards.add(part, start, slot)
    assert forwards.value(0) == backwards.value(0) == pytest.approx(math.fsum(values.tolist()), abs=1e-12)


def test_hundred_longest_trips_and_gaps_are_shown_in_order_of_time() -> None:
    rows = []
    for number in range(150):
        start = number * 9 * MINUTE
        rows += [row(start, 0), row(start + 3 * MINUTE, 0), row(start + 4 * MINUTE, 1)]
        rows += [row(start + 8 * MINUTE + number * SECOND // 10, 1)]
    document = analyse(rows, gap_seconds=200)
    (device,) = document["devices"]
    assert (device["trip_count"], len(device["trips"]), len(device["gaps"])) == (150, 100, 100)
    starts = [trip["departed_at"] for trip in device["trips"]]
    assert starts == sorted(starts)


def test_parameters_show_the_home_radius_in_force() -> None:
    parameters = analyse([], away_threshold_km=0.2)["parameters"]
    assert (parameters["home_radius_km"], parameters["away_threshold_km"]) == (0.2, 0.2)
