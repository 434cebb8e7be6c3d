"""The pictures of docs/concepts/accuracy.md: telling days, and the scores by phone and method.

A day is the first one of the published weeks that meets a condition.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

from benchmarks.accuracy import person
from benchmarks.accuracy.charts import DayPicture, draw_day, draw_scores
from benchmarks.accuracy.estimates import AWAY, HOME, Estimate
from benchmarks.accuracy.methods import DayJob
from benchmarks.accuracy.movement import DayTruth
from benchmarks.accuracy.phones import KINDS, Kind, home_km, record
from benchmarks.accuracy.runs import ANALYSIS, DAYS_S, PLAIN, Results, long_trips
from benchmarks.accuracy.scores import match_trips, scores, tally_day
from benchmarks.accuracy.tables import methods
from functions.calculate.fixes.blocks import Floats

_SIX_O_CLOCK_S = 6 * 3_600
_HOUR_S = 3_600


class _Day(NamedTuple):
    """A day with what both methods say of it, and its fixes: seconds since midnight and distances from home."""

    truth: DayTruth
    plain: Estimate
    analysis: Estimate
    fix_s: Floats
    fix_km: Floats


def draw_all(results: Results) -> dict[str, str]:
    """Return the SVG of each picture by the name of its file."""
    seeds = results.seeds
    return {
        "noise.svg": _picture("inaccurate", seeds, _is_noisy_night, "A night at home with noise"),
        "switched-off.svg": _picture("switched off", seeds, _is_wrongly_away, "Switched off on a trip"),
        "missed-errand.svg": _picture("every 15 minutes", seeds, _is_missed, "A trip that is missed"),
        "scores.svg": draw_scores_of(results),
    }


def _is_noisy_night(day: _Day) -> bool:
    """At home until six, three false departures by the plain rule in this time, and none by the analysis."""
    night = [trip for trip in day.plain.trips if trip.departed and trip.start < _SIX_O_CLOCK_S]
    at_home = bool((day.truth.states[:_SIX_O_CLOCK_S] == HOME).all())
    return at_home and len(night) >= 3 and not tally_day(day.truth, day.analysis).false_departures


def _is_wrongly_away(day: _Day) -> bool:
    """The plain rule is away for an hour at home, and the analysis is wrong for less than ten minutes."""
    wrong = np.count_nonzero((day.plain.states == AWAY) & (day.truth.states == HOME)) >= _HOUR_S
    return bool(wrong) and tally_day(day.truth, day.analysis).wrong_s < 600


def _is_missed(day: _Day) -> bool:
    """The plain rule finds a trip of at least ten minutes with a fix, and the analysis reports no trip at that time."""
    found = {id(true) for true, _ in match_trips(day.truth.trips, day.plain.trips)}
    return any(
        id(trip) in found
        and bool(((day.fix_s >= trip.start) & (day.fix_s < trip.end)).any())
        and not match_trips([trip], day.analysis.trips)
        for trip in long_trips(day.truth)
    )


def _days(kind: Kind, seeds: Sequence[int]) -> Iterator[tuple[int, int, _Day]]:
    """Yield the seed, the midnight and the account of each day of the weeks."""
    for seed in seeds:
        movement = person.week(seed)
        recording = record(kind, movement, seed)
        for day_s in DAYS_S:
            job = DayJob(recording, day_s)
            fix_s = job.rows.own_time_us / 1e6 - day_s
            yield seed, day_s, _Day(movement.day(day_s), job.plain(), job.analysis(), fix_s, home_km(job.rows))


def _picture(phone: str, seeds: Sequence[int], condition: Callable[[_Day], bool], title: str) -> str:
    """Draw the first day of a kind of phone that meets a condition. Raises ValueError if there is none."""
    (kind,) = (kind for kind in KINDS if kind.name == phone)
    for seed, day_s, day in _days(kind, seeds):
        if condition(day):
            date = datetime.fromtimestamp(day_s, UTC).date()
            return draw_day(
                DayPicture(
                    title=f"{title} (phone: {phone}; seed {seed}; {date})",
                    truth_km=day.truth.home_km,
                    fix_s=day.fix_s,
                    fix_km=day.fix_km,
                    bands={PLAIN: day.plain.states, ANALYSIS: day.analysis.states, "truth": day.truth.states},
                )
            )
    raise ValueError(f"no day for the picture: {title}")


def draw_scores_of(results: Results) -> str:
    """Return the SVG of three scores of each method and kind of phone."""
    names = methods(results)
    phones = [kind.name for kind in KINDS]
    figures = [[scores(results.tallies(name, phone)) for name in names] for phone in phones]
    panels = {
        "false departures a day": [[each.false_departures_a_day for each in row] for row in figures],
        "missed trips (%)": [[each.missed_percent or 0 for each in row] for row in figures],
        "path length: median error (%)": [[each.path_error_percent or 0 for each in row] for row in figures],
    }
    return draw_scores("Scores by phone and method, less is better", phones, names, panels)
