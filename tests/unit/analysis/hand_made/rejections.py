"""Reasons to reject a row, and their precedence."""

import math

from tests.unit.analysis.hand_made.builders import HandMadeDay, fix, raw, track

HOME_AT_8 = fix("08:00", 0)
HOME_AT_9 = fix("09:00", 0)

DAYS = (
    HandMadeDay(
        name="missing: latitude is null",
        rows=[HOME_AT_8, raw("08:01", None, 10.0), HOME_AT_9],
        expected={"fixes": {"read": 3, "usable": 2, "rejected": {"missing": 1}}},
    ),
    HandMadeDay(
        name="missing: longitude is null",
        rows=[HOME_AT_8, raw("08:01", 50.0, None), HOME_AT_9],
        expected={"fixes": {"read": 3, "usable": 2, "rejected": {"missing": 1}}},
    ),
    HandMadeDay(
        name="missing: longitude is not a number",
        rows=[HOME_AT_8, raw("08:01", 50.0, math.nan), HOME_AT_9],
        expected={"fixes": {"read": 3, "usable": 2, "rejected": {"missing": 1}}},
    ),
    HandMadeDay(
        name="missing comes before out_of_range",
        rows=[HOME_AT_8, raw("08:01", math.nan, math.inf), raw("08:02", 91.0, None)],
        expected={"fixes.rejected": {"missing": 2}},
    ),
    HandMadeDay(
        name="out_of_range: latitude above 90, longitude below -180",
        rows=[HOME_AT_8, raw("08:01", 90.000001, 10.0), raw("08:02", 50.0, -180.000001)],
        expected={"fixes.rejected": {"out_of_range": 2}},
    ),
    HandMadeDay(
        name="out_of_range: infinite coordinates",
        rows=[HOME_AT_8, raw("08:01", math.inf, 10.0), raw("08:02", 50.0, -math.inf)],
        expected={"fixes.rejected": {"out_of_range": 2}},
    ),
    HandMadeDay(
        name="out_of_range: 90 and 180 degrees are in range",
        rows=[raw("08:00", -90.0, 180.0)],
        expected={"fixes": {"read": 1, "usable": 1, "rejected": {}}},
    ),
    HandMadeDay(
        name="out_of_range: 90 and 180 degrees are in range, also beside a row that is not",
        rows=[raw("08:00", -90.0, 10.0), raw("08:01", 91.0, 10.0), raw("08:02", -90.0, 180.0)],
        expected={"fixes": {"read": 3, "usable": 2, "rejected": {"out_of_range": 1}}},
    ),
    HandMadeDay(
        name="out_of_range comes before invalid_accuracy and inaccurate",
        rows=[HOME_AT_8, raw("08:01", 91.0, 10.0, -1), raw("08:02", 91.0, 10.0, 20_000)],
        expected={"fixes.rejected": {"out_of_range": 2}},
    ),
    HandMadeDay(
        name="null_island: both coordinates are zero, negative zero too",
        rows=[HOME_AT_8, raw("08:01", 0.0, 0.0), raw("08:02", -0.0, 0.0)],
        expected={"fixes.rejected": {"null_island": 2}},
    ),
    HandMadeDay(
        name="null_island: one coordinate of zero is a place",
        rows=[raw("08:00", 0.0, 10.0)],
        expected={"fixes": {"read": 1, "usable": 1, "rejected": {}}},
    ),
    HandMadeDay(
        name="null_island comes before invalid_accuracy",
        rows=[HOME_AT_8, raw("08:01", 0.0, 0.0, -1)],
        expected={"fixes.rejected": {"null_island": 1}},
    ),
    HandMadeDay(
        name="invalid_accuracy: below zero",
        rows=[HOME_AT_8, fix("08:01", 0, -1), HOME_AT_9],
        expected={"fixes": {"read": 3, "usable": 2, "rejected": {"invalid_accuracy": 1}}},
    ),
    HandMadeDay(
        name="invalid_accuracy comes before outside_window",
        rows=[HOME_AT_8, fix("08:01", 0, -1, day=1)],
        expected={"fixes.rejected": {"invalid_accuracy": 1}},
    ),
    HandMadeDay(
        name="inaccurate: above the maximum, which itself is usable",
        rows=track("08:00 0, 08:01 0 10000, 08:02 0 10001"),
        expected={"fixes": {"read": 3, "usable": 2, "rejected": {"inaccurate": 1}}},
    ),
    HandMadeDay(
        name="inaccurate: the maximum may be a fraction",
        rows=track("08:00 0 99, 08:01 0 100"),
        parameters={"max_accuracy_m": 99.5},
        expected={"fixes": {"read": 2, "usable": 1, "rejected": {"inaccurate": 1}}},
    ),
    HandMadeDay(
        name="inaccurate comes before outside_window",
        rows=[HOME_AT_8, fix("08:01", 0, 20_000, day=-1)],
        expected={"fixes.rejected": {"inaccurate": 1}},
    ),
    HandMadeDay(
        name="outside_window: the start is inside, the end is not",
        rows=[
            fix("23:59:59.999999", 0, day=-1),
            fix("00:00", 0),
            fix("23:59:59.999999", 0),
            fix("00:00", 0, day=1),
        ],
        expected={"fixes": {"read": 4, "usable": 2, "rejected": {"outside_window": 2}}},
    ),
    HandMadeDay(
        name="outside_window comes before duplicate and out_of_order",
        rows=[HOME_AT_8, fix("10:00", 0, day=-1), fix("10:00", 0, day=-1)],
        expected={"fixes.rejected": {"outside_window": 2}},
    ),
    HandMadeDay(
        name="duplicate: each row with the time of the previous candidate, wherever it is",
        rows=track("08:00 0, 08:00 0, 08:00 7"),
        expected={"fixes": {"read": 3, "usable": 1, "rejected": {"duplicate": 2}}},
    ),
    HandMadeDay(
        name="duplicate: the previous candidate may be a jump",
        rows=track("08:00 0, 08:01 50, 08:01 0, 08:02 0"),
        expected={"fixes": {"read": 4, "usable": 2, "rejected": {"duplicate": 1, "jump": 1}}},
    ),
    HandMadeDay(
        name="duplicate: rejected rows are not compared with",
        rows=track("08:00 0, 08:01 0 20000, 08:01 0"),
        expected={"fixes": {"read": 3, "usable": 2, "rejected": {"inaccurate": 1}}},
    ),
    HandMadeDay(
        name="duplicate: devices are independent",
        rows=[HOME_AT_8, fix("08:00", 0, device="tablet"), fix("07:00", 0, device="watch")],
        expected={
            "document.devices.0.fixes": {"read": 1, "usable": 1, "rejected": {}},
            "document.devices.1.fixes": {"read": 1, "usable": 1, "rejected": {}},
            "document.devices.2.fixes": {"read": 1, "usable": 1, "rejected": {}},
        },
    ),
    HandMadeDay(
        name="out_of_order: before the previous candidate",
        rows=track("08:00 0, 07:59:59.999999 0, 08:01 0"),
        expected={"fixes": {"read": 3, "usable": 2, "rejected": {"out_of_order": 1}}},
    ),
    HandMadeDay(
        name="out_of_order: all rows but the first",
        rows=track("08:00 0, 07:30 0, 07:00 0"),
        expected={"fixes": {"read": 3, "usable": 1, "rejected": {"out_of_order": 2}}},
    ),
    HandMadeDay(
        name="out_of_order: a rejected row is no candidate to compare with",
        rows=track("08:00 0, 07:00 0, 07:30 0, 08:00 0, 08:01 0"),
        expected={"fixes": {"read": 5, "usable": 2, "rejected": {"duplicate": 1, "out_of_order": 2}}},
    ),
    HandMadeDay(
        name="out_of_order: an inaccurate row of the future rejects nothing",
        rows=track("08:00 0, 20:00 0 20000, 09:00 0"),
        expected={"fixes": {"read": 3, "usable": 2, "rejected": {"inaccurate": 1}}},
    ),
    HandMadeDay(
        name="out_of_order: one fix of the future rejects the rest",
        rows=track("08:00 0, 20:00 0, 09:00 0, 10:00 0"),
        expected={
            "fixes": {"read": 4, "usable": 2, "rejected": {"out_of_order": 2}},
            "last_fix_at": "2026-01-25T20:00:00.000Z",
        },
    ),
    HandMadeDay(
        name="rejected rows have no part in path, percentiles and farthest",
        rows=track("08:00 0, 08:05 7 20000, 08:10 0.1, 08:10 9, 08:09 9, 08:15 9 -1, 08:20 0.2"),
        expected={
            "fixes.rejected": {"invalid_accuracy": 1, "inaccurate": 1, "duplicate": 1, "out_of_order": 1},
            "path_length_km.raw": 0.2,
            "path_length_km.robust": 0.2,
            "distance_from_home_km.p95": 0.2,
            "distance_from_home_km.farthest": 0.2,
        },
    ),
)
