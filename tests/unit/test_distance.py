"""Statistics of a day: known values, and comparisons with a plain reference for generated days."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from functions.calculate.day.distance import EARTH_RADIUS_KM, DayAccumulator, haversine_km, hundredths_of_minutes
from functions.calculate.fixes.blocks import BLOCK_ROWS, Block
from shared.models import DayStatistics, Home
from tests.reference import Fix, block, day, haversine

HOME = Home(latitude=40.736097, longitude=-74.039373)
MINUTE = 60_000_000
HALF_CIRCUMFERENCE = math.pi * EARTH_RADIUS_KM


def km(a: tuple[float, float], b: tuple[float, float]) -> float:
    return float(haversine_km(np.array([a[0]], float), np.array([a[1]], float), *b)[0])


def statistics(fixes: list[Fix], home: Home = HOME, threshold: float = 0.5, pieces: int = BLOCK_ROWS) -> DayStatistics:
    devices: list[str] = []
    accumulator = DayAccumulator(home, threshold)
    for at in range(0, len(fixes), pieces):
        accumulator.add(block(fixes[at : at + pieces], devices))
    return accumulator.statistics()


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((0, 0), (0, 0), 0),
        ((0, 0), (0, 180), HALF_CIRCUMFERENCE),
        ((90, 0), (-90, 0), HALF_CIRCUMFERENCE),
        ((40.736097, -74.039373), (-40.736097, 105.960627), HALF_CIRCUMFERENCE),  # antipodes
        ((90, 0), (90, 123), 0),  # a pole has every longitude
        ((0, 179.5), (0, -179.5), EARTH_RADIUS_KM * math.radians(1)),  # over the date line
        ((0, -180), (0, 180), 0),
        ((0, 0), (1, 0), EARTH_RADIUS_KM * math.radians(1)),
        ((52.52, 13.405), (48.8566, 2.3522), 877.463),  # Berlin to Paris
    ],
)
def test_known_distances(a: tuple[float, float], b: tuple[float, float], expected: float) -> None:
    assert km(a, b) == pytest.approx(expected, abs=1e-3)
    assert km(a, b) == pytest.approx(km(b, a), abs=1e-9)


@given(*[st.floats(-90, 90)] * 2, *[st.floats(-180, 180)] * 2)
@example(-88.99999999999999, 89.0, -180.0, 0.0)  # where a rounds to more than 1
def test_distance_is_between_zero_and_half_the_circumference(p: float, q: float, x: float, y: float) -> None:
    assert 0 <= km((p, x), (q, y)) <= HALF_CIRCUMFERENCE + 1e-9


def test_fix_at_home_has_distance_zero() -> None:
    actual = statistics([Fix(0, "p", 40.736097, -74.039373)])
    assert (actual.total_distance_km, actual.max_distance_km, actual.min_distance_km) == (0, 0, 0)
    assert (actual.total_locations, actual.path_length_km, actual.away_minutes) == (1, 0, 0)


def test_statistics_of_a_small_day() -> None:
    # 1 degree north of the equator is 111.194927 km; home is at 0, 0, and all fixes are on its meridian.
    fixes = [
        Fix(0, "p", 0, 0),
        Fix(10 * MINUTE, "p", 1, 0),
        Fix(40 * MINUTE, "p", 2, 0),
        Fix(60 * MINUTE, "p", 0, 0),
        Fix(90 * MINUTE, "p", 0, 0),
    ]
    actual = statistics(fixes, Home(latitude=0, longitude=0))
    assert actual.total_distance_km == pytest.approx(3 * 111.194927, abs=1e-5)
    assert actual.path_length_km == pytest.approx(4 * 111.194927, abs=1e-5)
    assert actual.avg_distance_km == pytest.approx(3 * 111.194927 / 5, abs=1e-5)
    assert actual.max_distance_km == pytest.approx(222.389853, abs=1e-5)
    assert actual.min_distance_km == 0
    assert actual.away_minutes == 50  # from 10 to 60; intervals that start at home do not count


def test_devices_have_separate_paths_and_away_time() -> None:
    near, far = (40.736097, -74.039373), (41.0, -74.0)
    fixes = [Fix(n * MINUTE, "pq"[n % 2], *(near if n % 2 == 0 else far)) for n in range(10)]
    actual = statistics(fixes)
    assert actual.path_length_km == 0
    assert actual.away_minutes == 8  # q alone, from its first to its last fix


def test_fix_at_the_threshold_is_not_away() -> None:
    fixes = [Fix(0, "p", 1, 0), Fix(MINUTE, "p", 1, 0)]
    exactly = km((1, 0), (0, 0))
    home = Home(latitude=0, longitude=0)
    assert statistics(fixes, home, exactly).away_minutes == 0
    assert statistics(fixes, home, math.nextafter(exactly, 0)).away_minutes == 1


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [(math.nan, 0), (0, math.nan), (90.000001, 0), (-91, 0), (0, 180.5), (0, -181), (math.inf, 0), (0, -math.inf)],
)
def test_invalid_coordinates_are_rejected_and_counted(latitude: float, longitude: float) -> None:
    good = [Fix(0, "p", 1, 0), Fix(2 * MINUTE, "p", 1, 0)]
    with_bad = [good[0], Fix(MINUTE, "p", latitude, longitude), good[1]]
    assert vars(statistics(with_bad)) == vars(statistics(good)) | {"rejected_locations": 1}


def test_day_without_usable_fixes_has_zeros() -> None:
    actual = statistics([Fix(0, "p", math.nan, 0)] * 3)
    assert vars(actual) == dict.fromkeys(vars(actual), 0) | {"rejected_locations": 3}
    assert statistics([]).total_locations == 0


def test_sums_of_a_million_fixes_are_exact() -> None:
    walk = [Fix(n * 80_000, "p", 40.736097 + n * 1e-5, -74.039373) for n in range(1000)]
    devices: list[str] = []
    accumulator = DayAccumulator(HOME, 0.5)
    for lap in range(1000):
        part = block(walk, devices)
        accumulator.add(dataclasses.replace(part, time_us=part.time_us + lap * 80_000_000))
    actual, once = accumulator.statistics(), day(walk, HOME, 0.5).numbers
    back = km((walk[-1].latitude, walk[-1].longitude), (walk[0].latitude, walk[0].longitude))
    assert actual.total_locations == 1_000_000
    assert actual.total_distance_km == pytest.approx(1000 * once["total_distance_km"], abs=2e-6)
    assert actual.path_length_km == pytest.approx(1000 * once["path_length_km"] + 999 * back, abs=2e-6)
    away = sum(haversine((fix.latitude, fix.longitude), (HOME.latitude, HOME.longitude)) > 0.5 for fix in walk)
    assert actual.away_minutes == pytest.approx((away * 1000 - 1) * 80_000 / 60e6, abs=0.005)


FIXES = st.lists(
    st.builds(
        Fix,
        st.integers(0, 90_000_000_000),
        st.sampled_from(["p", "q", "r"]),
        st.floats(40.6, 40.9) | st.floats(allow_nan=True),
        st.floats(-74.2, -73.9) | st.floats(allow_nan=True),
    ),
    max_size=40,
).map(lambda fixes: sorted(fixes, key=lambda fix: fix.time_us))


@settings(max_examples=400)
@given(FIXES, st.floats(0, 30), st.integers(1, 12))
def test_statistics_in_blocks_of_any_size_equal_the_reference(fixes: list[Fix], threshold: float, pieces: int) -> None:
    actual, expected = statistics(fixes, HOME, threshold, pieces), day(fixes, HOME, threshold)
    for name, value in expected.numbers.items():
        slack = 5.1e-3 if name == "away_minutes" else 1.1e-6
        assert getattr(actual, name) == pytest.approx(value, abs=slack)


@settings(max_examples=100)
@given(FIXES, st.integers(1, 12))
def test_measurements_do_not_depend_on_block_size(fixes: list[Fix], pieces: int) -> None:
    def measured(size: int) -> list[tuple[float, bool, int]]:
        devices: list[str] = []
        accumulator = DayAccumulator(HOME, 0.5)
        rows: list[tuple[float, bool, int]] = []
        for at in range(0, len(fixes), size):
            part = accumulator.add(block(fixes[at : at + size], devices))
            rows += zip(part.km.tolist(), part.away.tolist(), part.away_us.tolist(), strict=True)
        return rows

    for one, other in zip(measured(pieces), measured(BLOCK_ROWS), strict=True):
        assert one == pytest.approx(other, abs=1e-9)


@settings(max_examples=100)
@given(FIXES, st.integers(1, 12))
def test_statistics_do_not_depend_on_block_size(fixes: list[Fix], pieces: int) -> None:
    assert statistics(fixes, pieces=pieces) == statistics(fixes)


@pytest.mark.parametrize("devices", [3, 70_000])  # numpy sorts small codes by another algorithm
def test_many_devices_have_separate_tracks(devices: int) -> None:
    names, zeros = [str(device) for device in range(devices)], np.zeros(devices)
    none = zeros.astype(np.int64)
    everyone = Block(none, none, np.arange(devices)[::-1], zeros, zeros, none, none, none, names)
    accumulator = DayAccumulator(Home(latitude=0, longitude=0), 0.5)
    for lap in range(3):
        accumulator.add(dataclasses.replace(everyone, time_us=none + lap * MINUTE, latitude=zeros + lap))
    actual = accumulator.statistics()
    assert actual.path_length_km == pytest.approx(devices * 2 * 111.194927, rel=1e-8)
    assert actual.away_minutes == devices


@pytest.mark.parametrize(("us", "expected"), [(0, 0), (299_999, 0), (300_000, 1), (600_000, 1), (60_000_000, 100)])
def test_minutes_are_rounded_half_up(us: int, expected: int) -> None:
    assert hundredths_of_minutes(us) == expected


def test_measuring_does_not_change_the_block() -> None:
    original = block([Fix(0, "p", math.nan, 0), Fix(1, "p", 1, 2)], [])
    before = {f.name: np.copy(getattr(original, f.name)) for f in dataclasses.fields(original) if f.name != "devices"}
    DayAccumulator(HOME, 0.5).add(original)
    for name, column in before.items():
        np.testing.assert_array_equal(getattr(original, name), column)
