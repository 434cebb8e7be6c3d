"""What holds for the reference on any day, and what the generated days contain."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.analysis.comparison import differences
from tests.unit.analysis.day import Day
from tests.unit.analysis.days import AWAY_KM, HOME_KM, NO_EVIDENCE_KM, days
from tests.unit.analysis.hand_made.builders import DAY_US, raw
from tests.unit.analysis.long_days import long_day
from tests.unit.analysis.reference.fixes import REASONS

MINUTES = 0.0051  # the rounding of minutes
KM = 0.51e-6  # the rounding of kilometres


def entries(day: Day) -> Iterator[dict[str, Any]]:
    yield from day.analyse_by_reference()["devices"]


@settings(max_examples=200)
@given(days())
def test_numbers_of_a_device_are_consistent(day: Day) -> None:
    for entry in entries(day):
        check_times_add_up(entry)
        check_each_row_is_usable_or_rejected_once(entry)
        check_trips_are_apart_and_their_known_time_is_away(entry)
        check_paths_are_at_most_the_raw_path(entry)
        assert json.loads(json.dumps(entry, allow_nan=False)) == entry


def check_times_add_up(entry: dict[str, Any]) -> None:
    known = entry["home_minutes"] + entry["away_minutes"]
    assert math.isclose(known + entry["unknown_minutes"], entry["window_minutes"], abs_tol=4 * MINUTES)
    assert entry["inferred_minutes"] <= known + 3 * MINUTES
    assert entry["coverage"] is None or 0 <= entry["coverage"] <= 1


def check_each_row_is_usable_or_rejected_once(entry: dict[str, Any]) -> None:
    fixes = entry["fixes"]
    assert fixes["read"] == fixes["usable"] + sum(fixes["rejected"].values())
    assert 0 not in fixes["rejected"].values()


def check_trips_are_apart_and_their_known_time_is_away(entry: dict[str, Any]) -> None:
    for trip in entry["trips"]:
        assert (trip["departed_after"] is None) == (trip["departed_at"] is None)
        assert (trip["returned_after"] is None) == (trip["returned_at"] is None)
        assert trip["unknown_minutes"] <= trip["minutes"]
    for trip, following in pairwise(entry["trips"]):
        assert trip["returned_at"] <= following["departed_after"] < following["departed_at"]
    known = sum(trip["minutes"] - trip["unknown_minutes"] for trip in entry["trips"])
    assert math.isclose(known, entry["away_minutes"], abs_tol=MINUTES * (2 * entry["trip_count"] + 1))


def check_paths_are_at_most_the_raw_path(entry: dict[str, Any]) -> None:
    path = entry["path_length_km"]
    assert path["robust"] <= path["raw"] + 2 * KM
    assert path["across_gaps"] <= path["raw"] + 2 * KM
    of_trips = math.fsum(trip["path_length_km"] for trip in entry["trips"])
    assert of_trips <= path["robust"] + (entry["trip_count"] + 1) * KM


@settings(max_examples=50)
@given(days())
def test_devices_are_analysed_by_themselves(day: Day) -> None:
    for entry in entries(day):
        alone = replace(day, rows=[row for row in day.rows if row[0] == entry["device_id"]])
        assert list(entries(alone)) == [entry]


@settings(max_examples=50)
@given(days(), st.data())
def test_a_row_without_coordinates_changes_only_counts(day: Day, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(day.rows)))
    more = replace(day, rows=[*day.rows[:place], raw("08:00", None, None), *day.rows[place:]])
    without = {entry["device_id"]: entry for entry in entries(day)}
    for entry in entries(more):
        if entry["device_id"] in without:
            assert {**entry, "fixes": None} == {**without[entry["device_id"]], "fixes": None}
            assert entry["fixes"]["usable"] == without[entry["device_id"]]["fixes"]["usable"]


@settings(max_examples=20)
@given(days(), st.sampled_from((-DAY_US, 7 * DAY_US)))
def test_the_same_day_at_another_date_has_the_same_numbers(day: Day, later_us: int) -> None:
    def move(rows: Any) -> Any:
        return [(row[0], row[1] + later_us, *row[2:]) for row in rows]

    start, end = day.window
    later = replace(
        day,
        rows=move(day.rows),
        before=move(day.before),
        after=move(day.after),
        window=(start + later_us, end + later_us),
    )
    for entry, moved in zip(entries(day), entries(later), strict=True):
        for name in ("fixes", "home_minutes", "away_minutes", "coverage", "path_length_km", "trip_count", "gap_count"):
            assert entry[name] == moved[name]


def test_generated_positions_are_no_whole_metres_apart() -> None:
    metres = sorted({1000 * km for km in (*HOME_KM, *NO_EVIDENCE_KM, *AWAY_KM)})
    assert all(abs(b - a - round(b - a)) > 0.005 for a, b in combinations(metres, 2))


def test_long_days_contain_what_the_rules_are_about() -> None:
    found = [entry for seed in range(3) for entry in entries(long_day(seed))]
    reasons = {reason for entry in found for reason in entry["fixes"]["rejected"]}
    assert reasons == set(REASONS) - {"duplicate", "outside_window"}
    assert {gap["counted_as"] for entry in found for gap in entry["gaps"]} == {"home", "away", "unknown"}
    assert sum(entry["trip_count"] for entry in found) > 10
    assert all(entry["fixes"]["usable"] > 50 for entry in found)


def test_long_days_depend_on_the_seed_alone() -> None:
    assert long_day(1) == long_day(1)
    assert long_day(1).rows != long_day(2).rows


def test_differences_have_the_tolerance_of_a_histogram() -> None:
    expected = {"devices": [{"distance_from_home_km": {"median": 10.0, "farthest": 10.0}, "home_minutes": 1.0}]}

    def changed(name: str, value: float) -> Any:
        return {
            "devices": [
                {**expected["devices"][0], "distance_from_home_km": {"median": 10.0, "farthest": 10.0, name: value}}
            ]
        }

    assert list(differences(expected, changed("median", 10.0024))) == []
    assert list(differences(expected, changed("farthest", 10.000001))) == []
    assert list(differences(expected, changed("median", 10.0025))) == [
        "devices.0.distance_from_home_km.median: expected 10.0, got 10.0025"
    ]
    assert len(list(differences(expected, changed("farthest", 10.00001)))) == 1
    assert len(list(differences({"trips": []}, {"trips": [1]}))) == 1
    assert len(list(differences({"home_minutes": 1.0}, {"home_minutes": 1.01}))) == 1
    assert len(list(differences({"farthest": None}, {"farthest": 0.0}))) == 1
    assert len(list(differences({"a": 1}, {"b": 1}))) == 2
