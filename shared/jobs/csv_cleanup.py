"""What attempts leave in the CSV bucket that no record names, and how it goes: nobody can see it, but it lies there."""

import logging

from shared.errors import Unavailable
from shared.jobs import csv_keys
from shared.models import Record, Tombstone
from shared.storage.bucket import Bucket

_LOG = logging.getLogger(__name__)


def delete_superseded(csvs: Bucket, record: Record) -> bool:
    """No CSV and no unfinished upload of a finished job but the CSV that its record names; False if that failed."""
    kept = record.result.csv_path if record.result else None
    others = [key for key in (csv_keys.key(record, number + 1) for number in range(record.attempt)) if key != kept]
    try:
        _take_away(csvs, others)
    except Unavailable as exc:
        _LOG.warning("not cleared", extra={"job_id": record.job_id, "cause": exc.cause})
        return False
    return True


def delete_all(csvs: Bucket, job: Record | Tombstone) -> None:
    """No CSV and no unfinished upload of a deleted job, but those of a later life of its id; or Unavailable."""
    found = [key for key in csvs.list_keys(csv_keys.folder(job.job_id)) if _attempt(key) <= job.attempt]
    if isinstance(job, Record):  # only it knows the names of uploads that never appeared
        found = sorted({*found, *(csv_keys.key(job, number + 1) for number in range(job.attempt))})
    _take_away(csvs, found)


def delete_best_effort(csvs: Bucket, key: str) -> None:
    """Not the CSV of an attempt that has lost its job; what fails is for later."""
    try:
        csvs.delete(key)
    except Unavailable as exc:
        _LOG.warning("not dropped", extra={"cause": exc.cause})


def _take_away(csvs: Bucket, keys: list[str]) -> None:
    for key in keys:
        csvs.abort_uploads(key)
        csvs.delete(key)


def _attempt(key: str) -> int:
    made = csv_keys.made_by(key)
    return made[1] if made else 0
