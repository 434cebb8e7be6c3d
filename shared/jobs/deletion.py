"""Deletion of a job: its list entry first, then its record, then its CSVs. The sweep completes a started deletion."""

from contextlib import suppress

from shared.errors import NotFound
from shared.job_index.markers import Position
from shared.jobs import csv_cleanup
from shared.jobs.store import JobStore
from shared.storage.bucket import Bucket


def delete(jobs: JobStore, csvs: Bucket, job_id: str) -> None:
    """Delete the job, whatever its status. Raises NotFound.

    After Unavailable or JobLocked the deletion is started, and a sweep completes it.
    """
    position = jobs.mark_deleted(job_id)
    with suppress(NotFound):  # another process has completed the deletion and purged the tombstone
        complete(jobs, csvs, job_id, position)


def complete(jobs: JobStore, csvs: Bucket, job_id: str, position: Position) -> None:
    """Complete the deletion of the job at `position`. Keeps a later job that reuses its id. Raises NotFound."""
    csv_cleanup.delete_all(csvs, jobs.replace_with_tombstone(job_id, position))
