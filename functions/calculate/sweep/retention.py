"""Delete expired objects: jobs and CSVs past their configured age, orphaned CSVs, and old tombstones."""

import logging
from contextlib import suppress
from datetime import datetime, timedelta

from functions.calculate.sweep.compaction import Compaction
from functions.calculate.sweep.failures import Failures
from shared import ids
from shared.errors import JobLocked, NotFound
from shared.job_index.markers import milliseconds
from shared.jobs import csv_keys, deletion
from shared.jobs.store import TOMBSTONE_EXPIRY_PREFIX, JobStore
from shared.models import Record
from shared.storage.bucket import Bucket, ObjectSummary

_LOG = logging.getLogger(__name__)
_BATCH_INTERVAL = timedelta(hours=1)  # jobs are deleted in batches, because each one rewrites its segment
_MAX_JOBS = 500
_MAX_RECORDS = 10  # one request for each; a sweep a minute checks all CSVs of a home within hours
_MAX_CSVS = 1_000  # one request lists them with their ages
_ORPHAN_AGE = timedelta(days=1)  # of a CSV without a job record
TOMBSTONE_TTL = timedelta(days=7)  # longer than any event can be in delivery


class Retention:
    """Delete a bounded number of expired objects in each run. An age of None means unlimited retention."""

    def __init__(
        self, bucket: Bucket, csvs: Bucket, store: JobStore, job_age: timedelta | None, csv_age: timedelta | None
    ) -> None:
        self._bucket = bucket
        self._csvs = csvs
        self._jobs = store
        self._job_age = job_age
        self._csv_age = csv_age

    def run(self, compaction: Compaction | None, now: datetime, failures: Failures) -> None:
        """Delete one batch of each kind. Without the index, which jobs and CSVs need, only tombstones.

        Raises Unavailable if the storage is unavailable; later runs continue.
        """
        with failures.isolate("expired tombstones not deleted"):
            self._purge_tombstones(now, failures)
        if compaction is None:
            return
        if self._job_age is not None:
            with failures.isolate("expired jobs not deleted"):
                self._delete_old_jobs(compaction, now - self._job_age, failures)
        with failures.isolate("expired CSVs not deleted"):
            self._delete_csvs(compaction, now, failures)

    def _purge_tombstones(self, now: datetime, failures: Failures) -> None:
        """Purge expired tombstones. Those of derived ids have no expiry, because their ids can be used again."""
        until = f"{TOMBSTONE_EXPIRY_PREFIX}{now - TOMBSTONE_TTL:%Y-%m-%d}/"
        expired = [listed.key for listed in self._bucket.list_page(TOMBSTONE_EXPIRY_PREFIX) if listed.key < until]
        purged: list[str] = []
        for key in expired:
            job_id = key.rpartition("/")[2]
            with failures.isolate("expired tombstone not deleted", job_id):
                self._jobs.purge_tombstone(job_id)
                purged.append(key)
        self._bucket.delete_many(purged)

    def _delete_old_jobs(self, compaction: Compaction, before: datetime, failures: Failures) -> None:
        if not compaction.oldest_finished(milliseconds(before - _BATCH_INTERVAL), 1):
            return
        for entry in compaction.oldest_finished(milliseconds(before), _MAX_JOBS):
            # After a failure, the marker makes the next sweep try again.
            with failures.isolate("expired job not deleted", entry.job_id), suppress(JobLocked):
                deletion.delete_at(self._jobs, self._csvs, entry.position)

    def _delete_csvs(self, compaction: Compaction, now: datetime, failures: Failures) -> None:
        """Delete expired and orphaned CSVs among those that follow a random job's in the bucket."""
        job_id = compaction.job_at(ids.rng.getrandbits(32))
        limit = _MAX_RECORDS if self._csv_age is None else _MAX_CSVS
        page = self._csvs.list_page("csv/", after=csv_keys.job_prefix(job_id) if job_id else "", limit=limit)
        if len(page) < limit:  # the end of the bucket: continue at its start
            page += self._csvs.list_page("csv/", limit=limit - len(page))
        keys = [listed.key for listed in page if self._is_expired(listed, now)]
        keys += self._orphans([listed for listed in page[:_MAX_RECORDS] if listed.key not in keys], now, failures)
        self._csvs.delete_many(keys)
        if keys:
            _LOG.info("expired and orphaned CSVs deleted", extra={"count": len(keys)})

    def _is_expired(self, listed: ObjectSummary, now: datetime) -> bool:
        expired = self._csv_age is not None and now - listed.last_modified > self._csv_age
        return expired and csv_keys.parse_key(listed.key) is not None

    def _orphans(self, page: list[ObjectSummary], now: datetime, failures: Failures) -> list[str]:
        orphans: list[str] = []
        for listed in page:
            origin = csv_keys.parse_key(listed.key)
            if origin is not None:
                with failures.isolate("CSV kept", origin[0]):
                    if self._is_orphan(listed, *origin, now=now):
                        orphans.append(listed.key)
        return orphans

    def _is_orphan(self, listed: ObjectSummary, job_id: str, attempt: int, *, now: datetime) -> bool:
        """Whether no record refers to the CSV now or later. Only the latest attempt of an unfinished job can commit.

        Raises CorruptRecord.
        """
        try:
            job, _ = self._jobs.load(job_id)
        except NotFound:
            return now - listed.last_modified > _ORPHAN_AGE
        if isinstance(job, Record) and (job.result is not None or not job.status.is_finished):
            current = job.result.csv_path if job.result is not None else csv_keys.key(job)
            return listed.key != current and attempt <= job.attempt
        return attempt <= job.attempt
