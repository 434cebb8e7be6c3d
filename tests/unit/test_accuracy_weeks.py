"""The generated weeks of the accuracy benchmark: the same for a seed, plausible, and with a truth that adds up."""

import numpy as np
import pytest

from benchmarks.accuracy import person
from benchmarks.accuracy.estimates import AWAY, DAY_S
from benchmarks.accuracy.movement import HOME_POSITION, Movement, degrees, segments_km, winding
from benchmarks.accuracy.phones import KINDS, Kind, record

SEED = 2_000  # not a published one
WEEK = person.week(SEED)
RECORDINGS = {kind.name: record(kind, WEEK, SEED).rows for kind in KINDS}


def test_a_week_depends_on_the_seed_alone() -> None:
    again, other = person.week(SEED), person.week(SEED + 1)
    assert np.array_equal(WEEK.time_s, again.time_s)
    assert np.array_equal(WEEK.east_m, again.east_m)
    assert len(other.time_s) != len(WEEK.time_s) or not np.array_equal(other.east_m, WEEK.east_m)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_recording_depends_on_the_seed_alone(kind: Kind) -> None:
    rows, again = RECORDINGS[kind.name], record(kind, WEEK, SEED).rows
    assert np.array_equal(rows.time_us, again.time_us)
    assert np.array_equal(rows.latitude, again.latitude)
    assert np.array_equal(rows.accuracy, again.accuracy)


def test_a_person_moves_forward_in_time_and_no_faster_than_a_car() -> None:
    seconds = np.diff(WEEK.time_s)
    assert (seconds > 0).all()
    speeds_kmh = 3_600 * segments_km(*degrees(WEEK.east_m, WEEK.north_m)) / seconds
    assert 60 < speeds_kmh.max() < 140


def test_days_have_nights_at_home_and_one_night_away() -> None:
    three_o_clock = np.array([person.MONDAY_S + day * DAY_S + 3 * 3_600 for day in range(8)], np.float64)
    km = np.hypot(*WEEK.positions(three_o_clock)) / 1_000
    assert np.count_nonzero(km > 10) == 1
    assert np.count_nonzero(km < 0.001) == 7


def test_the_truth_of_the_days_adds_up_to_the_week() -> None:
    days = [WEEK.day(person.MONDAY_S + day * DAY_S) for day in range(-1, 8)]
    whole_km = segments_km(*degrees(WEEK.east_m, WEEK.north_m)).sum()
    assert sum(day.path_km for day in days) == pytest.approx(whole_km, rel=1e-9)
    for day in days:
        away_s = sum(trip.end - trip.start for trip in day.trips)
        assert away_s == np.count_nonzero(day.states == AWAY)
        assert len(day.states) == len(day.home_km) == DAY_S


def test_a_person_is_away_beyond_the_threshold() -> None:
    """A walk of 1 km at 1 m/s to the north and back passes 500 m at 500 s and at 1,500 s."""
    walk = Movement(np.array([0.0, 1_000, 2_000, DAY_S]), np.zeros(4), np.array([0.0, 1_000, 0, 0]))
    (trip,) = walk.day(0).trips
    assert (trip.start, trip.end) == pytest.approx((501, 1_500), abs=1)
    assert walk.day(0).path_km == pytest.approx(2, abs=1e-4)


def test_winding_compares_a_path_with_straight_lines() -> None:
    """Corners of 300 m, so that each 600 m of path end 424 m from where they begin."""
    steps_m = 300.0 * np.arange(9)
    east_m, north_m = np.repeat(steps_m[:5], 2)[1:], np.repeat(steps_m[:5], 2)[:-1]
    assert winding(*degrees(east_m, north_m)) == pytest.approx(2**0.5, rel=1e-3)
    assert winding(*degrees(np.zeros(5), np.linspace(0, 2_000, 5))) == pytest.approx(1)


def test_recordings_are_in_the_order_of_arrival_after_their_own_times() -> None:
    for rows in RECORDINGS.values():
        assert (np.diff(rows.time_us) >= 0).all()
        assert (rows.time_us > rows.own_time_us).all()


def test_some_rows_are_repeated_and_some_are_late() -> None:
    rows = RECORDINGS["every minute"]
    repeated = len(rows) - len(np.unique(rows.own_time_us))
    assert 0.005 * len(rows) < repeated < 0.02 * len(rows)
    assert np.count_nonzero(rows.time_us - rows.own_time_us > 300e6) > 20
    assert (np.diff(rows.own_time_us) < 0).any()


def test_kinds_of_phones_report_as_described() -> None:
    a_day = {name: len(rows) / 9 for name, rows in RECORDINGS.items()}
    assert 1_350 < a_day["every minute"] < 1_450
    assert 85 < a_day["every 15 minutes"] < 100
    assert 5 < a_day["on movement"] < 60
    assert 600 < a_day["inaccurate"] < 720
    assert a_day["switched off"] < 0.95 * a_day["every minute"]
    assert np.diff(RECORDINGS["switched off"].time_us).max() > 3_600e6


@pytest.mark.parametrize(("phone", "median_m"), [("every minute", (8, 30)), ("inaccurate", (40, 120))])
def test_errors_have_the_size_and_the_correlation_of_the_sensor(phone: str, median_m: tuple[float, float]) -> None:
    rows = RECORDINGS[phone]
    time_s = rows.own_time_us / 1e6
    latitude, longitude = degrees(*WEEK.positions(time_s))
    metres_per_degree = 111_195
    north_m = (rows.latitude - latitude) * metres_per_degree
    east_m = (rows.longitude - longitude) * metres_per_degree * np.cos(np.radians(HOME_POSITION.latitude))
    error_m = np.hypot(east_m, north_m)
    resting = WEEK.rests(time_s) >= 0
    low, high = median_m
    assert low < np.median(error_m[resting]) < high
    assert np.count_nonzero(error_m > 300) > 5  # jumps
    order = np.argsort(time_s)
    calm = (error_m < 300)[order] & resting[order]
    pairs = calm[1:] & calm[:-1]
    assert np.corrcoef(north_m[order][1:][pairs], north_m[order][:-1][pairs])[0, 1] > 0.6
