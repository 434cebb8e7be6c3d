"""Context: the fix before the window, and the fix after it."""

from tests.unit.analysis.hand_made.builders import HandMadeDay, fix, rfc3339, track, window
from tests.unit.analysis.hand_made.windows import NO_DISTANCES

SHORT = window("00:00", "00:20")

DAYS = (
    HandMadeDay(
        name="context before: its interval is cut to the window",
        before=[fix("23:50", 0, day=-1)],
        rows=track("00:10 0"),
        expected={"home_minutes": 10.0, "unknown_minutes": 1430.0, "gap_count": 0, "coverage": 0.0069},
    ),
    HandMadeDay(
        name="context after: its interval is cut to the window",
        rows=track("23:50 0"),
        after=[fix("00:10", 0, day=1)],
        expected={"home_minutes": 10.0, "unknown_minutes": 1430.0, "gap_count": 0},
    ),
    HandMadeDay(
        name="context on both sides without a usable fix: the interval counts as time and has no weight",
        before=[fix("23:55", 0, day=-1)],
        rows=track("00:10 0 20000"),
        after=track("00:25 0"),
        window=SHORT,
        expected={
            "home_minutes": 20.0,
            "coverage": 1.0,
            "gap_count": 0,
            "fixes.usable": 0,
            "distance_from_home_km": NO_DISTANCES,
        },
    ),
    HandMadeDay(
        name="context on both sides more than 24 hours apart is a gap of the whole day",
        before=[fix("23:55", 0, day=-1)],
        rows=track("12:00 0 20000"),
        after=[fix("00:05", 0, day=1)],
        expected={
            "unknown_minutes": 1440.0,
            "gap_count": 1,
            "gaps": [
                {"from": rfc3339("00:00"), "to": rfc3339("00:00", day=1), "minutes": 1440.0, "counted_as": "unknown"}
            ],
        },
    ),
    HandMadeDay(
        name="context before: the last candidate",
        before=[fix("22:00", 5, day=-1), fix("23:50", 0, day=-1), fix("23:55", 5, 20_000, day=-1)],
        rows=track("00:10 0"),
        expected={"home_minutes": 10.0, "away_minutes": 0.0},
    ),
    HandMadeDay(
        name="context before: rows out of order are no candidates",
        before=[fix("23:50", 0, day=-1), fix("23:40", 5, day=-1)],
        rows=track("00:10 0"),
        expected={"home_minutes": 10.0, "away_minutes": 0.0},
    ),
    HandMadeDay(
        name="context before: a fix of the window among its rows is none",
        before=[fix("23:50", 0, day=-1), fix("00:05", 5)],
        rows=track("00:10 0"),
        expected={"home_minutes": 10.0, "away_minutes": 0.0},
    ),
    HandMadeDay(
        name="context before: never a jump, so its last candidate may be a bad fix",
        before=[fix("23:58", 0, day=-1), fix("23:59", 0, day=-1), fix("23:59:50", 50, day=-1)],
        rows=track("00:00:30 0, 00:01 0, 00:05 0"),
        expected={
            "away_minutes": 0.5,
            "home_minutes": 4.5,
            "trip_count": 1,
            "trips.0.departed_after": None,
            "trips.0.departed_at": None,
            "trips.0.returned_after": "2026-01-24T23:59:50.000Z",
            "trips.0.returned_at": rfc3339("00:00:30"),
            "trips.0.minutes": 0.5,
        },
    ),
    HandMadeDay(
        name="context before: one at 12 hours counts",
        before=[fix("12:00", 0, day=-1)],
        rows=track("00:05 0"),
        expected={"home_minutes": 5.0, "inferred_minutes": 5.0, "gap_count": 1},
    ),
    HandMadeDay(
        name="context before: one at more than 12 hours does not",
        before=[fix("11:59:59.999999", 0, day=-1)],
        rows=track("00:05 0"),
        expected={"home_minutes": 0.0, "gap_count": 0},
    ),
    HandMadeDay(
        name="context after: one at less than 12 hours counts",
        rows=track("23:55 0"),
        after=[fix("11:59:59.999999", 0, day=1)],
        expected={"home_minutes": 5.0, "inferred_minutes": 5.0, "gap_count": 1},
    ),
    HandMadeDay(
        name="context after: one at 12 hours does not",
        rows=track("23:55 0"),
        after=[fix("12:00", 0, day=1)],
        expected={"home_minutes": 0.0, "gap_count": 0},
    ),
    HandMadeDay(
        name="context after: the first candidate",
        rows=track("23:50 0"),
        after=[fix("00:02", 5, 20_000, day=1), fix("00:10", 0, day=1), fix("00:40", 0, day=1)],
        expected={"home_minutes": 10.0, "away_minutes": 0.0, "gap_count": 0},
    ),
    HandMadeDay(
        name="context counts for no number of fixes and no distance",
        before=[fix("23:55", 0.2, day=-1)],
        rows=track("00:05 0.1"),
        expected={
            "fixes": {"read": 1, "usable": 1, "rejected": {}},
            "first_fix_at": rfc3339("00:05"),
            "last_fix_at": rfc3339("00:05"),
            "distance_from_home_km.median": 0.1,
            "distance_from_home_km.p95": 0.1,
            "distance_from_home_km.farthest": 0.1,
            "path_length_km": {"robust": 0.0, "raw": 0.0, "across_gaps": 0.0},
        },
    ),
    HandMadeDay(
        name="context: a microsecond before the window",
        before=[fix("23:59:59.999999", 2, day=-1)],
        rows=track("00:10 3, 00:20 3"),
        expected={
            "fixes.usable": 2,
            "first_fix_at": rfc3339("00:10"),
            "away_minutes": 20.0,
            "trips.0.minutes": 20.0,
            "path_length_km.raw": 0.0,
        },
    ),
    HandMadeDay(
        name="context: a gap to it has no part in across_gaps",
        before=[fix("23:00", 0, day=-1)],
        rows=track("01:00 0.1, 01:10 0.2"),
        after=[fix("01:00", 0, day=1)],
        expected={"gap_count": 2, "path_length_km.raw": 0.1, "path_length_km.across_gaps": 0.0},
    ),
    HandMadeDay(
        name="context of another device is none, and a device with nothing but context is not shown",
        before=[fix("23:55", 0, day=-1, device="tablet")],
        rows=track("00:05 0"),
        expected={"home_minutes": 0.0, "document.device_count": 1, "document.devices.length": 1},
    ),
    HandMadeDay(
        name="context before gives the first fix its state",
        before=[fix("23:50", 2, day=-1)],
        rows=track("00:10 0.4"),  # no evidence
        expected={"away_minutes": 10.0, "trip_count": 1, "trips.0.farthest_km": 0.4},
    ),
    HandMadeDay(
        name="context after may confirm a run",
        rows=track("23:50 0, 23:58 2"),
        after=[fix("00:02", 2, day=1)],
        expected={
            "home_minutes": 8.0,
            "away_minutes": 2.0,
            "trip_count": 1,
            "trips.0.departed_after": rfc3339("23:50"),
            "trips.0.departed_at": rfc3339("23:58"),
            "trips.0.returned_after": None,
            "trips.0.returned_at": None,
            "trips.0.minutes": 2.0,
        },
    ),
    HandMadeDay(
        name="context after is the next fix of the last one, and disturbs it within 600 seconds",
        rows=track("23:50 0, 23:58 2"),
        after=[fix("00:02", 0, day=1)],
        expected={
            "home_minutes": 10.0,
            "away_minutes": 0.0,
            "trip_count": 0,
            "distance_from_home_km.farthest": 0.0,
            "distance_from_home_km.farthest_at": rfc3339("23:50"),
        },
    ),
    HandMadeDay(
        name="context after that is 600 seconds later leaves the last fix undisturbed",
        rows=track("23:50 0, 23:58 2"),
        after=[fix("00:08", 0, day=1)],
        expected={"home_minutes": 8.0, "away_minutes": 2.0, "trip_count": 1},
    ),
    HandMadeDay(
        name="context after has no next fix, so it confirms a run if it is sure",
        rows=track("23:50 0, 23:58 1 300"),  # evidence, but not sure
        after=[fix("00:00", 2, day=1)],
        expected={"home_minutes": 8.0, "away_minutes": 2.0, "trip_count": 1},
    ),
)
