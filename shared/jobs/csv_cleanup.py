"""Deletion of CSVs and unfinished uploads that no record references."""

import logging

from shared.errors import Unavailable
from shared.jobs import csv_keys
from shared.models import Record, Tombstone
from shared.storage.bucket import Bucket

_LOG = logging.getLogger(__name__)


def delete_superseded(csvs: Bucket, record: Record) -> bool:
    """Delete the CSVs and unfinished uploads of a finished job, except the CSV of its result.

    Returns False if the storage fails.
    """
    current = record.result.csv_path if record.result else None
    superseded = [key for key in _keys_of_attempts(record) if key != current]
    try:
        _delete(csvs, superseded)
    except Unavailable as exc:
        _LOG.warning("failed to delete superseded CSVs", extra={"job_id": record.job_id, "cause": exc.cause})
        return False
    return True


def delete_all(csvs: Bucket, job: Record | Tombstone) -> None:
    """Delete the CSVs and unfinished uploads of a deleted job. A later job that reuses its id keeps its own."""
    keys = {key for key in csvs.list_keys(csv_keys.job_prefix(job.job_id)) if _attempt(key) <= job.attempt}
    if isinstance(job, Record):  # listings do not contain the keys of unfinished uploads
        keys.update(_keys_of_attempts(job))
    _delete(csvs, sorted(keys))


def last_attempt(csvs: Bucket, job_id: str) -> int:
    """Return the highest attempt of the job that has a CSV, or 0."""
    return max(map(_attempt, csvs.list_keys(csv_keys.job_prefix(job_id))), default=0)


def delete_best_effort(csvs: Bucket, key: str) -> None:
    """Delete the CSV of an attempt that has lost its lease. If that fails, the sweep deletes it later."""
    try:
        csvs.delete(key)
    except Unavailable as exc:
        _LOG.warning("failed to delete the CSV of a lost attempt", extra={"cause": exc.cause})


def _keys_of_attempts(record: Record) -> list[str]:
    return [csv_keys.key(record, attempt) for attempt in range(1, record.attempt + 1)]


def _delete(csvs: Bucket, keys: list[str]) -> None:
    for key in keys:
        csvs.abort_uploads(key)
        csvs.delete(key)


def _attempt(key: str) -> int:
    parsed = csv_keys.parse_key(key)
    return parsed[1] if parsed else 0
