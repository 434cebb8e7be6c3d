"""Failed steps of a sweep, and the other steps of the same sweep."""

from collections.abc import Callable
from contextlib import suppress
from zipfile import BadZipFile

import pytest

from functions.calculate.sweep.failures import Failures
from shared.errors import Unavailable
from shared.job_index import devices
from shared.job_index.manifest import CURRENT
from tests.unit.sweep_damage import PER_ROLE, World, job_key


def corrupt_object(key: str) -> Callable[[World], None]:
    return lambda world: world.bucket.put(key, b"not json")


def refuse(bucket: str, name: str, prefix: str) -> Callable[[World], None]:
    def install(world: World) -> None:
        def before(requested: str, key: str) -> None:
            if requested == name and key.startswith(prefix):
                raise Unavailable("storage", "AccessDenied")

        getattr(world, bucket).before = before

    return install


def lose_segment(world: World) -> None:
    world.bucket.delete(next(key for key in world.bucket.objects if key.endswith(".npz")))


def corrupt_segment(world: World) -> None:
    world.bucket.put(next(key for key in world.bucket.objects if key.endswith(".npz")), b"not a segment")


# Each with the steps that cannot be done.
STEP_FAILURES: dict[str, tuple[Callable[[World], None], str]] = {
    "corrupt manifest": (corrupt_object(CURRENT), "reconcile compact jobs csvs"),
    "lost segment": (lose_segment, "reconcile compact jobs csvs"),
    "corrupt segment": (corrupt_segment, "reconcile compact jobs csvs"),
    "marker log not listed": (refuse("bucket", "list", "t/"), "reconcile compact jobs csvs"),
    "segment not written": (refuse("bucket", "put", "x/"), "compact"),
    "manifest not replaced": (refuse("bucket", "replace", CURRENT), "compact"),
    "markers not deleted": (refuse("bucket", "delete", "t/"), "compact"),
    "segment not deleted": (refuse("bucket", "delete", "x/"), ""),
    "segments not listed": (refuse("bucket", "list", "x/"), ""),
    "tombstones not listed": (refuse("bucket", "list", "d/"), "tombstones"),
    "expiry not deleted": (refuse("bucket", "delete", "d/"), ""),
    "CSVs not listed": (refuse("csvs", "list", ""), "jobs csvs"),
    "CSVs not deleted": (refuse("csvs", "delete", ""), "jobs csvs"),
    "devices not read": (refuse("bucket", "get", devices.KEY), "devices"),
}


@pytest.mark.parametrize("name", STEP_FAILURES)
def test_failed_step_does_not_stop_the_others(name: str) -> None:
    world = World()
    fail, not_done = STEP_FAILURES[name]
    fail(world)
    with suppress(Exception):
        world.sweep.run()
    world.bucket.before = world.csvs.before = lambda name, key: None
    tombstones = [job_id for job_id in world.roles["tombstone"] if job_key(job_id) in world.bucket.objects]
    expired = [job_id for job_id in world.roles["expired"] if any(job_id in key for key in world.csvs.objects)]
    orphans = [key for key in world.csvs.objects if "/0/" in key]
    markers = [key for key in world.bucket.objects if key.startswith(f"t/{world.roles['finished'][0]}")]
    device_list = devices.read(world.bucket).device_list
    done = {
        "reconcile": len(world.broker.events) == PER_ROLE,
        "compact": not markers,
        "tombstones": not tombstones,
        "jobs": not expired,
        "csvs": not orphans,
        "devices": device_list is not None and device_list.as_of == world.clock.now,
    }
    assert {step for step, is_done in done.items() if not is_done} == set(not_done.split())


@pytest.mark.parametrize("name", ["corrupt manifest", "lost segment", "corrupt segment", "segments not listed"])
def test_failure_of_a_step_is_raised_at_the_end(name: str) -> None:
    world = World()
    STEP_FAILURES[name][0](world)
    with pytest.raises((Unavailable, ValueError, BadZipFile)) as raised:
        world.sweep.run()
    assert name != "lost segment" or str(raised.value) == "storage: NoSuchKey"


def test_outage_ends_the_sweep_at_once() -> None:
    world = World()
    requests: list[str] = []

    def refuse_all(name: str, key: str) -> None:
        requests.append(name)
        raise Unavailable("storage", "EndpointConnectionError")

    world.bucket.before = refuse_all
    with pytest.raises(Unavailable, match="EndpointConnectionError"):
        world.sweep.run()
    assert requests == ["list", "ping"]


def test_step_ends_after_too_many_failures_and_the_next_one_runs() -> None:
    failures, handled = Failures(lambda: None, max_failures=2), list[str]()
    for step in ("first", "second"):
        with failures.isolate(step):
            for number in range(9):
                with failures.isolate("job", job_id=str(number)):
                    handled.append(f"{step} {number}")
                    raise Unavailable("storage", "AccessDenied")
    assert handled == ["first 0", "first 1", "first 2", "second 0"]
    assert failures.first is not None
