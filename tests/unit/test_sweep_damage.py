"""Damaged records: each kind of damage to each record that a sweep reads, and the other jobs of the same sweep."""

import logging
import random

import pytest

from shared.errors import OtelWorkerError
from tests.sweeps import listed
from tests.unit.sweep_damage import CORRUPTIONS, DAMAGES, PER_ROLE, ROLES, World, job_key


def reported(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the job ids of the failures that were logged, each with a cause."""
    records = [entry for entry in caplog.records if entry.levelno == logging.ERROR]
    assert all("cause" in vars(entry) for entry in records)
    return [vars(entry)["job_id"] for entry in records]


@pytest.mark.parametrize("number", range(PER_ROLE))
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_record_affects_no_other_job(
    caplog: pytest.LogCaptureFixture, name: str, role: str, number: int
) -> None:
    world = World()
    damaged = world.roles[role][number]
    DAMAGES[name](world, damaged)
    world.run_sweep()
    world.assert_swept({damaged})
    assert set(reported(caplog)) <= {damaged}
    assert len(reported(caplog)) <= 1
    if name == "unreadable" or (name in CORRUPTIONS and role not in ("tombstone", "deleted")):
        assert reported(caplog) == [damaged]


@pytest.mark.parametrize("seed", range(40))
def test_any_number_of_damaged_records_affects_no_other_job(seed: int) -> None:
    world, rng = World(), random.Random(seed)
    everything = [job_id for role in ROLES for job_id in world.roles[role]]
    damaged = set(rng.sample(everything, rng.randrange(len(everything))))
    for job_id in sorted(damaged):
        rng.choice(list(DAMAGES.values()))(world, job_id)
    world.run_sweep()
    world.assert_swept(damaged)


@pytest.mark.parametrize("role", ["expired", "deleted", "tombstone"])
@pytest.mark.parametrize("name", [*CORRUPTIONS, "lost"])
def test_damaged_job_disappears_once_it_may_be_deleted(name: str, role: str) -> None:
    world = World()
    for job_id in world.roles[role]:
        DAMAGES[name](world, job_id)
    world.run_sweep()
    world.run_sweep()
    for job_id in world.roles[role]:
        assert job_id not in {entry.job_id for entry in listed(world.bucket)}
        assert name == "lost" or not any(job_id in key for key in world.csvs.objects)
        with pytest.raises(OtelWorkerError, match="No such job"):
            world.jobs.get(job_id)
    assert not [key for key in world.bucket.objects if key.startswith("t/")]
    world.assert_swept(set(world.roles[role]))


def test_corrupt_record_of_an_existing_job_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    for role in ("stuck", "finished"):
        for job_id in world.roles[role]:
            DAMAGES["newer version"](world, job_id)
    for _ in range(3):
        caplog.clear()
        world.run_sweep()
        assert sorted(reported(caplog)) == sorted(world.roles["stuck"] + world.roles["finished"])
    for job_id in world.roles["stuck"] + world.roles["finished"]:
        assert world.bucket.objects[job_key(job_id)].body == b'{"version": 2}'
        assert job_id in {entry.job_id for entry in listed(world.bucket)}
