"""What goes by age: old jobs and CSVs where a deployment says so, CSVs that no job names, tombstones."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from functions.calculate.sweep.compaction import Compaction
from shared import ids
from shared.errors import CorruptRecord, JobLocked, NotFound
from shared.job_index.markers import milliseconds
from shared.jobs import csv_keys, deletion
from shared.jobs.store import TOMBSTONE_EXPIRY_PREFIX, JobStore
from shared.models import Record
from shared.storage.bucket import Bucket, ObjectSummary

_LOG = logging.getLogger(__name__)
_OVER_AGE = timedelta(hours=1)  # jobs go in batches: each one rewrites the segment that it lies in
_MOST_JOBS = 500
_LOOKED_AT = 10  # CSVs whose records one sweep looks at, with a request each: all of a home's within hours
_AGES = 1_000  # CSVs whose ages it looks at: one request tells them
_STRAY = timedelta(days=1)  # a CSV whose job nobody knows
TOMBSTONE_TTL = timedelta(days=7)  # longer than any event is under way


class Retention:
    """Takes away a bounded part at each run; an age of None is for ever."""

    def __init__(
        self, bucket: Bucket, csvs: Bucket, store: JobStore, job_age: timedelta | None, csv_age: timedelta | None
    ) -> None:
        self._bucket = bucket
        self._csvs = csvs
        self._jobs = store
        self._job_age = job_age
        self._csv_age = csv_age

    def run(self, fold: Compaction, now: datetime) -> None:
        """One part of each, or Unavailable; what was not reached is reached by a later run."""
        self._tombstones(now)
        if self._job_age is not None:
            self._old_jobs(fold, now - self._job_age)
        self._look_at_csvs(fold, now)

    def _tombstones(self, now: datetime) -> None:
        """Those that have stood long enough; a derived id's stays, because the id may be used again at any time."""
        until = f"{TOMBSTONE_EXPIRY_PREFIX}{now - TOMBSTONE_TTL:%Y-%m-%d}/"
        old = [listed.key for listed in self._bucket.list_page(TOMBSTONE_EXPIRY_PREFIX) if listed.key < until]
        for key in old:
            self._jobs.purge_tombstone(key.rpartition("/")[2])
        self._bucket.delete_many(old)

    def _old_jobs(self, fold: Compaction, before: datetime) -> None:
        if not fold.oldest(milliseconds(before - _OVER_AGE), 1):
            return
        for entry in fold.oldest(milliseconds(before), _MOST_JOBS):
            try:
                deletion.delete(self._jobs, self._csvs, entry.job_id)
            except (NotFound, JobLocked):
                continue  # its marker leads the next sweep to it

    def _look_at_csvs(self, fold: Compaction, now: datetime) -> None:
        """Some CSVs, from that of any job on: each one that is too old, or that no record will ever name, goes."""
        some = fold.some_job(ids.chance.getrandbits(32))
        limit = _LOOKED_AT if self._csv_age is None else _AGES
        page = self._csvs.list_page("csv/", after=csv_keys.job_prefix(some) if some else "", limit=limit)
        if len(page) < limit:  # the end: go on at the beginning
            page += self._csvs.list_page("csv/", limit=limit - len(page))
        gone = [listed.key for listed in page if self._is_too_old(listed, now)]
        gone += self._strays([listed for listed in page[:_LOOKED_AT] if listed.key not in gone], now)
        self._csvs.delete_many(gone)
        if gone:
            _LOG.info("CSVs taken away", extra={"count": len(gone)})

    def _is_too_old(self, listed: ObjectSummary, now: datetime) -> bool:
        old = self._csv_age is not None and now - listed.last_modified > self._csv_age
        return old and csv_keys.parse_key(listed.key) is not None

    def _strays(self, page: list[ObjectSummary], now: datetime) -> Iterator[str]:
        for listed in page:
            made = csv_keys.parse_key(listed.key)
            if made is not None and self._is_stray(listed, *made, now=now):
                yield listed.key

    def _is_stray(self, listed: ObjectSummary, job_id: str, attempt: int, *, now: datetime) -> bool:
        """Whether no record names the CSV, and none can: only the latest attempt of an unfinished job may still win."""
        try:
            job, _ = self._jobs.load(job_id)
        except NotFound:
            return now - listed.last_modified > _STRAY
        except CorruptRecord:
            return False
        if isinstance(job, Record) and (job.result is not None or not job.status.finished):
            named = job.result.csv_path if job.result is not None else csv_keys.key(job)
            return listed.key != named and attempt <= job.attempt
        return attempt <= job.attempt
