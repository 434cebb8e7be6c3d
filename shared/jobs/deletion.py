"""Deleting a job: it leaves the list, then its record, then its CSVs go; once begun it is always completed."""

from contextlib import suppress

from shared.errors import NotFound
from shared.job_index.markers import Position
from shared.jobs import csv_cleanup
from shared.jobs.store import JobStore
from shared.storage.bucket import Bucket


def delete(jobs: JobStore, csvs: Bucket, job_id: str) -> None:
    """Delete the job in any state, or raise NotFound. After Unavailable or JobLocked a sweep completes it."""
    position = jobs.mark_deleted(job_id)
    with suppress(NotFound):  # somebody has been faster, and even its tombstone has gone
        complete(jobs, csvs, job_id, position)


def complete(jobs: JobStore, csvs: Bucket, job_id: str, position: Position) -> None:
    """The rest, once the job at `position` is hidden; a later job of the same id stays. Or NotFound."""
    csv_cleanup.delete_all(csvs, jobs.replace_with_tombstone(job_id, position))
