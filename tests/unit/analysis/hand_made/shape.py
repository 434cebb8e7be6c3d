"""The document: parameters, rounding, order and limits."""

from tests.unit.analysis.hand_made.builders import MIDNIGHT_US, HandMadeDay, fix, raw, rfc3339, track
from tests.unit.analysis.places import at
from tests.unit.analysis.reference import Row

MINUTE_US = 60_000_000
ONE_FIX = {"read": 1, "usable": 1, "rejected": dict[str, int]()}
THRESHOLD_ONLY = {"dwell_fixes": 1, "dwell_seconds": 0}


def alternating(lengths_us: list[int], *, device: str = "phone") -> list[Row]:
    """Return fixes that begin at midnight at home, then alternate between 0.6 km and home after each length."""
    rows: list[Row] = []
    time_us = MIDNIGHT_US
    for number, length_us in enumerate([*lengths_us, 0]):
        position = at(0.6 if number % 2 else 0)
        rows.append((device, time_us, position.latitude, position.longitude, None))
        time_us += length_us
    return rows


def clock(minute: int) -> str:
    return rfc3339(f"{minute // 60:02d}:{minute % 60:02d}")


def trips_with_a_short_one() -> list[Row]:
    """Return 101 trips of two minutes, of which the 51st is a second shorter."""
    lengths = [2 * MINUTE_US] * 202
    lengths[2 * 50 + 1] -= 1_000_000
    lengths[2 * 50 + 2] += 1_000_000
    return alternating(lengths)


