"""Deletion of a job: its list entry first, then its record, then its CSVs. The sweep completes a started deletion."""

from contextlib import suppress

from shared.errors import NotFound
from shared.job_index.markers import Position, position_of
from shared.jobs import csv_cleanup
from shared.jobs.attempt_limits import MAX_ATTEMPTS
from shared.jobs.store import JobStore
from shared.storage.bucket import Bucket


def delete(jobs: JobStore, csvs: Bucket, job_id: str) -> None:
    """Delete the job, whatever its status. Raises NotFound or CorruptRecord.

    After Unavailable or JobLocked the deletion is started, and a sweep completes it.
    """
    job, _ = jobs.load(job_id)
    delete_at(jobs, csvs, position_of(job))


def delete_at(jobs: JobStore, csvs: Bucket, position: Position) -> None:
    """Delete the job at a position of the list, also if its record is lost. Keeps a later job that reuses its id.

    After Unavailable, JobLocked or CorruptRecord the deletion is started, and a sweep completes it.
    """
    jobs.mark_deleted(position)
    with suppress(NotFound):  # another process has completed the deletion and purged the tombstone
        complete(jobs, csvs, position)


def complete(jobs: JobStore, csvs: Bucket, position: Position) -> None:
    """Complete the deletion of the job at `position`. Keeps a later job that reuses its id.

    Raises NotFound, JobLocked or CorruptRecord.
    """
    csv_cleanup.delete_all(csvs, jobs.replace_with_tombstone(position))


def complete_corrupt(jobs: JobStore, csvs: Bucket, position: Position) -> None:
    """Complete the deletion of the job at `position`, whose record is corrupt. No later job may have reused its id.

    The number of its attempts is unknown. The tombstone gets one that no attempt can have, so that the CSVs of a later
    job with the same id have other keys. Raises NotFound or JobLocked.
    """
    attempt = csv_cleanup.last_attempt(csvs, position[1]) + MAX_ATTEMPTS
    csv_cleanup.delete_all(csvs, jobs.replace_with_tombstone(position, attempt))
