"""The look at the database's devices: when it is taken, and what it keeps; failures are a line in the log."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import pytest

from functions.calculate.sweep import devices as looking
from functions.calculate.sweep.compaction import Compaction
from functions.calculate.sweep.devices import Devices
from shared.errors import Unavailable, UnsupportedColumn
from shared.job_index import devices
from shared.job_index.devices import KEY
from tests.fakes import NOW, Clock, MemoryBucket, away

EVER = datetime(1970, 1, 1, tzinfo=NOW.tzinfo)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Database:
    """Devices with the time of their latest fix; `during` is called when it is asked, and may raise."""

    def __init__(self) -> None:
        self.latest = {"garmin": NOW - timedelta(days=30), "iphone_stuart": NOW - timedelta(minutes=5)}
        self.asked: list[datetime] = []
        self.during: Callable[[], None] = lambda: None

    def __call__(self, since: datetime, most: int) -> Mapping[str, datetime]:
        self.asked.append(since)
        self.during()
        found = sorted(self.latest.items(), key=lambda one: one[1], reverse=True)
        return {name: at for name, at in found[:most] if at >= since}


class World:
    def __init__(self) -> None:
        self.bucket, self.clock, self.database = MemoryBucket(), Clock(), Database()
        self.devices = Devices(self.bucket, self.database)

    def refresh(self, **later: float) -> devices.DeviceList:
        self.clock.advance(**later)
        self.devices.refresh(self.clock())
        return self.seen()

    def seen(self) -> devices.DeviceList:
        found = devices.read(self.bucket).device_list
        assert found
        return found


@pytest.fixture
def world() -> World:
    return World()


def fail() -> None:
    raise Unavailable("database", "57014")


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(line.message, vars(line)["cause"]) for line in caplog.records if line.levelno >= logging.WARNING]


def test_the_first_look_is_at_all_rows(world: World) -> None:
    seen = world.refresh()
    assert world.database.asked == [EVER]
    assert seen.devices == world.database.latest
    assert (seen.as_of, seen.full_scan_at, seen.queried_at, seen.full_scan_pending) == (NOW, NOW, NOW, False)


def test_within_the_hour_the_database_is_left_alone_and_nothing_is_written(world: World) -> None:
    world.refresh()
    world.bucket.requests.clear()
    world.refresh(minutes=59)
    assert len(world.database.asked) == 1
    assert {name for name, _ in world.bucket.requests} == {"get"}


def test_each_hour_only_the_latest_rows_are_looked_at_and_others_stay(world: World) -> None:
    world.refresh()
    del world.database.latest["garmin"]
    world.database.latest |= {"watch": NOW - timedelta(hours=20), "iphone_stuart": NOW + timedelta(minutes=50)}
    seen = world.refresh(hours=1)
    assert world.database.asked[1:] == [NOW - DAY]
    assert seen.devices == {**world.database.latest, "garmin": NOW - timedelta(days=30)}
    assert (seen.as_of, seen.full_scan_at) == (NOW + HOUR, NOW)


def test_once_a_day_what_has_no_rows_any_more_goes(world: World) -> None:
    world.refresh()
    del world.database.latest["garmin"]
    for _ in range(23):
        assert "garmin" in world.refresh(hours=1).devices
    seen = world.refresh(hours=1)
    assert world.database.asked[-1] == EVER
    assert list(seen.devices) == ["iphone_stuart"]
    assert seen.full_scan_at == NOW + DAY


def test_a_failure_is_one_line_and_what_was_known_stays(world: World, caplog: pytest.LogCaptureFixture) -> None:
    known = world.refresh().devices
    world.database.during = fail
    seen = world.refresh(hours=1)
    assert (seen.devices, seen.as_of) == (known, NOW)
    assert said(caplog) == [("devices not refreshed", "57014")]
    world.refresh(minutes=59)
    assert len(world.database.asked) == 2
    world.database.during = lambda: None
    assert world.refresh(minutes=1).as_of == NOW + 2 * HOUR


def test_a_table_too_large_for_a_whole_look_is_looked_at_in_part(world: World) -> None:
    world.database.during = lambda: fail() if world.database.asked[-1] == EVER else None
    assert world.refresh().devices == {}
    assert list(world.refresh(hours=1).devices) == ["iphone_stuart"]
    assert world.database.asked == [EVER, NOW + HOUR - DAY]
    world.refresh(hours=1)
    assert world.database.asked[2:] == [EVER]  # whole looks go on being tried
    assert list(world.refresh(hours=1).devices) == ["iphone_stuart"]


def test_a_sweep_does_not_look_while_another_one_does(world: World) -> None:
    def meanwhile() -> None:
        world.database.during = lambda: None
        Devices(world.bucket, world.database).refresh(world.clock())

    world.database.during = meanwhile
    assert world.refresh().devices
    assert len(world.database.asked) == 1


@pytest.mark.parametrize("known", [False, True])
def test_of_two_sweeps_that_would_look_at_once_one_does(world: World, known: bool) -> None:
    if known:
        world.refresh()
        world.clock.advance(hours=1)
        world.database.asked.clear()

    def before(name: str, key: str) -> None:
        if name in ("create", "replace"):
            world.bucket.before = lambda name, key: None
            Devices(world.bucket, world.database).refresh(world.clock())

    world.bucket.before = before
    assert world.refresh().as_of == world.clock()
    assert len(world.database.asked) == 1


def test_no_two_claims_are_alike_so_that_a_lost_answer_is_told_from_a_lost_race(world: World) -> None:
    bodies = []

    def before(name: str, key: str) -> None:
        if key in world.bucket.objects:
            bodies.append(world.bucket.objects[key].body)

    world.database.during = fail
    world.bucket.before = before
    for _ in range(2):
        world.refresh()
        del world.bucket.objects[KEY]
    assert len(set(bodies)) == 2


def test_a_look_that_died_is_followed_by_another_in_an_hour(world: World) -> None:
    def die() -> None:
        raise SystemExit

    world.database.during = die
    with pytest.raises(SystemExit):
        world.refresh()
    world.database.during = lambda: None
    world.refresh(minutes=59)
    assert len(world.database.asked) == 1
    assert world.refresh(minutes=1).as_of == NOW + HOUR


def test_an_unsupported_column_is_logged_and_leaves_the_devices(world: World, caplog: pytest.LogCaptureFixture) -> None:
    def describe() -> None:
        raise UnsupportedColumn("created_at", "bigint", "timestamp with time zone")

    known = world.refresh().devices
    world.database.during = describe
    assert world.refresh(hours=1).devices == known
    message = "Column created_at of public.locations has type bigint; expected timestamp with time zone"
    assert said(caplog) == [("devices not refreshed", message)]


def test_storage_that_is_away_is_one_line(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with away(world.bucket):
        world.devices.refresh(NOW)
    assert said(caplog) == [("devices not refreshed", "EndpointConnectionError")]
    assert world.database.asked == []


@pytest.mark.parametrize("body", [b"", b"{}", b'{"version": 2}', b'{"queried_at": "2026-01-26T12:00:00Z", "token": 1}'])
def test_what_is_not_ours_is_replaced(world: World, body: bytes) -> None:
    world.bucket.put(KEY, body)
    assert world.refresh().devices == world.database.latest


def test_only_ids_that_a_submission_would_accept_are_kept(world: World) -> None:
    world.database.latest = dict.fromkeys(["ok", "A.b_c-9", "", "a..b", "a b", "ü", "a/b", "a\n", "a" * 101], NOW)
    assert set(world.refresh().devices) == {"ok", "A.b_c-9"}


def test_at_most_a_thousand_are_kept_the_latest_ones(world: World) -> None:
    world.database.latest = {f"old{number}": NOW - timedelta(hours=2, seconds=number) for number in range(1_500)}
    assert len(world.refresh().devices) == looking.MOST == 1_000
    world.database.latest = {f"new{number}": NOW for number in range(300)}
    seen = world.refresh(hours=1).devices
    assert len(seen) == 1_000
    assert {f"new{number}" for number in range(300)} | {"old0", "old699"} <= set(seen)


def test_a_pod_whose_clock_was_ahead_does_not_stop_the_looks(world: World) -> None:
    world.devices.refresh(NOW + timedelta(days=400))
    seen = world.refresh()
    assert seen.as_of == NOW
    assert world.database.asked == [EVER, EVER]


def test_no_device_is_in_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    world.refresh()
    world.database.during = fail
    world.refresh(hours=1)
    assert "garmin" not in str([vars(line) for line in caplog.records])


def test_a_sweep_takes_it_for_no_garbage(world: World) -> None:
    world.refresh()
    Compaction(world.bucket).drop_garbage()
    assert world.seen().devices
