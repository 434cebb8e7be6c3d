"""Deleting a job: it leaves the list, then its record, then its CSVs go; once begun it is always completed."""

from shared import leftovers
from shared.jobs import Jobs
from shared.markers import Position
from shared.storage import Bucket


def delete(jobs: Jobs, csvs: Bucket, job_id: str) -> None:
    """Nothing of the job, whatever state it was in; or NotFound. After Unavailable or JobHeld a sweep completes it."""
    jobs.hide(job_id)
    complete(jobs, csvs, job_id)


def complete(jobs: Jobs, csvs: Bucket, job_id: str, position: Position | None = None) -> None:
    """The rest, once the job is hidden; NotFound where another life of the id stands than that at `position`."""
    leftovers.erase(csvs, jobs.bury(job_id, position))
