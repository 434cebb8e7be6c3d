"""What must hold when the faults are over and nothing moves any more."""

from typing import Any

from shared.models import Status
from simulation.fixes import DATES, DEVICES
from simulation.readers import Readers
from simulation.truth import Truth
from simulation.world import World

_LISTED = ("job_id", "status", "date", "device_id", "queued_at", "completed_at")


def unsettled(world: World, truth: Truth) -> list[str]:
    """What is still under way."""
    jobs = [f"{job.job_id} is {job.record['status']}" for job in truth.jobs.values() if job.rank < 2]
    markers = {key[2:38] for key in truth.records.objects if key.startswith("t/")}
    return jobs + world.busy + [f"{job_id} has a marker alone" for job_id in sorted(markers - set(truth.jobs))]


def at_rest(world: World, truth: Truth, readers: Readers) -> None:
    """The list equals the records, whole and by every filter."""
    records = sorted(
        (job.record for job in truth.jobs.values()),
        key=lambda record: (record["queued_at"], record["job_id"]),
        reverse=True,
    )
    wanted = [{name: record[name] for name in _LISTED} for record in records]
    filters: list[dict[str, str]] = [{"status": status.value} for status in list(Status)[:4]]
    filters += [{"date": day} for day in DATES] + [{"device_id": device} for device in DEVICES]
    for query in [{}, *world.rng.sample(filters, 3)]:
        said: Any = readers.page(query)
        if said is None:
            world.fail("the list has no answer at rest")
        if said["jobs"] != [
            job for job in wanted if all(not text or job[name] == text for name, text in query.items())
        ]:
            world.fail(f"the list of {query} differs from the records")
    readers.walk(total=len(wanted))
    world.counts["rests"] += 1
    for job in truth.jobs.values():
        world.counts[f"job {job.record['status']} {job.record.get('error_code') or ''}".strip()] += 1
