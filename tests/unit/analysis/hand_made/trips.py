"""Trips: their times, their edges, and what is said of them."""

from tests.unit.analysis.hand_made.builders import HandMadeDay, fix, rfc3339, track, window

DAYS = (
    HandMadeDay(
        name="trip: departure, return, unknown time, farthest fix and path",
        rows=track("08:00 0, 08:10 5, 08:20 5, 10:20 8, 10:30 8, 10:40 0"),
        expected={
            "home_minutes": 10.0,
            "away_minutes": 30.0,
            "unknown_minutes": 1400.0,
            "trip_count": 1,
            "trips": [
                {
                    "departed_after": rfc3339("08:00"),
                    "departed_at": rfc3339("08:10"),
                    "returned_after": rfc3339("10:30"),
                    "returned_at": rfc3339("10:40"),
                    "minutes": 150.0,
                    "unknown_minutes": 120.0,
                    "farthest_km": 8.0,
                    "farthest_at": rfc3339("10:20"),
                    "path_length_km": 16.0,
                }
            ],
            "path_length_km": {"robust": 16.0, "raw": 16.0, "across_gaps": 3.0},
        },
    ),
    HandMadeDay(
        name="trip: two in order of time, with the legs that end in each",
        rows=track("08:00 0, 08:10 2, 08:20 0, 08:30 3, 08:40 0, 08:50 0"),
        expected={
            "trip_count": 2,
            "home_minutes": 30.0,
            "away_minutes": 20.0,
            "trips.0.farthest_km": 2.0,
            "trips.0.path_length_km": 4.0,
            "trips.1.farthest_km": 3.0,
            "trips.1.path_length_km": 6.0,
            "path_length_km.robust": 10.0,
        },
    ),
    HandMadeDay(
        name="trip: open at the start of the window",
        before=[fix("23:50", 2, day=-1)],
        rows=track("00:10 3, 00:20 0, 00:30 0"),
        expected={
            "trips.0.departed_after": None,
            "trips.0.departed_at": None,
            "trips.0.returned_after": rfc3339("00:10"),
            "trips.0.returned_at": rfc3339("00:20"),
            "trips.0.minutes": 20.0,
            "trips.0.path_length_km": 3.0,
        },
    ),
    HandMadeDay(
        name="trip: departed at the first fix of the window, after a context fix",
        before=[fix("23:50", 0, day=-1)],
        rows=track("00:05 2, 00:10 2"),
        expected={
            "home_minutes": 5.0,
            "away_minutes": 5.0,
            "trips.0.departed_after": "2026-01-24T23:50:00.000Z",
            "trips.0.departed_at": rfc3339("00:05"),
        },
    ),
    HandMadeDay(
        name="trip: departed at the very start of the window",
        before=[fix("23:50", 0, day=-1)],
        rows=track("00:00 2, 00:10 2"),
        expected={
            "home_minutes": 0.0,
            "trips.0.departed_after": "2026-01-24T23:50:00.000Z",
            "trips.0.departed_at": rfc3339("00:00"),
            "trips.0.minutes": 10.0,
        },
    ),
    HandMadeDay(
        name="trip: back after the window, so its return is null and it lasts to the end",
        rows=track("23:40 0, 23:45 2, 23:50 2"),
        after=[fix("00:05", 0, day=1)],
        expected={
            "home_minutes": 5.0,
            "away_minutes": 15.0,
            "trips.0.departed_at": rfc3339("23:45"),
            "trips.0.returned_after": None,
            "trips.0.returned_at": None,
            "trips.0.minutes": 15.0,
        },
    ),
    HandMadeDay(
        name="trip: back at the end of the window, which is not in it",
        rows=track("23:40 0, 23:45 2, 23:50 2"),
        after=[fix("00:00", 0, day=1)],
        expected={
            "away_minutes": 15.0,
            "trips.0.returned_after": None,
            "trips.0.returned_at": None,
            "trips.0.minutes": 15.0,
        },
    ),
    HandMadeDay(
        name="trip: still away after the window, so it lasts to the end",
        rows=track("23:40 0, 23:45 2, 23:50 2"),
        after=[fix("00:05", 2, day=1)],
        expected={"away_minutes": 15.0, "trips.0.returned_at": None, "trips.0.minutes": 15.0},
    ),
    HandMadeDay(
        name="trip: without a fix after it, it lasts to its last fix",
        rows=track("23:30 0, 23:35 2, 23:50 2"),
        expected={
            "away_minutes": 15.0,
            "trips.0.returned_after": None,
            "trips.0.returned_at": None,
            "trips.0.minutes": 15.0,
            "trips.0.unknown_minutes": 0.0,
        },
    ),
    HandMadeDay(
        name="trip: the first evidence is away, so its departure is null",
        rows=track("08:00 2, 08:10 2, 08:20 0, 08:30 0"),
        expected={
            "trips.0.departed_after": None,
            "trips.0.departed_at": None,
            "trips.0.returned_after": rfc3339("08:10"),
            "trips.0.returned_at": rfc3339("08:20"),
            "trips.0.minutes": 20.0,
        },
    ),
    HandMadeDay(
        name="trip: unknown before it, so its departure is null",
        rows=track("08:00 0.4, 08:10 2, 08:20 2"),
        expected={
            "unknown_minutes": 1430.0,
            "trips.0.departed_after": None,
            "trips.0.departed_at": None,
            "trips.0.minutes": 10.0,
        },
    ),
    HandMadeDay(
        name="trip: one of no length is none, at the end",
        rows=track("23:50 0, 23:58 2"),
        expected={"trip_count": 0, "trips": [], "away_minutes": 0.0},
    ),
    HandMadeDay(
        name="trip: one of no length is none, at the start",
        before=[fix("23:50", 2, day=-1)],
        rows=track("00:00 0, 00:10 0"),
        expected={"trip_count": 0, "away_minutes": 0.0, "home_minutes": 10.0},
    ),
    HandMadeDay(
        name="trip: one of no length is none, before the window without a fix after it",
        before=[fix("23:50", 2, day=-1)],
        rows=track("00:10 2 20000"),
        expected={"trip_count": 0, "away_minutes": 0.0, "unknown_minutes": 1440.0},
    ),
    HandMadeDay(
        name="trip: one of no length is none, after the window",
        rows=track("23:50 0"),
        after=[fix("00:10", 2, day=1)],
        expected={"trip_count": 0, "home_minutes": 10.0},
    ),
    HandMadeDay(
        name="trip: without fixes in the window it has no farthest fix",
        before=[fix("23:55", 2, day=-1)],
        rows=track("00:10 2 20000"),
        after=track("00:25 2"),
        window=window("00:00", "00:20"),
        expected={
            "away_minutes": 20.0,
            "trips": [
                {
                    "departed_after": None,
                    "departed_at": None,
                    "returned_after": None,
                    "returned_at": None,
                    "minutes": 20.0,
                    "unknown_minutes": 0.0,
                    "farthest_km": None,
                    "farthest_at": None,
                    "path_length_km": 0.0,
                }
            ],
        },
    ),
    HandMadeDay(
        name="trip: with nothing but contradicting fixes in the window it has no farthest fix",
        before=[fix("23:55", 2, day=-1)],
        rows=track("00:01 0.1 150"),  # evidence of home, not sure
        after=track("00:20 2"),
        window=window("00:00", "00:20"),
        expected={
            "away_minutes": 20.0,
            "trips.0.farthest_km": None,
            "trips.0.farthest_at": None,
            "distance_from_home_km.farthest": None,
            "distance_from_home_km.farthest_at": None,
            "distance_from_home_km.median": 0.1,
        },
    ),
    HandMadeDay(
        name="trip: the gap before the return is unknown time of the trip",
        rows=track("08:00 0, 08:10 2, 09:10 0, 09:20 0"),
        expected={
            "home_minutes": 20.0,
            "away_minutes": 0.0,
            "unknown_minutes": 1420.0,
            "trips.0.minutes": 60.0,
            "trips.0.unknown_minutes": 60.0,
        },
    ),
    HandMadeDay(
        name="trip: the gap before the departure is no time of the trip",
        rows=track("08:00 0, 09:00 2, 09:10 2"),
        expected={
            "home_minutes": 0.0,
            "away_minutes": 10.0,
            "trips.0.departed_after": rfc3339("08:00"),
            "trips.0.departed_at": rfc3339("09:00"),
            "trips.0.minutes": 10.0,
            "trips.0.unknown_minutes": 0.0,
        },
    ),
    HandMadeDay(
        name="trip: the leg to the return is part of it, the next one is not",
        rows=track("08:00 0, 08:10 2, 08:20 2, 08:30 0.2, 08:50 0, 09:00 0, 09:10 0, 09:20 0"),
        expected={"trips.0.returned_at": rfc3339("08:30"), "trips.0.path_length_km": 3.8, "path_length_km.robust": 4.0},
    ),
    HandMadeDay(
        name="trip: a leg that ends after the return is no part of it",
        rows=track("08:00 0, 08:10 2, 08:20 2, 08:30 0, 08:35 1 1100, 08:40 0, 08:50 0"),
        expected={
            "trips.0.returned_at": rfc3339("08:30"),
            "trips.0.path_length_km": 2.0,
            "path_length_km.robust": 4.0,  # the way back ends at 08:40: 08:35 may be still at 2 km
        },
    ),
)
