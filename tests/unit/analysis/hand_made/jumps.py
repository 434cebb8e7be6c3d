"""Jumps: detours that no traveller can make.

From 0 km to x and back the excess is 2x.
"""

from tests.unit.analysis.hand_made.builders import HandMadeDay, fix, track

NONE: dict[str, int] = {}

DAYS = (
    HandMadeDay(
        name="jump: an excess of 199.9 m is none, at any speed",
        rows=track("08:00:00 0, 08:00:01 0.09995, 08:00:02 0"),  # 360 km/h
        expected={"fixes": {"read": 3, "usable": 3, "rejected": NONE}},
    ),
    HandMadeDay(
        name="jump: an excess of 200.1 m at 360 km/h",
        rows=track("08:00:00 0, 08:00:01 0.10005, 08:00:02 0"),
        expected={"fixes": {"read": 3, "usable": 2, "rejected": {"jump": 1}}},
    ),
    HandMadeDay(
        name="jump: an excess of 2 km at 294 km/h is none",
        rows=track("08:00:00 0, 08:00:12 1, 08:00:24.5 0"),
        expected={"fixes.rejected": NONE},
    ),
    HandMadeDay(
        name="jump: an excess of 2 km at 313 km/h",
        rows=track("08:00:00 0, 08:00:12 1, 08:00:23 0"),
        expected={"fixes.rejected": {"jump": 1}},
    ),
    HandMadeDay(
        name="jump: jump_speed_kmh is the limit",
        rows=track("08:00:00 0, 08:00:12 1, 08:00:24.5 0"),  # 294 km/h
        parameters={"jump_speed_kmh": 290.5},
        expected={"fixes.rejected": {"jump": 1}},
    ),
    HandMadeDay(
        name="jump: the time is that between the neighbours",
        rows=track("08:00 0, 08:00:30 10, 08:05 0"),  # 1,200 km/h there, 240 km/h in all
        expected={"fixes.rejected": NONE},
    ),
    HandMadeDay(
        name="jump: both legs faster than 1,000 km/h, the excess of 300 m slower than the limit",
        rows=track("08:00:00 0, 08:00:36 10.005, 08:00:36.5 9.855"),  # 1,000.5 and 1,080 km/h, 30 km/h
        expected={"fixes": {"read": 3, "usable": 2, "rejected": {"jump": 1}}},
    ),
    HandMadeDay(
        name="jump: the second leg faster than 1,000 km/h is not enough",
        rows=track("08:00:00 0, 08:00:36 9.995, 08:00:36.5 9.845"),  # 999.5 and 1,080 km/h, 30 km/h
        expected={"fixes.rejected": NONE},
    ),
    HandMadeDay(
        name="jump: the first leg faster than 1,000 km/h is not enough",
        rows=track("08:00:00 0, 08:00:36 10.15, 08:00:36.6 9.9834"),  # 1,015 and 999.6 km/h, 33 km/h
        expected={"fixes.rejected": NONE},
    ),
    HandMadeDay(
        name="jump: straight travel has no excess at any speed",
        rows=track("08:00:00 0, 08:00:10 10, 08:00:20 20, 08:00:30 30"),  # 3,600 km/h
        expected={"fixes.rejected": NONE},
    ),
    HandMadeDay(
        name="jump: the first and the last candidate are none",
        rows=track("08:00:00 50, 08:00:10 0, 08:00:20 0, 08:00:30 50"),
        expected={"fixes": {"read": 4, "usable": 4, "rejected": NONE}},
    ),
    HandMadeDay(
        name="jump: a fix of another device is no neighbour",
        rows=[
            fix("08:00:00", 0),
            fix("08:00:10", 50),
            fix("08:00:20", 0, device="tablet"),
            fix("08:00:30", 0, device="watch"),
            fix("08:00:40", 50, device="watch2"),
            fix("08:00:50", 0, device="watch2"),
        ],
        expected={
            "document.devices.0.fixes": {"read": 2, "usable": 2, "rejected": NONE},
            "document.devices.3.fixes": {"read": 2, "usable": 2, "rejected": NONE},
        },
    ),
    HandMadeDay(
        name="jump: context is no neighbour",
        before=[fix("23:59:50", 0, day=-1)],
        rows=track("00:00 50, 00:00:10 0"),
        expected={"fixes.rejected": NONE},
    ),
    HandMadeDay(
        name="jump: context after the window is no neighbour",
        rows=track("23:59:40 0, 23:59:50 50"),
        after=[fix("00:00", 0, day=1)],
        expected={"fixes.rejected": NONE},
    ),
    HandMadeDay(
        name="jump: two bad fixes in a row protect each other",
        rows=track("08:00:00 0, 08:00:10 50, 08:00:20 50, 08:00:30 0"),
        expected={"fixes.rejected": NONE},
    ),
    HandMadeDay(
        name="jump: neighbours are candidates, jumps or not, so a good fix between two bad ones goes too",
        rows=track("08:00:00 0, 08:00:10 50, 08:00:20 0, 08:00:30 50, 08:00:40 0"),
        expected={"fixes": {"read": 5, "usable": 2, "rejected": {"jump": 3}}},
    ),
    HandMadeDay(
        name="jump: rejected rows are no neighbours",
        rows=track("08:00:00 0, 08:00:10 50, 08:00:15 50 20000, 08:00:20 0"),
        expected={"fixes.rejected": {"inaccurate": 1, "jump": 1}},
    ),
    HandMadeDay(
        name="jump: a jump has no part in path, percentiles and farthest",
        rows=track("08:00 0, 08:10 0.2, 08:10:10 50, 08:10:20 0.2, 08:20 0.2"),
        expected={
            "fixes.rejected": {"jump": 1},
            "path_length_km.raw": 0.2,
            "distance_from_home_km.p95": 0.2,
            "distance_from_home_km.farthest": 0.2,
        },
    ),
    HandMadeDay(
        name="jump: it confirms no run, not even as the seventh row, the last one of a block",
        rows=track("07:40 0, 07:45 0, 07:50 0, 07:55 0, 08:00 0, 08:05 2, 08:09 50, 08:13 0, 08:17 0"),
        expected={"fixes.rejected": {"jump": 1}, "home_minutes": 37.0, "away_minutes": 0.0},
    ),
)
