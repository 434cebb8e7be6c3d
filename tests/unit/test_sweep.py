import pytest

from functions.calculate.sweep import Sweep
from shared.errors import Unavailable
from shared.index import Index, new_marker
from shared.jobs import LEASE, Jobs
from shared.models import Status
from shared.settings import Settings
from tests.builders import JOB_ID, TRACE_ID, record, result
from tests.fakes import Broker, Clock, MemoryBucket


class World:
    """A sweep with everything around it in memory."""

    def __init__(self) -> None:
        self.bucket, self.clock, self.broker = MemoryBucket(), Clock(), Broker()
        self.jobs, self.index = Jobs(self.bucket, self.clock), Index(self.bucket)
        self.sweep = Sweep(Settings.model_validate({}), self.jobs, self.index, self.broker, self.clock)

    def listed(self) -> list[Status]:
        return [entry.status for entry in self.index.entries()]


@pytest.fixture
def world() -> World:
    return World()


def test_a_job_that_nobody_took_is_asked_for_again_in_its_own_trace(world: World) -> None:
    world.jobs.create(record())
    world.sweep.run()
    assert not world.broker.events
    world.clock.advance(seconds=61)
    world.sweep.run()
    (event,) = world.broker.events
    assert event["id"] == JOB_ID
    assert event["traceparent"].split("-")[1] == TRACE_ID


def test_a_job_whose_attempt_died_is_asked_for_again(world: World) -> None:
    world.jobs.create(record())
    world.jobs.claim(JOB_ID)
    world.clock.advance(seconds=LEASE.total_seconds() + 59)
    world.sweep.run()
    assert not world.broker.events
    world.clock.advance(seconds=1)
    world.sweep.run()
    assert len(world.broker.events) == 1


def test_a_job_that_died_too_often_fails(world: World) -> None:
    world.jobs.create(record())
    for _ in range(5):
        world.jobs.claim(JOB_ID)
        world.clock.advance(minutes=3)
    world.sweep.run()
    found = world.jobs.get(JOB_ID)
    assert (found.status, found.error_code) == (Status.FAILED, "TOO_MANY_ATTEMPTS")
    assert world.listed() == [Status.FAILED]
    assert not world.broker.events


@pytest.mark.parametrize("ended", [False, True])
def test_a_state_whose_marker_is_missing_is_listed(world: World, ended: bool) -> None:
    world.jobs.create(record())
    queued = next(key for key in world.bucket.objects if key.startswith("t/"))
    claim = world.jobs.claim(JOB_ID)
    if ended:
        world.jobs.complete(claim, result())
    for key in [key for key in world.bucket.objects if key.startswith("t/")]:
        world.bucket.delete(key)
    world.bucket.put(queued)
    world.sweep.run()
    assert world.listed() == [Status.COMPLETED if ended else Status.PROCESSING]


def test_a_marker_whose_record_never_came_goes_after_a_while(world: World) -> None:
    world.bucket.put(new_marker(record()))
    world.sweep.run()
    assert world.listed() == [Status.QUEUED]
    world.clock.advance(minutes=11)
    world.sweep.run()
    assert not world.listed()


def test_finished_jobs_are_not_looked_at(world: World) -> None:
    world.jobs.create(record())
    world.jobs.complete(world.jobs.claim(JOB_ID), result())
    world.clock.advance(days=1)
    world.bucket.requests.clear()
    world.sweep.run()
    assert [name for name, _ in world.bucket.requests] == ["list"]


def test_a_broker_that_is_away_or_not_set_is_told(world: World) -> None:
    world.jobs.create(record())
    world.clock.advance(minutes=2)
    world.broker.away = True
    with pytest.raises(Unavailable):
        world.sweep.run()
    with pytest.raises(Unavailable):
        Sweep(Settings.model_validate({}), world.jobs, world.index, None, world.clock).run()
