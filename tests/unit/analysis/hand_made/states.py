"""States: hysteresis, accuracy margins, and the dwell of runs."""

from tests.unit.analysis.hand_made.builders import HandMadeDay, clock_us, fix, raw, rfc3339, track
from tests.unit.analysis.places import at
from tests.unit.analysis.reference import Row


def rows_with_run_of(no_evidence: int) -> list[Row]:
    """Return rows with a fix at home, then a run: one fix away, fixes without evidence, and another fix away."""
    nowhere = at(0.4)
    first_us = clock_us("08:04")
    between: list[Row] = [
        ("phone", first_us + 1_000 * number, nowhere.latitude, nowhere.longitude, None) for number in range(no_evidence)
    ]
    return [*track("08:00 0, 08:02 2"), *between, *track("08:08 2")]


DAYS = (
    HandMadeDay(
        name="hysteresis: between the thresholds a device stays at home",
        rows=track("08:00 0, 08:20 0.4, 08:40 0.4"),
        expected={"home_minutes": 40.0, "away_minutes": 0.0},
    ),
    HandMadeDay(
        name="hysteresis: between the thresholds a device stays away",
        rows=track("08:00 2, 08:20 0.4, 08:40 0.4"),
        expected={"home_minutes": 0.0, "away_minutes": 40.0},
    ),
    HandMadeDay(
        name="hysteresis: the state is unknown before the first evidence, also afterwards",
        rows=track("08:00 0.4, 08:10 0.4, 08:20 0, 08:30 0"),
        expected={"home_minutes": 10.0, "unknown_minutes": 1430.0, "trip_count": 0},
    ),
    HandMadeDay(
        name="evidence: a millimetre within the home radius is at home",
        rows=track("08:00 0.299999, 08:20 0.299999"),
        expected={"home_minutes": 20.0},
    ),
    HandMadeDay(
        name="evidence: a millimetre beyond the home radius is none",
        rows=track("08:00 0.300001, 08:20 0.300001"),
        expected={"home_minutes": 0.0, "away_minutes": 0.0},
    ),
    HandMadeDay(
        name="evidence: a millimetre within the away threshold is none",
        rows=track("08:00 0.499999, 08:20 0.499999"),
        expected={"home_minutes": 0.0, "away_minutes": 0.0},
    ),
    HandMadeDay(
        name="evidence: a millimetre beyond the away threshold is away",
        rows=track("08:00 0.500001, 08:20 0.500001"),
        expected={"home_minutes": 0.0, "away_minutes": 20.0},
    ),
    HandMadeDay(
        name="evidence: with an away threshold of 0 only home itself is at home",
        rows=[raw("08:00", 50.0, 10.0), raw("08:20", 50.0, 10.0), fix("08:40", 0.001), fix("09:00", 0.001)],
        away_threshold_km=0,
        expected={"home_minutes": 40.0, "away_minutes": 20.0, "document.parameters.home_radius_km": 0},
    ),
    HandMadeDay(
        name="evidence: the home radius is at most the away threshold",
        rows=track("08:00 0.25, 08:20 0.25"),
        away_threshold_km=0.2,
        expected={
            "away_minutes": 20.0,
            "document.parameters.home_radius_km": 0.2,
            "document.parameters.away_threshold_km": 0.2,
        },
    ),
    HandMadeDay(
        name="accuracy: 0.2 km with 99 m is at home",
        rows=track("08:00 0.2 99, 08:20 0.2 99"),
        expected={"home_minutes": 20.0},
    ),
    HandMadeDay(
        name="accuracy: 0.2 km with 101 m is no evidence",
        rows=track("08:00 0.2 101, 08:20 0.2 101"),
        expected={"home_minutes": 0.0},
    ),
    HandMadeDay(
        name="accuracy: 0.9 km with 399 m is away",
        rows=track("08:00 0.9 399, 08:20 0.9 399"),
        expected={"away_minutes": 20.0},
    ),
    HandMadeDay(
        name="accuracy: 0.9 km with 401 m is no evidence",
        rows=track("08:00 0.9 401, 08:20 0.9 401"),
        expected={"away_minutes": 0.0},
    ),
    HandMadeDay(
        name="accuracy: null and 0 are unknown and give no margin",
        rows=track("08:00 0.51 0, 08:20 0.51, 08:40 0.51 0"),
        expected={"away_minutes": 40.0},
    ),
    HandMadeDay(
        name="dwell: a run of a microsecond less than dwell_seconds is not confirmed",
        rows=track("08:00 0, 08:01 2, 08:02 2, 08:03 2, 08:03:59.999999 2, 08:05 0, 08:06 0"),
        expected={"home_minutes": 6.0, "away_minutes": 0.0, "trip_count": 0},
    ),
    HandMadeDay(
        name="dwell: a run of exactly dwell_seconds is confirmed and dated back to its first fix",
        rows=track("08:00 0, 08:01 2, 08:04 2, 08:05 0, 08:06 0"),
        expected={
            "home_minutes": 2.0,
            "away_minutes": 4.0,
            "trip_count": 1,
            "trips.0.departed_after": rfc3339("08:00"),
            "trips.0.departed_at": rfc3339("08:01"),
            "trips.0.returned_after": rfc3339("08:04"),
            "trips.0.returned_at": rfc3339("08:05"),
        },
    ),
    HandMadeDay(
        name="dwell: fewer than dwell_fixes do not confirm",
        rows=track("08:00 0, 08:01 2, 08:05 2, 08:06 0, 08:07 0"),
        parameters={"dwell_fixes": 3},
        expected={"home_minutes": 7.0, "away_minutes": 0.0},
    ),
    HandMadeDay(
        name="dwell: dwell_fixes confirm",
        rows=track("08:00 0, 08:01 2, 08:05 2, 08:05:30 2, 08:06 0, 08:07 0"),
        parameters={"dwell_fixes": 3},
        expected={"home_minutes": 2.0, "away_minutes": 5.0},
    ),
    HandMadeDay(
        name="dwell: one fix and no seconds make a plain threshold with hysteresis",
        rows=track("08:00 0, 08:01 2, 08:02 0.4, 08:03 0, 08:04 0"),
        parameters={"dwell_fixes": 1, "dwell_seconds": 0},
        expected={"home_minutes": 2.0, "away_minutes": 2.0},
    ),
    HandMadeDay(
        name="dwell: dwell_seconds may be a fraction",
        rows=track("08:00 0.2, 08:01 0.6, 08:01:01.5 0.6, 08:02 0.2, 08:03 0.2"),
        parameters={"dwell_seconds": 1.5},
        expected={"home_minutes": 2.0, "away_minutes": 1.0},
    ),
    HandMadeDay(
        name="dwell: a run shorter than a fraction of dwell_seconds",
        rows=track("08:00 0.2, 08:01 0.6, 08:01:01.499999 0.6, 08:02 0.2, 08:03 0.2"),
        parameters={"dwell_seconds": 1.5},
        expected={"home_minutes": 3.0, "away_minutes": 0.0},
    ),
    HandMadeDay(
        name="run: evidence for the current state ends it",
        rows=track("08:00 0, 08:01 2, 08:03 0, 08:04 2, 08:06 2, 08:07 0, 08:08 0"),
        expected={"home_minutes": 8.0, "away_minutes": 0.0},
    ),
    HandMadeDay(
        name="run: fixes without evidence do not interrupt, and change their state with it",
        rows=track("08:00 0, 08:01 2, 08:02 0.4, 08:04 2, 08:05 0, 08:06 0"),
        expected={"home_minutes": 2.0, "away_minutes": 4.0, "trip_count": 1},
    ),
    HandMadeDay(
        name="run: fixes without evidence do not count",
        rows=track("08:00 0, 08:01 2, 08:02 0.4, 08:04 2, 08:05 0, 08:06 0"),
        parameters={"dwell_fixes": 3},
        expected={"home_minutes": 6.0, "away_minutes": 0.0},
    ),
    HandMadeDay(
        name="run: a fix without evidence before it keeps its state",
        rows=track("08:00 0, 08:05 0.4, 08:06 2, 08:10 2"),
        expected={
            "home_minutes": 6.0,
            "away_minutes": 4.0,
            "trips.0.departed_after": rfc3339("08:05"),
            "trips.0.departed_at": rfc3339("08:06"),
        },
    ),
    HandMadeDay(
        name="undisturbed: a sure fix confirms if the next one is 600 seconds later",
        rows=track("08:00 0, 08:05 2, 08:15 0, 08:20 0"),
        expected={"home_minutes": 10.0, "away_minutes": 10.0},
    ),
    HandMadeDay(
        name="undisturbed: a microsecond less does not confirm",
        rows=track("08:00 0, 08:05 2, 08:14:59.999999 0, 08:20 0"),
        expected={"home_minutes": 20.0, "away_minutes": 0.0},
    ),
    HandMadeDay(
        name="undisturbed: the next fix needs no evidence to disturb",
        rows=track("08:00 0, 08:05 2, 08:10 0.4, 08:30 0, 08:35 0"),
        expected={"home_minutes": 35.0, "away_minutes": 0.0},
    ),
    HandMadeDay(
        name="undisturbed: a rejected row and a jump do not disturb",
        rows=track("08:00 0, 08:05 2, 08:05:30 2 20000, 08:06 50, 08:20 0, 08:25 0"),
        expected={"fixes.rejected": {"inaccurate": 1, "jump": 1}, "home_minutes": 10.0, "away_minutes": 15.0},
    ),
    HandMadeDay(
        name="undisturbed: it confirms whatever the dwell is",
        rows=track("08:00 0, 08:05 2, 08:20 0, 08:25 0"),
        parameters={"dwell_fixes": 1_000, "dwell_seconds": 86_400},
        expected={"home_minutes": 10.0, "away_minutes": 15.0},
    ),
    HandMadeDay(
        name="undisturbed: the last fix of the device has no next one",
        rows=track("23:50 0, 23:58 2"),
        expected={"home_minutes": 8.0, "distance_from_home_km.farthest": 2.0},
    ),
    HandMadeDay(
        name="sure: away with twice the accuracy of 200 m",
        rows=track("08:00 0, 08:05 1 200, 08:20 0, 08:25 0"),
        expected={"home_minutes": 10.0, "away_minutes": 15.0},
    ),
    HandMadeDay(
        name="sure: not away with twice the accuracy of 300 m",
        rows=track("08:00 0, 08:05 1 300, 08:20 0, 08:25 0"),
        expected={"home_minutes": 25.0, "away_minutes": 0.0},
    ),
    HandMadeDay(
        name="sure: at home with twice the accuracy of 90 m",
        rows=track("08:00 2, 08:10 0.1 90, 08:25 2, 08:30 2"),
        expected={"home_minutes": 15.0, "away_minutes": 15.0},
    ),
    HandMadeDay(
        name="sure: not at home with twice the accuracy of 150 m",
        rows=track("08:00 2, 08:10 0.1 150, 08:25 2, 08:30 2"),
        expected={"home_minutes": 0.0, "away_minutes": 30.0},
    ),
    HandMadeDay(
        name="sure: the newest fix of a run confirms all of it",
        rows=track("08:00 0, 08:05 1 300, 08:06 2, 08:20 0, 08:25 0"),
        expected={"home_minutes": 10.0, "away_minutes": 15.0, "trips.0.departed_at": rfc3339("08:05")},
    ),
    HandMadeDay(
        name="contradicting: a fix that changes no state is not the farthest, but counts for percentiles",
        rows=track("08:00 0, 08:10 5, 08:11 0.1, 08:20 0.1"),
        expected={
            "trip_count": 0,
            "home_minutes": 20.0,
            "distance_from_home_km.farthest": 0.1,
            "distance_from_home_km.farthest_at": rfc3339("08:11"),
            "distance_from_home_km.p95": 5.0,
            "path_length_km.robust": 0.1,
            "path_length_km.raw": 9.9,
        },
    ),
    HandMadeDay(
        name="given up: the 65,536th usable fix after its first still confirms a run",
        rows=[*rows_with_run_of(65_535), *track("08:09 0, 08:10 0")],
        expected={"fixes.usable": 65_540, "home_minutes": 3.0, "away_minutes": 7.0, "trip_count": 1},
    ),
    HandMadeDay(
        name="given up: a later fix begins a new run",
        rows=[*rows_with_run_of(65_536), *track("08:09 0, 08:10 0")],
        expected={"fixes.usable": 65_541, "home_minutes": 10.0, "away_minutes": 0.0, "trip_count": 0},
    ),
    HandMadeDay(
        name="given up: the new run is confirmed like any other",
        rows=[*rows_with_run_of(65_536), *track("08:11 2, 08:12 0, 08:13 0")],
        expected={"home_minutes": 9.0, "away_minutes": 4.0, "trip_count": 1, "trips.0.departed_at": rfc3339("08:08")},
    ),
)
