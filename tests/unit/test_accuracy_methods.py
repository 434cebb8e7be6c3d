"""The methods of the accuracy benchmark: on days made by hand, and on a week that has the sign of published claims."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy import person, runs
from benchmarks.accuracy.estimates import AWAY, DAY_S, HOME, UNKNOWN
from benchmarks.accuracy.methods import DayJob
from benchmarks.accuracy.movement import HOME_POSITION, degrees
from benchmarks.accuracy.phones import DEVICE, KINDS, Kind, Recording, record
from benchmarks.accuracy.real_tracks import Fix, check_track
from benchmarks.accuracy.scores import scores
from functions.calculate.fixes.blocks import NULL, Block
from shared.models import AnalysisParameters
from tests.unit.analysis import reference
from tests.unit.analysis.comparison import differences
from tests.unit.analysis.places import Position

SEED = 2_000  # not a published one
RESULTS = runs.run([SEED], runs.own_methods())
MINUTE, HOUR = 60, 3_600
DAY = 20_000 * DAY_S


def recording(*fixes: tuple[float, float]) -> Recording:
    """Return fixes from seconds of the day and metres north of home; each arrives after a second."""
    seconds, north_m = np.array(fixes).T
    own_us = ((DAY + seconds) * 1e6).astype(np.int64)
    latitude, longitude = degrees(np.zeros(len(fixes)), north_m)
    none = np.full(len(fixes), NULL)
    device = np.zeros(len(fixes), np.int64)
    return Recording(Block(own_us + 1_000_000, own_us, device, latitude, longitude, none, none, none, devices=[DEVICE]))


def every_minute(*spans: tuple[float, float, float]) -> Recording:
    """Return a fix a minute in spans from hour to hour at metres north of home."""
    return recording(
        *(
            (second, metres)
            for start, end, metres in spans
            for second in np.arange(start * HOUR, end * HOUR, MINUTE).tolist()
        )
    )


def minutes(states: np.ndarray[tuple[int, ...], np.dtype[np.int8]], state: int) -> float:
    return np.count_nonzero(states == state) / MINUTE


def test_both_methods_agree_on_a_day_without_noise() -> None:
    job = DayJob(every_minute((-1, 8, 0), (8, 12, 2_000), (12, 25, 0)), DAY)
    for estimate in (job.plain(), job.analysis()):
        (trip,) = estimate.trips
        assert (trip.start, trip.end, trip.departed, trip.returned) == (8 * HOUR, 12 * HOUR, True, True)
        assert minutes(estimate.states, AWAY) == 4 * 60
        assert estimate.path_km == pytest.approx(4, abs=0.01)
    assert minutes(job.analysis().states, HOME) == 20 * 60
    assert minutes(job.plain().states, UNKNOWN) == 1  # after the last fix of the day


def test_a_phone_that_is_switched_off_is_away_by_the_plain_rule_and_unknown_by_the_analysis() -> None:
    job = DayJob(every_minute((-1, 8, 0), (8, 9, 2_000), (15, 25, 0)), DAY)
    assert minutes(job.plain().states, AWAY) == 7 * 60
    assert minutes(job.analysis().states, AWAY) == 59
    assert minutes(job.analysis().states, UNKNOWN) == 6 * 60 + 1


def test_a_trip_over_midnight_is_open_at_the_edge() -> None:
    late = DayJob(every_minute((-1, 22, 0), (22, 25, 2_000)), DAY)
    early = DayJob(every_minute((-1, 2, 2_000), (2, 25, 0)), DAY)
    assert [(trip.end, trip.returned) for trip in late.analysis().trips] == [(DAY_S, False)]
    assert [(trip.start, trip.departed) for trip in early.analysis().trips] == [(0, False)]
    assert not early.plain().trips[0].departed


def test_without_context_the_edges_of_the_day_are_unknown() -> None:
    job = DayJob(every_minute((6, 8, 0), (8, 12, 2_000)), DAY)
    states = job.analysis().states
    assert minutes(states, UNKNOWN) == pytest.approx(6 * 60 + 12 * 60 + 1)
    assert (job.analysis().trips[0].start, job.analysis().trips[0].end) == (8 * HOUR, 12 * HOUR - MINUTE)


def test_a_day_without_fixes_is_unknown() -> None:
    job = DayJob(every_minute((30, 31, 0)), DAY)
    for estimate in (job.plain(), job.analysis()):
        assert minutes(estimate.states, UNKNOWN) == 24 * 60
        assert estimate.trips == []


@pytest.mark.parametrize("by_arrival", [False, True])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_generated_day_with_its_context_equals_the_reference(kind: Kind, by_arrival: bool) -> None:
    day_s, phone = runs.DAYS_S[2], record(kind, person.week(SEED), SEED)
    start_us, end_us, half_day_us = day_s * 1_000_000, (day_s + DAY_S) * 1_000_000, 43_200_000_000
    before, inside, after = (
        reference_rows(phone.day(*bounds, by_arrival=by_arrival))
        for bounds in ((start_us - half_day_us, start_us), (start_us, end_us), (end_us, end_us + half_day_us))
    )
    expected = reference.analyse(
        inside,
        before,
        after,
        home=Position(HOME_POSITION.latitude, HOME_POSITION.longitude),
        away_threshold_km=0.5,
        parameters=vars(AnalysisParameters()),
        window=(start_us, end_us),
        day_column="created_at" if by_arrival else "timestamp",
    )
    assert list(differences(expected, DayJob(phone, day_s, by_arrival=by_arrival).document)) == []


def reference_rows(block: Block) -> list[reference.Row]:
    columns = (block.own_time_us, block.latitude, block.longitude, block.accuracy)
    return [(DEVICE, *values) for values in zip(*(column.tolist() for column in columns), strict=True)]


def test_the_analysis_makes_fewer_false_departures_than_the_plain_rule() -> None:
    for phone in ("every minute", "inaccurate", "switched off"):
        plain, analysis = (scores(RESULTS.tallies(name, phone)) for name in (runs.PLAIN, runs.ANALYSIS))
        assert analysis.false_departures_a_day < plain.false_departures_a_day / 4


def test_the_analysis_is_closer_to_the_true_path_where_positions_are_noisy() -> None:
    plain, analysis = (scores(RESULTS.tallies(name, "inaccurate")) for name in (runs.PLAIN, runs.ANALYSIS))
    assert analysis.path_error_percent is not None
    assert plain.path_error_percent is not None
    assert analysis.path_error_percent < plain.path_error_percent / 2


def test_the_analysis_misses_trips_of_phones_that_report_on_movement() -> None:
    analysis = scores(RESULTS.tallies(runs.ANALYSIS, "on movement"))
    assert analysis.missed_percent is not None
    assert analysis.missed_percent > 5
    assert analysis.unknown_minutes > 60


def test_results_survive_being_stored(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    runs.store(RESULTS, {"library": "1.0"}, path)
    assert runs.load(path) == (RESULTS, {"library": "1.0"})


def test_a_track_is_compared_with_the_reference() -> None:
    fixes: list[Fix] = [(minute * 60_000_000, 50 + 0.001 * minute, 10.0) for minute in range(30)]
    km = 29 * 0.001 * 111.195
    assert check_track("north", fixes, km).problems == []
    assert "a path of" in check_track("north", fixes, 2 * km).problems[0]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_libraries_give_an_account_of_each_day(kind: Kind) -> None:
    pytest.importorskip("trackintel", reason="the libraries are in requirements/accuracy.txt only")
    from benchmarks.accuracy import libraries  # noqa: PLC0415 - installed by make accuracy only

    phone = record(kind, person.week(SEED), SEED)
    for method in libraries.METHODS.values():
        days = method(phone, runs.DAYS_S)
        assert len(days) == len(runs.DAYS_S)
        assert all(day.path_km >= 0 and set(np.unique(day.states)) <= {UNKNOWN, HOME, AWAY} for day in days)
