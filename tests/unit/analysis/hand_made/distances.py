"""Farthest fix, paths, percentiles and the time-weighted mean."""

from tests.unit.analysis.hand_made.builders import HandMadeDay, fix, rfc3339, track

DAYS = (
    HandMadeDay(
        name="farthest: the greatest distance less accuracy",
        rows=track("08:00 3 1000, 08:20 2.5"),
        expected={"distance_from_home_km.farthest": 2.5, "distance_from_home_km.farthest_at": rfc3339("08:20")},
    ),
    HandMadeDay(
        name="farthest: the distance itself is shown",
        rows=track("08:00 3 100, 08:20 2.5"),
        expected={"distance_from_home_km.farthest": 3.0, "distance_from_home_km.farthest_at": rfc3339("08:00")},
    ),
    HandMadeDay(
        name="farthest: the first on ties, in any direction",
        rows=track("08:00 1, 08:20 2, 09:00 -2, 10:00 2"),
        expected={"distance_from_home_km.farthest": 2.0, "distance_from_home_km.farthest_at": rfc3339("08:20")},
    ),
    HandMadeDay(
        name="farthest: distances that are equal to the millimetre are a tie",
        rows=track("08:00 2, 08:20 2.0000004"),
        expected={"distance_from_home_km.farthest_at": rfc3339("08:00")},
    ),
    HandMadeDay(
        name="farthest: a millimetre more is farther",
        rows=track("08:00 2, 08:20 2.000001"),
        expected={
            "distance_from_home_km.farthest": 2.000001,
            "distance_from_home_km.farthest_at": rfc3339("08:20"),
        },
    ),
    HandMadeDay(
        name="farthest: nearer than its accuracy is possible",
        rows=track("08:00 0.1 150, 08:20 0.2 300"),
        expected={"distance_from_home_km.farthest": 0.1},
    ),
    HandMadeDay(
        name="kilometres have six decimals",
        rows=track("08:00 0, 08:20 1.23456749"),
        expected={"distance_from_home_km.farthest": 1.234567, "path_length_km.raw": 1.234567},
    ),
    HandMadeDay(
        name="robust path: a phone at rest travels nothing",
        rows=track("08:00 0, 08:10 0.049, 08:20 0, 08:30 -0.049, 08:40 0"),
        expected={"path_length_km": {"robust": 0.0, "raw": 0.196, "across_gaps": 0.0}},
    ),
    HandMadeDay(
        name="robust path: a slow drift counts from the anchor on",
        rows=track("08:00 0, 08:10 0.04, 08:20 0.06, 08:30 0.06"),
        expected={"path_length_km.robust": 0.06},
    ),
    HandMadeDay(
        name="robust path: an excursion that is back within 1,200 seconds is none",
        rows=track("08:00 0, 08:10 0.2, 08:29:59.999999 0"),
        expected={"path_length_km.robust": 0.0, "path_length_km.raw": 0.4},
    ),
    HandMadeDay(
        name="robust path: excursions are none at any position in a block",
        rows=[fix(f"{4 * n // 60:02}:{4 * n % 60:02}", 0.1 if n % 15 == 4 else 0) for n in range(105)],
        expected={"path_length_km.robust": 0.0, "path_length_km.raw": 1.4},
    ),
    HandMadeDay(
        name="robust path: an excursion that is back after 1,200 seconds counts",
        rows=track("08:00 0, 08:10 0.2, 08:30 0"),
        expected={"path_length_km.robust": 0.4},
    ),
    HandMadeDay(
        name="robust path: an excursion of another state counts",
        rows=track("08:00 0, 08:10 2, 08:20 0, 08:30 0"),
        expected={"path_length_km.robust": 4.0},
    ),
    HandMadeDay(
        name="robust path: the accuracy of the next fix decides whether it is back",
        rows=track("08:00 0, 08:10 0.2, 08:20 0.25 260, 08:30 0.2"),  # 08:20 may be at the anchor
        expected={"path_length_km.robust": 0.2},
    ),
    HandMadeDay(
        name="robust path: a contradicting fix is not the next one",
        rows=track("08:00 0, 08:10 0.2, 08:11 5, 08:20 0"),
        expected={"path_length_km.robust": 0.0, "path_length_km.raw": 10.0},
    ),
    HandMadeDay(
        name="robust path: the state of the next fix is that after dating back",
        before=[fix("23:55", 0, day=-1)],
        # The fix at 0.7 km is near the first one, but the run that it begins is confirmed at 00:19.
        rows=track("00:05 0.4 300, 00:10 -0.25 10, 00:15 0.7 190, 00:19 2, 00:25 2"),
        expected={"trips.0.departed_at": rfc3339("00:15"), "path_length_km.robust": 2.9},  # 0.65 + 0.95 + 1.3
    ),
    HandMadeDay(
        name="robust path: accuracies of 300 m together hide 250 m",
        rows=track("08:00 0 100, 08:10 0.25 200, 08:20 0.25 200"),
        expected={"path_length_km.robust": 0.0, "path_length_km.raw": 0.25},
    ),
    HandMadeDay(
        name="robust path: accuracies of 240 m together do not hide 250 m",
        rows=track("08:00 0 100, 08:10 0.25 140, 08:20 0.25 140"),
        expected={"path_length_km.robust": 0.25},
    ),
    HandMadeDay(
        name="robust path: a more accurate fix of the same place replaces the anchor",
        rows=track("08:00 0 400, 08:10 0.3 20, 08:20 0.36 20, 08:30 0.36 20"),
        expected={"path_length_km.robust": 0.06},  # from 0.3 to 0.36
    ),
    HandMadeDay(
        name="robust path: a fix of unknown accuracy replaces the anchor",
        rows=track("08:00 0 400, 08:10 0.3, 08:20 0.36, 08:30 0.36"),
        expected={"path_length_km.robust": 0.06},
    ),
    HandMadeDay(
        name="robust path: a fix of equal accuracy does not replace the anchor",
        rows=track("08:00 0 400, 08:10 0.3 400, 08:20 0.86 400, 08:30 0.86 400"),
        expected={"path_length_km.robust": 0.86},
    ),
    HandMadeDay(
        name="robust path: an anchor of 50 m is not replaced",
        rows=track("08:00 0 50, 08:10 0.04 5, 08:20 0.06 5, 08:30 0.06 5"),
        expected={"path_length_km.robust": 0.06},
    ),
    HandMadeDay(
        name="robust path: an anchor of 51 m is replaced",
        rows=track("08:00 0 51, 08:10 0.04 5, 08:20 0.06 5, 08:30 0.06 5"),
        expected={"path_length_km.robust": 0.0},
    ),
    HandMadeDay(
        name="robust path: a more accurate fix of another place does not replace the anchor",
        rows=track("08:00 0 100, 08:10 0.2 5, 08:20 0 100, 08:30 0 100"),
        expected={"path_length_km.robust": 0.0},
    ),
    HandMadeDay(
        name="across_gaps: an inferred stay is a gap too",
        rows=track("08:00 0, 09:00 0.1, 09:10 0.15"),
        expected={"path_length_km.raw": 0.15, "path_length_km.across_gaps": 0.1},
    ),
    HandMadeDay(
        name="paths and percentiles are those of each device",
        rows=[
            fix("08:00", 0),
            fix("08:01", 0.2, device="tablet"),
            fix("08:02", 0.1),
            fix("08:03", 0.2, device="tablet"),
        ],
        expected={
            "document.devices.0.path_length_km.raw": 0.1,
            "document.devices.1.path_length_km.raw": 0.0,
            "document.devices.0.distance_from_home_km.p95": 0.1,
            "document.devices.1.distance_from_home_km.median": 0.2,
        },
    ),
    HandMadeDay(
        name="percentiles: the 10th and the 19th of 20 fixes",
        rows=[fix(f"08:{number:02d}", number / 100) for number in range(1, 21)],
        expected={"distance_from_home_km.median": 0.1, "distance_from_home_km.p95": 0.19},
    ),
    HandMadeDay(
        name="percentiles: the 11th and the 20th of 21 fixes",
        rows=[fix(f"08:{number:02d}", number / 100) for number in range(1, 22)],
        expected={"distance_from_home_km.median": 0.11, "distance_from_home_km.p95": 0.2},
    ),
    HandMadeDay(
        name="percentiles: the lower of two fixes is the median",
        rows=track("08:00 0.2, 08:10 0.1"),
        expected={"distance_from_home_km.median": 0.1, "distance_from_home_km.p95": 0.2},
    ),
    HandMadeDay(
        name="percentiles: distances of a few metres differ",
        rows=track("08:00 0.002, 08:10 0.005, 08:20 0.009"),
        expected={"distance_from_home_km.median": 0.005, "distance_from_home_km.p95": 0.009},
    ),
    HandMadeDay(
        name="time percentiles: half of each interval at either end",
        rows=track("08:00 0, 08:01 0, 08:02 0.2, 08:32 0.2"),  # 0.5 and 1 minutes at 0 km, 15.5 and 15 at 0.2 km
        expected={
            "distance_from_home_km.median": 0.0,
            "distance_from_home_km.time_median": 0.2,
            "distance_from_home_km.time_p95": 0.2,
            "distance_from_home_km.time_weighted_mean": 0.190625,  # (1 · 0 + 1 · 0.1 + 30 · 0.2) / 32
        },
    ),
    HandMadeDay(
        name="time percentiles: exactly half of the weight is enough",
        rows=track("08:00 0.1, 08:10 0.2"),
        expected={"distance_from_home_km.time_median": 0.1, "distance_from_home_km.time_weighted_mean": 0.15},
    ),
    HandMadeDay(
        name="time percentiles: the part in the window of an interval to context is at the fix inside",
        before=[fix("23:50", 0.2, day=-1)],
        rows=track("00:10 0.1, 00:20 0"),
        expected={
            "distance_from_home_km.time_median": 0.1,  # 15 of 20 minutes
            "distance_from_home_km.time_weighted_mean": 0.075,  # (10 · 0.1 + 10 · 0.05) / 20
        },
    ),
    HandMadeDay(
        name="time percentiles: all of the interval from the context before counts for the fix inside",
        before=[fix("23:50", 0, day=-1)],
        rows=track("00:10 0.1, 00:20 0, 00:27 0"),  # 10 and 5 minutes at 0.1 km, 5 and 7 at 0 km
        expected={"distance_from_home_km.time_median": 0.1},
    ),
    HandMadeDay(
        name="time percentiles: all of the interval to the context after counts for the fix inside",
        rows=track("23:33 0, 23:40 0, 23:50 0.1"),  # 7 and 5 minutes at 0 km, 5 and 10 at 0.1 km
        after=[fix("00:10", 0, day=1)],
        expected={"distance_from_home_km.time_median": 0.1},
    ),
    HandMadeDay(
        name="time percentiles: an interval to the context after the window",
        rows=track("23:40 0, 23:50 0.2"),
        after=[fix("00:10", 0.1, day=1)],
        expected={
            "distance_from_home_km.time_median": 0.2,
            "distance_from_home_km.time_weighted_mean": 0.15,  # (10 · 0.1 + 10 · 0.2) / 20
        },
    ),
    HandMadeDay(
        name="time percentiles: unknown time has no weight",
        rows=track("08:00 0, 08:10 0, 10:00 0.25, 10:01 0.25, 13:00 2"),
        expected={
            "distance_from_home_km.time_median": 0.0,  # 10 of 11 minutes
            "distance_from_home_km.time_p95": 0.25,
            "distance_from_home_km.time_weighted_mean": 0.022727,
        },
    ),
    HandMadeDay(
        name="time percentiles: an inferred stay has weight",
        rows=track("08:00 0, 08:10 0, 10:00 0.15"),  # 5 and 60 minutes at 0 km, 55 at 0.15 km
        expected={
            "distance_from_home_km.time_median": 0.0,
            "distance_from_home_km.time_p95": 0.15,
            "distance_from_home_km.time_weighted_mean": 0.06875,  # 110 · 0.075 / 120
        },
    ),
    HandMadeDay(
        name="time percentiles: null without known time",
        rows=track("08:00 0.1"),
        expected={
            "distance_from_home_km.median": 0.1,
            "distance_from_home_km.time_median": None,
            "distance_from_home_km.time_p95": None,
            "distance_from_home_km.time_weighted_mean": None,
        },
    ),
)
