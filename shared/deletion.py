"""Deleting a job: it leaves the list, then its record, then its CSVs go; once begun it is always completed."""

from contextlib import suppress

from shared import leftovers
from shared.errors import NotFound
from shared.jobs import Jobs
from shared.markers import Position
from shared.storage import Bucket


def delete(jobs: Jobs, csvs: Bucket, job_id: str) -> None:
    """Nothing of the job, whatever state it was in; or NotFound. After Unavailable or JobHeld a sweep completes it."""
    position = jobs.hide(job_id)
    with suppress(NotFound):  # a sweep has been faster, and the id has been used again
        complete(jobs, csvs, job_id, position)


def complete(jobs: Jobs, csvs: Bucket, job_id: str, position: Position | None = None) -> None:
    """The rest, once the job is hidden; NotFound where another life of the id stands than that at `position`."""
    leftovers.erase(csvs, jobs.bury(job_id, position))
