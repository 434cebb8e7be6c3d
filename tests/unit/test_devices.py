"""The refresh of the device list: when it queries the database, and what it stores."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import pytest

from functions.calculate.sweep import devices as device_refresh
from functions.calculate.sweep.compaction import Compaction
from functions.calculate.sweep.devices import DeviceRefresher
from shared.errors import Unavailable, UnsupportedColumn
from shared.job_index import devices
from shared.job_index.devices import KEY
from tests.fakes import NOW, Clock, MemoryBucket, outage

EPOCH = datetime(1970, 1, 1, tzinfo=NOW.tzinfo)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Database:
    """Devices with the time of their latest fix. `during` is called for each query, and can raise."""

    def __init__(self) -> None:
        self.latest = {"garmin": NOW - timedelta(days=30), "iphone_stuart": NOW - timedelta(minutes=5)}
        self.queries: list[datetime] = []
        self.during: Callable[[], None] = lambda: None

    def __call__(self, since: datetime, limit: int) -> Mapping[str, datetime]:
        self.queries.append(since)
        self.during()
        latest_first = sorted(self.latest.items(), key=lambda item: item[1], reverse=True)
        return {name: at for name, at in latest_first[:limit] if at >= since}


class World:
    def __init__(self) -> None:
        self.bucket, self.clock, self.database = MemoryBucket(), Clock(), Database()
        self.devices = DeviceRefresher(self.bucket, self.database)

    def refresh(self, **later: float) -> devices.DeviceList:
        self.clock.advance(**later)
        self.devices.refresh(self.clock())
        return self.stored_list()

    def stored_list(self) -> devices.DeviceList:
        device_list = devices.read(self.bucket).device_list
        assert device_list
        return device_list


@pytest.fixture
def world() -> World:
    return World()


def fail() -> None:
    raise Unavailable("database", "57014")


def warnings(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(line.message, vars(line)["cause"]) for line in caplog.records if line.levelno >= logging.WARNING]


def test_first_refresh_queries_all_rows(world: World) -> None:
    refreshed = world.refresh()
    assert world.database.queries == [EPOCH]
    assert refreshed.devices == world.database.latest
    assert (refreshed.as_of, refreshed.full_scan_at, refreshed.queried_at, refreshed.full_scan_pending) == (
        NOW,
        NOW,
        NOW,
        False,
    )


def test_no_query_and_no_write_within_an_hour(world: World) -> None:
    world.refresh()
    world.bucket.requests.clear()
    world.refresh(minutes=59)
    assert len(world.database.queries) == 1
    assert {name for name, _ in world.bucket.requests} == {"get"}


def test_hourly_refresh_queries_recent_rows_and_keeps_other_devices(world: World) -> None:
    world.refresh()
    del world.database.latest["garmin"]
    world.database.latest |= {"watch": NOW - timedelta(hours=20), "iphone_stuart": NOW + timedelta(minutes=50)}
    refreshed = world.refresh(hours=1)
    assert world.database.queries[1:] == [NOW - DAY]
    assert refreshed.devices == {**world.database.latest, "garmin": NOW - timedelta(days=30)}
    assert (refreshed.as_of, refreshed.full_scan_at) == (NOW + HOUR, NOW)


def test_daily_refresh_removes_devices_without_rows(world: World) -> None:
    world.refresh()
    del world.database.latest["garmin"]
    for _ in range(23):
        assert "garmin" in world.refresh(hours=1).devices
    refreshed = world.refresh(hours=1)
    assert world.database.queries[-1] == EPOCH
    assert list(refreshed.devices) == ["iphone_stuart"]
    assert refreshed.full_scan_at == NOW + DAY


def test_failure_is_logged_and_the_list_stays(world: World, caplog: pytest.LogCaptureFixture) -> None:
    known = world.refresh().devices
    world.database.during = fail
    refreshed = world.refresh(hours=1)
    assert (refreshed.devices, refreshed.as_of) == (known, NOW)
    assert warnings(caplog) == [("devices not refreshed", "57014")]
    world.refresh(minutes=59)
    assert len(world.database.queries) == 2
    world.database.during = lambda: None
    assert world.refresh(minutes=1).as_of == NOW + 2 * HOUR


def test_refresh_after_a_failed_full_refresh_is_partial(world: World) -> None:
    world.database.during = lambda: fail() if world.database.queries[-1] == EPOCH else None
    assert world.refresh().devices == {}
    assert list(world.refresh(hours=1).devices) == ["iphone_stuart"]
    assert world.database.queries == [EPOCH, NOW + HOUR - DAY]
    world.refresh(hours=1)
    assert world.database.queries[2:] == [EPOCH]  # full refreshes are tried again
    assert list(world.refresh(hours=1).devices) == ["iphone_stuart"]


def test_no_second_query_during_a_refresh(world: World) -> None:
    def refresh_concurrently() -> None:
        world.database.during = lambda: None
        DeviceRefresher(world.bucket, world.database).refresh(world.clock())

    world.database.during = refresh_concurrently
    assert world.refresh().devices
    assert len(world.database.queries) == 1


@pytest.mark.parametrize("known", [False, True])
def test_one_of_two_concurrent_sweeps_refreshes(world: World, known: bool) -> None:
    if known:
        world.refresh()
        world.clock.advance(hours=1)
        world.database.queries.clear()

    def before(name: str, key: str) -> None:
        if name in ("create", "replace"):
            world.bucket.before = lambda name, key: None
            DeviceRefresher(world.bucket, world.database).refresh(world.clock())

    world.bucket.before = before
    assert world.refresh().as_of == world.clock()
    assert len(world.database.queries) == 1


def test_claims_are_unique_to_detect_lost_responses(world: World) -> None:
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


def test_crashed_refresh_is_repeated_after_an_hour(world: World) -> None:
    def die() -> None:
        raise SystemExit

    world.database.during = die
    with pytest.raises(SystemExit):
        world.refresh()
    world.database.during = lambda: None
    world.refresh(minutes=59)
    assert len(world.database.queries) == 1
    assert world.refresh(minutes=1).as_of == NOW + HOUR


def test_unsupported_column_is_logged_and_the_list_stays(world: World, caplog: pytest.LogCaptureFixture) -> None:
    def describe() -> None:
        raise UnsupportedColumn("created_at", "bigint", "timestamp with time zone")

    known = world.refresh().devices
    world.database.during = describe
    assert world.refresh(hours=1).devices == known
    message = "Column created_at of public.locations has type bigint; expected timestamp with time zone"
    assert warnings(caplog) == [("devices not refreshed", message)]


def test_unavailable_storage_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with outage(world.bucket):
        world.devices.refresh(NOW)
    assert warnings(caplog) == [("devices not refreshed", "EndpointConnectionError")]
    assert world.database.queries == []


@pytest.mark.parametrize("body", [b"", b"{}", b'{"version": 2}', b'{"tried_at": "2026-01-26T12:00:00Z", "token": 1}'])
def test_invalid_stored_list_is_replaced(world: World, body: bytes) -> None:
    world.bucket.put(KEY, body)
    assert world.refresh().devices == world.database.latest


def test_invalid_device_ids_are_left_out(world: World) -> None:
    world.database.latest = dict.fromkeys(["ok", "A.b_c-9", "", "a..b", "a b", "ü", "a/b", "a\n", "a" * 101], NOW)
    assert set(world.refresh().devices) == {"ok", "A.b_c-9"}


def test_list_contains_the_latest_thousand_devices(world: World) -> None:
    world.database.latest = {f"old{number}": NOW - timedelta(hours=2, seconds=number) for number in range(1_500)}
    assert len(world.refresh().devices) == device_refresh.MAX_DEVICES == 1_000
    world.database.latest = {f"new{number}": NOW for number in range(300)}
    known = world.refresh(hours=1).devices
    assert len(known) == 1_000
    assert {f"new{number}" for number in range(300)} | {"old0", "old699"} <= set(known)


def test_future_refresh_time_does_not_prevent_refreshes(world: World) -> None:
    world.devices.refresh(NOW + timedelta(days=400))
    refreshed = world.refresh()
    assert refreshed.as_of == NOW
    assert world.database.queries == [EPOCH, EPOCH]


def test_logs_contain_no_device_ids(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    world.refresh()
    world.database.during = fail
    world.refresh(hours=1)
    assert "garmin" not in str([vars(line) for line in caplog.records])


def test_garbage_collection_keeps_the_device_list(world: World) -> None:
    world.refresh()
    Compaction(world.bucket).delete_garbage()
    assert world.stored_list().devices
