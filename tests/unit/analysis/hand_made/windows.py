"""The window of the analysis, and its edges."""

from tests.unit.analysis.hand_made.builders import HandMadeDay, clock_us, fix, rfc3339, track, window

NO_DISTANCES = {
    "median": None,
    "p95": None,
    "time_median": None,
    "time_p95": None,
    "time_weighted_mean": None,
    "farthest": None,
    "farthest_at": None,
}

DAYS = (
    HandMadeDay(
        name="window: edges without context are unknown, and no gaps",
        rows=track("12:00 0"),
        expected={
            "window_minutes": 1440.0,
            "home_minutes": 0.0,
            "away_minutes": 0.0,
            "unknown_minutes": 1440.0,
            "inferred_minutes": 0.0,
            "coverage": 0.0,
            "gap_count": 0,
            "gaps": [],
            "first_fix_at": rfc3339("12:00"),
            "last_fix_at": rfc3339("12:00"),
        },
    ),
    HandMadeDay(
        name="window: it ends when the job is submitted before the end of the day",
        rows=track("09:00 0, 09:20 0, 10:00 0"),
        window=window("00:00", "10:00"),
        expected={
            "fixes": {"read": 3, "usable": 2, "rejected": {"outside_window": 1}},
            "document.window_start": rfc3339("00:00"),
            "document.window_end": rfc3339("10:00"),
            "window_minutes": 600.0,
            "home_minutes": 20.0,
            "unknown_minutes": 580.0,
        },
    ),
    HandMadeDay(
        name="window: times are cut to milliseconds",
        rows=track("08:00:00.999999 0"),
        window=window("00:00", "10:00:00.123999"),
        expected={
            "document.window_end": "2026-01-25T10:00:00.123Z",
            "first_fix_at": "2026-01-25T08:00:00.999Z",
        },
    ),
    HandMadeDay(
        name="window: a day with a clock change has 25 hours",
        rows=[fix("00:30", 0, day=1)],
        window=(clock_us("00:00"), clock_us("01:00", day=1)),
        expected={"window_minutes": 1500.0, "fixes.usable": 1},
    ),
    HandMadeDay(
        name="window: one of no length has no fixes, no gaps, no trips and no coverage",
        rows=track("08:00 0"),
        before=[fix("23:50", 2, day=-1)],
        after=track("00:00 2"),
        window=window("00:00", "00:00"),
        expected={
            "fixes": {"read": 1, "usable": 0, "rejected": {"outside_window": 1}},
            "window_minutes": 0.0,
            "home_minutes": 0.0,
            "away_minutes": 0.0,
            "unknown_minutes": 0.0,
            "coverage": None,
            "trip_count": 0,
            "gap_count": 0,
        },
    ),
    HandMadeDay(
        name="window: a device without usable fixes has nulls for times and distances, 0 for paths",
        rows=track("08:00 0 20000"),
        expected={
            "fixes": {"read": 1, "usable": 0, "rejected": {"inaccurate": 1}},
            "first_fix_at": None,
            "last_fix_at": None,
            "unknown_minutes": 1440.0,
            "coverage": 0.0,
            "distance_from_home_km": NO_DISTANCES,
            "path_length_km": {"robust": 0.0, "raw": 0.0, "across_gaps": 0.0},
            "trip_count": 0,
            "trips": [],
            "gap_count": 0,
            "gaps": [],
        },
    ),
    HandMadeDay(
        name="window: home, away and unknown minutes add up",
        rows=track("08:00 0, 08:20 2, 08:40 2, 10:00 0, 10:15 0"),
        expected={
            "home_minutes": 35.0,
            "away_minutes": 20.0,
            "unknown_minutes": 1385.0,  # with the 80 minutes of the gap
            "coverage": 0.0382,  # 55 / 1440 = 0.03819
        },
    ),
)