DAYS = (
    HandMadeDay(
        name="shape: the method and everything that the numbers depend on",
        rows=track("08:00 0"),
        parameters={"gap_seconds": 900},
        day_column="created_at",
        expected={
            "document.method": 1,
            "document.parameters": {
                "home_radius_km": 0.3,
                "away_threshold_km": 0.5,
                "dwell_seconds": 180,
                "dwell_fixes": 2,
                "gap_seconds": 900,
                "max_accuracy_m": 10_000,
                "jump_speed_kmh": 300,
                "day_column": "created_at",
            },
            "document.window_start": rfc3339("00:00"),
            "document.window_end": rfc3339("00:00", day=1),
            "document.device_count": 1,
        },
    ),
    HandMadeDay(
        name="shape: no devices without rows",
        rows=[],
        before=[fix("23:50", 0, day=-1)],
        expected={"document.device_count": 0, "document.devices": []},
    ),
    HandMadeDay(
        name="rounding: 0.29 seconds are 0.00 minutes",
        rows=track("08:00 0, 08:00:00.29 0"),
        expected={"home_minutes": 0.0},
    ),
    HandMadeDay(
        name="rounding: 0.31 seconds are 0.01 minutes",
        rows=track("08:00 0, 08:00:00.31 0"),
        expected={"home_minutes": 0.01},
    ),
    HandMadeDay(
        name="rounding: 0.9 seconds, which are 0.015 minutes, are 0.02 minutes",
        rows=track("08:00 0, 08:00:00.9 0"),
        expected={"home_minutes": 0.02},
    ),
    HandMadeDay(
        name="rounding: each time by itself, from exact sums",
        rows=track("08:00 0, 08:00:00.4 0, 08:00:00.8 0, 08:00:01.2 0"),  # 1.2 seconds, not three times 0.01 minutes
        expected={"home_minutes": 0.02, "unknown_minutes": 1439.98},
    ),
    HandMadeDay(
        name="rounding: coverage has four decimals",
        rows=track("08:00 0, 08:20 0"),
        expected={"coverage": 0.0139},  # 20 / 1440 = 0.01388…
    ),
    HandMadeDay(
        name="rounding: times are cut to milliseconds",
        rows=track("08:00 0, 08:20:00.001999 0"),
        expected={"last_fix_at": "2026-01-25T08:20:00.001Z"},
    ),
    HandMadeDay(
        name="order: devices by code point",
        rows=[fix("08:00", 0, device=device) for device in ("a", "Z", "é", "10", "9", "_")],
        expected={
            "document.devices.0.device_id": "10",
            "document.devices.1.device_id": "9",
            "document.devices.2.device_id": "Z",
            "document.devices.3.device_id": "_",
            "document.devices.4.device_id": "a",
            "document.devices.5.device_id": "é",
        },
    ),
    HandMadeDay(
        name="order: trips and gaps by time, not by length",
        rows=track("08:00 0, 08:10 2, 08:20 0, 09:20 0.25, 09:30 2, 10:00 2, 10:20 0, 11:00 0.25"),
        expected={
            "trips.0.minutes": 10.0,
            "trips.1.minutes": 50.0,
            "gap_count": 2,
            "gaps.0.minutes": 60.0,
            "gaps.1.minutes": 40.0,
        },
    ),
    HandMadeDay(
        name="limits: the first 100 devices of 101",
        rows=[fix("08:00", 0, device=f"device-{number:03d}") for number in reversed(range(101))],
        expected={
            "document.device_count": 101,
            "document.devices.length": 100,
            "document.devices.0.device_id": "device-000",
            "document.devices.99.device_id": "device-099",
            **{f"document.devices.{number}.fixes": ONE_FIX for number in range(100)},
        },
    ),
    HandMadeDay(
        name="limits: rejected rows of a device that is not shown count for no other one",
        rows=[
            *(fix("08:00", 0, device=f"device-{number:03d}") for number in range(101)),
            *(raw(f"08:0{minute}", None, None, device="device-100") for minute in range(1, 8)),
            *(fix(f"08:1{minute}", 0, -1, device="device-100") for minute in range(7)),
        ],
        expected={
            "document.devices.99.device_id": "device-099",
            **{f"document.devices.{number}.fixes": ONE_FIX for number in range(100)},
        },
    ),
    HandMadeDay(
        # The rows of device-100 come first, then those of device-000, whose state before 08:20 is unknown.
        name="limits: a device has nothing of the one whose place it takes",
        before=[fix("23:50", 2, day=-1, device="device-100")],
        rows=[
            *(fix("08:00", 0, device=f"device-{number:03d}") for number in range(1, 100)),
            *(fix(f"{hour:02d}:00", 2 * (hour % 2), device="device-100") for hour in range(3, 20)),
            *(fix(f"20:{minute}0", 2, accuracy, device="device-100") for minute in range(6) for accuracy in (5, -1)),
            *(fix(f"08:{minute}0", km, device="device-000") for minute, km in ((1, 0.4), (2, 0.1), (3, 0.1))),
            *(fix(f"21:{minute}0", 2, device="device-100") for minute in range(6)),
        ],
        expected={
            "document.device_count": 101,
            **{f"document.devices.{number}.fixes": ONE_FIX for number in range(1, 100)},
            "fixes": {"read": 3, "usable": 3, "rejected": {}},
            "first_fix_at": rfc3339("08:10"),
            "last_fix_at": rfc3339("08:30"),
            "home_minutes": 10.0,
            "away_minutes": 0.0,
            "inferred_minutes": 0.0,
            "distance_from_home_km": {
                "median": 0.1,
                "p95": 0.4,
                "time_median": 0.1,
                "time_p95": 0.1,
                "time_weighted_mean": 0.1,
                "farthest": 0.4,
                "farthest_at": rfc3339("08:10"),
            },
            "path_length_km": {"robust": 0.3, "raw": 0.3, "across_gaps": 0.0},
            "trip_count": 0,
            "gap_count": 0,
        },
    ),
    HandMadeDay(
        name="limits: a path does not begin near the last fix of the device whose place it takes",
        rows=[
            *(fix("08:00", 0, device=f"device-{number:03d}") for number in range(1, 100)),
            *(fix(f"08:{minute}", 2, device="device-100") for minute in range(10, 20)),
            *(fix(f"08:{minute}", 2.03 if minute < 40 else 2.09, device="device-000") for minute in range(20, 50)),
        ],
        expected={"fixes.usable": 30, "path_length_km.robust": 0.06},
    ),
    HandMadeDay(
        name="limits: the 100 longest trips of 101",
        rows=trips_with_a_short_one(),
        parameters=THRESHOLD_ONLY,
        expected={
            "trip_count": 101,
            "trips.length": 100,
            "trips.49.departed_at": clock(2 + 4 * 49),
            "trips.50.departed_at": clock(2 + 4 * 51),
            "trips.99.departed_at": clock(2 + 4 * 100),
            "away_minutes": 201.98,
        },
    ),
    HandMadeDay(
        name="limits: the earlier of equally long trips",
        rows=alternating([2 * MINUTE_US] * 202),
        parameters=THRESHOLD_ONLY,
        expected={"trip_count": 101, "trips.length": 100, "trips.99.departed_at": clock(2 + 4 * 99)},
    ),
    HandMadeDay(
        name="limits: the earlier of equally long gaps",
        rows=[fix(f"{number * 2 // 60:02d}:{number * 2 % 60:02d}", 0) for number in range(102)],
        parameters={"gap_seconds": 60},
        expected={
            "gap_count": 101,
            "gaps.length": 100,
            "gaps.0.from": clock(0),
            "gaps.99.from": clock(198),
            "inferred_minutes": 202.0,
        },
    ),
    HandMadeDay(
        # Each device has 100 trips and the first 100 of 200 gaps, all of two minutes. 900 of them begin in the first
        # 200 minutes, and 96 at the next 16 times that trips begin. The first four devices have the remaining places.
        name="limits: 1,000 trips and gaps, of equally long ones the earlier, then the earlier device",
        rows=[row for number in range(6) for row in alternating([2 * MINUTE_US] * 200, device=f"device-{number}")],
        parameters=THRESHOLD_ONLY | {"gap_seconds": 60},
        expected={
            "trip_count": 100,
            "gap_count": 200,
            **{f"document.devices.{number}.gaps.length": 100 for number in range(6)},
            **{f"document.devices.{number}.trips.length": 67 if number < 4 else 66 for number in range(6)},
            "trips.0.minutes": 2.0,
            "trips.0.unknown_minutes": 2.0,
            "away_minutes": 0.0,
        },
    ),
    HandMadeDay(
        # 966 trips and gaps of 23 devices begin in the first 56 minutes, and 23 gaps at the end of these. Two minutes
        # later a trip and a gap of each device begin, for 11 places: both of five devices, and the trip of the sixth.
        name="limits: 1,000 trips and gaps, of equally long ones of a device the trip",
        rows=[row for number in range(23) for row in alternating([2 * MINUTE_US] * 40, device=f"device-{number:02d}")],
        parameters=THRESHOLD_ONLY | {"gap_seconds": 60},
        expected={
            "document.devices.4.trips.length": 15,
            "document.devices.4.gaps.length": 30,
            "document.devices.5.trips.length": 15,
            "document.devices.5.gaps.length": 29,
            "document.devices.6.trips.length": 14,
            "document.devices.6.gaps.length": 29,
        },
    ),
    HandMadeDay(
        name="limits: a long gap of a late device comes before the short ones of others",
        rows=[
            *(row for number in range(6) for row in alternating([2 * MINUTE_US] * 200, device=f"device-{number}")),
            *(("last", MIDNIGHT_US + minute * MINUTE_US, 50.0, 10.0, None) for minute in (1_000, 1_003)),
        ],
        parameters=THRESHOLD_ONLY | {"gap_seconds": 60},
        expected={
            "document.devices.6.gaps.length": 1,
            "document.devices.2.trips.length": 67,
            "document.devices.3.trips.length": 66,
        },
    ),
)
