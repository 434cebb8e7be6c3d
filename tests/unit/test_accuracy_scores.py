"""The scores of the accuracy benchmark, on days made by hand."""

import numpy as np
import pytest

from benchmarks.accuracy.estimates import (
    AWAY,
    DAY_S,
    HOME,
    UNKNOWN,
    Estimate,
    Piece,
    States,
    Trip,
    estimate_of_pieces,
    fill,
)
from benchmarks.accuracy.movement import DayTruth, away_trips
from benchmarks.accuracy.scores import Tally, match_trips, scores, tally_day

HOUR = 3_600


def day_of(*spans: tuple[float, float, int]) -> States:
    """Return the states of a day at home, but for spans from hour to hour in other states."""
    states = np.full(DAY_S, HOME, np.int8)
    for start, end, state in spans:
        fill(states, start * HOUR, end * HOUR, state)
    return states


def truth(*spans: tuple[float, float], km: float = 10) -> DayTruth:
    states = day_of(*((start, end, AWAY) for start, end in spans))
    return DayTruth(states, away_trips(states), km, np.zeros(DAY_S))


def estimate(*spans: tuple[float, float, int], km: float = 10) -> Estimate:
    states = day_of(*spans)
    return Estimate(states, away_trips(np.where(states == AWAY, AWAY, HOME).astype(np.int8)), km)


def test_the_truth_has_no_errors() -> None:
    true = truth((8, 17), (19, 19.25))
    assert tally_day(true, Estimate(true.states, true.trips, true.path_km)) == Tally(
        days=1, trips=2, true_path_km=10, path_km=10, departures_s=[0, 0], returns_s=[0, 0], paths_percent=[0]
    )


def test_a_departure_without_a_true_trip_is_false() -> None:
    tally = tally_day(truth((8, 17)), estimate((3, 3.5, AWAY), (8, 17, AWAY)))
    assert (tally.false_departures, tally.missed_trips) == (1, 0)
    assert tally.wrong_s == tally.home_error_s == tally.away_error_s == HOUR / 2


def test_each_part_of_a_trip_but_the_longest_is_a_false_departure() -> None:
    tally = tally_day(truth((8, 17)), estimate((8, 9, AWAY), (9.5, 14, AWAY), (15, 17, AWAY)))
    assert (tally.false_departures, tally.missed_trips) == (2, 0)
    assert tally.departures_s == [1.5 * HOUR]
    assert tally.returns_s == [-3 * HOUR]


def test_of_two_trips_that_are_reported_as_one_the_shorter_is_missed() -> None:
    tally = tally_day(truth((8, 9), (9.5, 12)), estimate((8, 12, AWAY)))
    assert (tally.trips, tally.missed_trips, tally.false_departures) == (2, 1, 0)


def test_a_trip_under_ten_minutes_need_not_be_found() -> None:
    tally = tally_day(truth((8, 8.15)), estimate())
    assert (tally.trips, tally.missed_trips) == (0, 0)


def test_a_day_that_begins_away_has_no_departure() -> None:
    assert tally_day(truth(), estimate((0, 1, AWAY))).false_departures == 0
    assert tally_day(truth((0, 9)), estimate((0, 9, AWAY))).departures_s == []


def test_unknown_time_is_not_wrong() -> None:
    tally = tally_day(truth((8, 17)), estimate((8, 12, AWAY), (12, 18, UNKNOWN)))
    assert (tally.unknown_s, tally.wrong_s) == (6 * HOUR, 0)
    assert (tally.home_error_s, tally.away_error_s) == (HOUR, 5 * HOUR)


def test_path_errors_are_relative_to_the_true_length() -> None:
    assert tally_day(truth(km=10), estimate(km=12.5)).paths_percent == [25]
    assert tally_day(truth(km=0.9), estimate(km=12.5)).paths_percent == []


def test_a_true_departure_is_inside_the_reported_interval_or_not() -> None:
    true = truth((8, 17))
    trip = Trip(
        8.1 * HOUR, 17 * HOUR, departed=True, returned=True, departed_after=7.9 * HOUR, returned_after=16 * HOUR
    )
    late = Trip(8.1 * HOUR, 17 * HOUR, departed=True, returned=True, departed_after=8.05 * HOUR, returned_after=None)
    assert tally_day(true, Estimate(true.states, [trip], 10)).bracketed == 2
    assert (tally_day(true, Estimate(true.states, [late], 10)).bracketed) == 0


def test_trips_are_matched_by_the_longest_overlap_and_once() -> None:
    true = [Trip(0, 10, departed=True, returned=True), Trip(20, 100, departed=True, returned=True)]
    reported = [Trip(5, 90, departed=True, returned=True), Trip(95, 99, departed=True, returned=True)]
    assert match_trips(true, reported) == [(true[1], reported[0])]


def test_scores_are_means_of_days_and_medians_of_errors() -> None:
    first = Tally(
        days=1, trips=3, missed_trips=1, false_departures=3, departures_s=[60, -180], true_path_km=10, path_km=8
    )
    second = Tally(days=1, wrong_s=120, departures_s=[30], paths_percent=[-10, 20, -30], true_path_km=10, path_km=10)
    figures = scores([first, second])
    assert figures.false_departures_a_day == 1.5
    assert figures.missed_percent == pytest.approx(100 / 3)
    assert figures.departure_minutes == 1
    assert figures.wrong_minutes == 1
    assert figures.path_bias_percent == pytest.approx(-10)
    assert figures.path_error_percent == 20
    assert figures.return_minutes is None


def test_pieces_become_trips_between_stays_at_home() -> None:
    start = 1_000_000.0
    pieces = [
        Piece(start - HOUR, start + 8 * HOUR, HOME),
        Piece(start + 8 * HOUR, start + 9 * HOUR, AWAY),
        Piece(start + 10 * HOUR, start + 12 * HOUR, AWAY),
        Piece(start + 13 * HOUR, start + 20 * HOUR, HOME),
        Piece(start + 20 * HOUR, start + 30 * HOUR, AWAY),
    ]
    day = estimate_of_pieces(pieces, start, 5)
    assert day.trips == [
        Trip(8 * HOUR, 13 * HOUR, departed=True, returned=True),
        Trip(20 * HOUR, 24 * HOUR, departed=True, returned=False),
    ]
    assert np.count_nonzero(day.states == UNKNOWN) == 2 * HOUR
    following = estimate_of_pieces(pieces, start + DAY_S, 5)
    assert following.trips == [Trip(0, 6 * HOUR, departed=False, returned=False)]
