"""What must hold when the faults are over and nothing moves any more."""

import json
from typing import Any

from shared.models import Status
from simulation.disk import Disk
from simulation.fixes import DATES, DEVICES
from simulation.readers import Readers
from simulation.truth import GONE, Truth
from simulation.world import World

_LISTED = ("job_id", "status", "date", "device_id", "queued_at", "completed_at")


def unsettled(world: World, truth: Truth, records: Disk, csvs: Disk) -> list[str]:
    """What is still under way, or still to be cleared away."""
    jobs = [f"{job.job_id} is {job.record['status']}" for job in truth.jobs.values() if job.rank < 2]
    named = {
        str(job.record["result"]["csv_path"]) for job in truth.jobs.values() if job.rank == 2 and "result" in job.record
    }
    # Deleted jobs are left out: of an upload that began after the deletion nobody knows the whole key.
    attempted = {f"csv/{job.job_id}" for job in truth.jobs.values() if job.rank < GONE and world.weather.mere_deaths}
    current = records.objects.get("x/CURRENT")
    catalogue = json.loads(current.body) if current else {}
    segments = {"x/CURRENT", *_named(catalogue)}
    # What a sweep put for a generation that never was goes with that generation.
    coming = f"x/{catalogue.get('generation', 0) + 1:010d}"
    return [
        *jobs,
        *world.busy,
        *(key for key in records.objects if key.startswith("t/")),
        *(key for key in records.objects if key.startswith("x/") and key not in segments and key < coming),
        *(f"orphan {key}" for key in csvs.objects if key not in named),
        *(f"unfinished upload of {key}" for key, _ in csvs.uploads.values() if key[:40] in attempted),
    ]


def _named(catalogue: dict[str, Any]) -> list[str]:
    hot = [catalogue["hot"]] if catalogue.get("hot") else []
    return hot + [sealed["key"] for sealed in catalogue.get("sealed", ())]


def at_rest(world: World, truth: Truth, readers: Readers) -> None:
    """The list equals the records, whole and by filters."""
    records = sorted(
        (job.record for job in truth.jobs.values() if job.rank < GONE),
        key=lambda record: (record["queued_at"], record["job_id"]),
        reverse=True,
    )
    wanted = [{name: record[name] for name in _LISTED} for record in records]
    filters: list[dict[str, str]] = [{"status": status.value} for status in list(Status)[:4]]
    filters += [{"date": day} for day in DATES] + [{"device_id": device} for device in DEVICES]
    for query in [{}, *world.rng.sample(filters, 2)]:
        said = readers.page(query)
        if said is None:
            world.fail("the list has no answer at rest")
        if said["jobs"] != [
            job for job in wanted if all(not text or job[name] == text for name, text in query.items())
        ]:
            world.fail(f"the list of {query} differs from the records")
    readers.walk(total=len(wanted))
    world.counts["rests"] += 1
    for job in truth.jobs.values():
        kind = "deleted" if job.rank == GONE else f"{job.record['status']} {job.record.get('error_code') or ''}".strip()
        world.counts[f"job {kind}"] += 1
