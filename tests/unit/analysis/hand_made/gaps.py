"""Gaps, and stays that are inferred for them."""

from tests.unit.analysis.hand_made.builders import HandMadeDay, fix, rfc3339, track

DAYS = (
    HandMadeDay(
        name="gap: an interval of exactly gap_seconds is none",
        rows=track("08:00 0, 08:30 0"),
        expected={"gap_count": 0, "home_minutes": 30.0, "inferred_minutes": 0.0},
    ),
    HandMadeDay(
        name="gap: an interval of a microsecond more is one",
        rows=track("08:00 0, 08:30:00.000001 0"),
        expected={"gap_count": 1, "home_minutes": 30.0, "inferred_minutes": 30.0, "gaps.0.counted_as": "home"},
    ),
    HandMadeDay(
        name="gap: gap_seconds may be a fraction",
        rows=track("08:00 0, 08:10:00.5 0, 08:20:01.000001 0"),
        parameters={"gap_seconds": 600.5},
        expected={"gap_count": 1, "gaps.0.from": "2026-01-25T08:10:00.500Z"},
    ),
    HandMadeDay(
        name="gap: its uncut length counts, and it is shown as cut to the window",
        before=[fix("23:35", 2, day=-1)],
        rows=track("00:15 0"),  # 40 minutes, 15 of them in the window
        expected={
            "gap_count": 1,
            "gaps": [{"from": rfc3339("00:00"), "to": rfc3339("00:15"), "minutes": 15.0, "counted_as": "unknown"}],
        },
    ),
    HandMadeDay(
        name="gap: one of no length in the window is none",
        before=[fix("14:00", 0, day=-1)],
        rows=track("00:00 0"),
        expected={"gap_count": 0, "inferred_minutes": 0.0},
    ),
    HandMadeDay(
        name="gap: one to the context after the window is cut to the end of the window",
        rows=track("23:00 2"),
        after=[fix("01:00", 0, day=1)],
        expected={
            "gaps": [
                {"from": rfc3339("23:00"), "to": rfc3339("00:00", day=1), "minutes": 60.0, "counted_as": "unknown"}
            ],
            "unknown_minutes": 1440.0,
        },
    ),
    HandMadeDay(
        name="inferred stay: both ends at home within 200 m",
        rows=track("08:00 0, 09:00 0.199"),
        expected={
            "home_minutes": 60.0,
            "inferred_minutes": 60.0,
            "gap_count": 1,
            "gaps": [{"from": rfc3339("08:00"), "to": rfc3339("09:00"), "minutes": 60.0, "counted_as": "home"}],
        },
    ),
    HandMadeDay(
        name="inferred stay: none if the ends are more than 200 m apart",
        rows=track("08:00 0, 09:00 0.201"),
        expected={"home_minutes": 0.0, "inferred_minutes": 0.0, "gap_count": 1, "gaps.0.counted_as": "unknown"},
    ),
    HandMadeDay(
        name="inferred stay: accuracies of 300 m together allow 250 m",
        rows=track("08:00 0 150, 09:00 0.25 150"),  # the second has no evidence and stays at home
        expected={"home_minutes": 60.0, "inferred_minutes": 60.0},
    ),
    HandMadeDay(
        name="inferred stay: accuracies of 240 m together do not allow 250 m",
        rows=track("08:00 0 120, 09:00 0.25 120"),
        expected={"home_minutes": 0.0, "inferred_minutes": 0.0, "gap_count": 1},
    ),
    HandMadeDay(
        name="inferred stay: away, and a trip of known time",
        rows=track("08:00 5, 10:00 5"),
        expected={
            "away_minutes": 120.0,
            "inferred_minutes": 120.0,
            "gaps.0.counted_as": "away",
            "trips.0.minutes": 120.0,
            "trips.0.unknown_minutes": 0.0,
        },
    ),
    HandMadeDay(
        name="inferred stay: inferred_minutes have no time of other gaps",
        rows=track("08:00 0, 09:00 0.1, 11:00 2, 11:45 2"),
        expected={"gap_count": 3, "home_minutes": 60.0, "away_minutes": 45.0, "inferred_minutes": 105.0},
    ),
    HandMadeDay(
        name="inferred stay: none if the states differ, however close the ends are",
        rows=track("08:00 0.29, 09:00 0.31"),
        away_threshold_km=0.3,
        expected={"home_minutes": 0.0, "away_minutes": 0.0, "gap_count": 1, "gaps.0.counted_as": "unknown"},
    ),
    HandMadeDay(
        name="inferred stay: none if the state is unknown",
        rows=track("08:00 0.4, 09:00 0.4"),
        expected={"unknown_minutes": 1440.0, "inferred_minutes": 0.0, "gap_count": 1, "gaps.0.counted_as": "unknown"},
    ),
    HandMadeDay(
        name="inferred stay: none if only the second end has a state",
        rows=track("08:00 0.4, 09:00 0.3"),
        parameters={"home_radius_km": 0.35},
        expected={"home_minutes": 0.0, "inferred_minutes": 0.0, "gap_count": 1, "gaps.0.counted_as": "unknown"},
    ),
    HandMadeDay(
        name="inferred stay: a gap of exactly 24 hours, by its uncut length",
        before=[fix("12:00", 0, day=-1)],
        rows=track("12:00 0"),
        expected={
            "home_minutes": 720.0,
            "inferred_minutes": 720.0,
            "gaps": [{"from": rfc3339("00:00"), "to": rfc3339("12:00"), "minutes": 720.0, "counted_as": "home"}],
        },
    ),
    HandMadeDay(
        name="inferred stay: none in a gap of a microsecond more than 24 hours",
        before=[fix("12:00", 0, day=-1)],
        rows=track("12:00:00.000001 0"),
        expected={"home_minutes": 0.0, "inferred_minutes": 0.0, "gap_count": 1, "gaps.0.counted_as": "unknown"},
    ),
    HandMadeDay(
        name="inferred stay: the states are those after dating back",
        rows=track("08:00 0, 08:05 1 400, 09:05 1 400"),  # not sure, so two fixes confirm
        expected={
            "home_minutes": 5.0,
            "away_minutes": 60.0,
            "inferred_minutes": 60.0,
            "gaps": [{"from": rfc3339("08:05"), "to": rfc3339("09:05"), "minutes": 60.0, "counted_as": "away"}],
        },
    ),
    HandMadeDay(
        name="gap: an interval of unknown state is unknown time, and no gap",
        rows=track("08:00 0.4, 08:20 0.4"),
        expected={"home_minutes": 0.0, "away_minutes": 0.0, "unknown_minutes": 1440.0, "gap_count": 0},
    ),
)
