"""Jobs in every state that a sweep handles, and kinds of damage to their records."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from functions.calculate.sweep.devices import DeviceRefresher
from shared.errors import Unavailable
from shared.job_index import devices
from shared.job_index.markers import position_of
from shared.jobs import csv_keys, deletion
from shared.jobs.store import JobStore
from shared.models import Record, Status
from tests.builders import JOB_ID, record, result
from tests.fakes import NOW, Broker, Clock, MemoryBucket
from tests.sweeps import create_sweep, listed

PER_ROLE = 3
# What a sweep does with the jobs of each role.
ROLES = ("expired", "tombstone", "finished", "deleted", "stuck")
Damage = Callable[["World", str], None]


def job_key(job_id: str) -> str:
    return f"jobs/{job_id}.json"


def replace_by(body: bytes) -> Damage:
    return lambda world, job_id: world.bucket.put(job_key(job_id), body)


def lose(world: "World", job_id: str) -> None:
    world.bucket.delete(job_key(job_id))


def replace_by_another_jobs(world: "World", job_id: str) -> None:
    world.bucket.put(job_key(job_id), world.bucket.objects[job_key(world.bystander)].body)


def make_unreadable(world: "World", job_id: str) -> None:
    world.unreadable.add(job_key(job_id))


CORRUPTIONS: dict[str, Damage] = {
    "text": replace_by(b"not json"),
    "empty": replace_by(b""),
    "incomplete": replace_by(b"{}"),
    "newer version": replace_by(b'{"version": 2}'),
    "incomplete tombstone": replace_by(b'{"status": "deleted"}'),
    "not UTF-8": replace_by(b"\xff"),
    "nested too deeply": replace_by(b"[" * 100_000),
    "another job's": replace_by_another_jobs,
}
DAMAGES: dict[str, Damage] = {**CORRUPTIONS, "lost": lose, "unreadable": make_unreadable}


class World:
    """Jobs in every state that a sweep handles, with a retention of ten days, before one sweep."""

    def __init__(self) -> None:
        self.bucket, self.csvs, self.clock, self.broker = MemoryBucket(), MemoryBucket(), Clock(), Broker()
        self.csvs.clock, self.unreadable = self.clock, set[str]()
        self.jobs = JobStore(self.bucket, self.clock)
        self.sweep = create_sweep(
            self.jobs,
            self.bucket,
            self.csvs,
            self.broker,
            self.clock,
            job_age=timedelta(days=10),
            device_refresher=DeviceRefresher(self.bucket, lambda since, limit: {"garmin": NOW}),
        )[0]
        self.roles: dict[str, list[str]] = {}
        self.roles["expired"] = [self.complete(number) for number in range(PER_ROLE)]
        self.roles["tombstone"] = [self.complete(10 + number) for number in range(PER_ROLE)]
        for job_id in self.roles["tombstone"]:
            deletion.delete(self.jobs, self.csvs, job_id)
        self.sweep.run()
        self.clock.advance(days=11)
        self.roles["finished"] = [self.complete(20 + number) for number in range(PER_ROLE)]
        self.roles["deleted"] = [self.complete(30 + number) for number in range(PER_ROLE)]
        for job_id in self.roles["deleted"]:
            self.jobs.mark_deleted(position_of(self.jobs.get(job_id)))
        self.roles["stuck"] = [self.create(40 + number).job_id for number in range(PER_ROLE)]
        self.clock.advance(minutes=2)
        self.bystander = self.complete(50)
        for job_id in self.roles["finished"]:
            self.csvs.put(f"csv/{job_id}/0/distance.csv", b"orphan")
        self.bucket.before = self.refuse_unreadable

    def refuse_unreadable(self, name: str, key: str) -> None:
        if key in self.unreadable:
            raise Unavailable("storage", "AccessDenied")

    def create(self, number: int) -> Record:
        return self.jobs.create(record(job_id=f"{JOB_ID[:-4]}{number:04x}", queued_at=self.clock.now))

    def complete(self, number: int) -> str:
        claim = self.jobs.claim(self.create(number).job_id)
        key = csv_keys.key(claim.record)
        self.csvs.put(key, b"csv")
        return self.jobs.complete(claim, result(csv_path=key)).job_id

    def run_sweep(self) -> None:
        """Run a sweep. It may fail only because an object is unreadable."""
        with suppress(*([Unavailable] if self.unreadable else [])):
            self.sweep.run()

    def assert_swept(self, damaged: set[str]) -> None:
        """Check that a sweep has done everything for the jobs that are not damaged."""
        keys, csvs = " ".join(self.bucket.objects), " ".join(self.csvs.objects)
        rows = {entry.job_id: entry.status for entry in listed(self.bucket)}
        for role in ROLES:
            for job_id in set(self.roles[role]) - damaged:
                if role in ("expired", "deleted"):
                    assert job_id not in rows, role
                    assert job_id not in csvs, role
                elif role == "tombstone":
                    assert job_id not in keys
                elif role == "finished":
                    assert rows[job_id] is Status.COMPLETED
                    assert csvs.count(f"csv/{job_id}/") == 1
                else:
                    assert [event["id"] for event in self.broker.events].count(job_id) == 1
                    assert self.jobs.get(job_id).redispatch_count == 1
                if role != "expired":  # its deletion has just started
                    assert f"t/{job_id}" not in keys, role
        device_list = devices.read(self.bucket).device_list
        assert device_list is not None
        assert device_list.as_of == self.clock.now
        assert self.jobs.get(self.bystander).status is Status.COMPLETED
        assert f"csv/{self.bystander}/" in csvs
