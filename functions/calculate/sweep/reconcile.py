"""The sweep, once a minute: reconcile unfinished jobs, compact the index, apply retention, refresh the device list.

The reconciliation loads the record of every job that has changed since the last sweep or has not finished.
"""

import logging
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from functions.calculate.event_publisher import EventPublisher
from functions.calculate.sweep.compaction import Compaction
from functions.calculate.sweep.devices import DeviceRefresher
from functions.calculate.sweep.failures import Failures
from functions.calculate.sweep.retention import Retention
from shared import ids
from shared.errors import CorruptRecord, JobLocked, LeaseLost, NotFound, Unavailable
from shared.job_index import markers
from shared.job_index.markers import Entry, Position
from shared.jobs import attempt_limits, csv_cleanup, deletion
from shared.jobs import store as job_store
from shared.models import Record, Status, Tombstone
from shared.storage.bucket import Bucket
from shared.telemetry import metrics, spans

_LOG = logging.getLogger(__name__)
_STUCK_AFTER = timedelta(seconds=60)  # without a claim or a renewal
_REDELIVERY_TIME = timedelta(seconds=60)  # after a released attempt the broker delivers again by itself
_MAX_BACKOFF = timedelta(hours=1)
_MAX_JOBS = 10_000  # reconciled by one sweep, at a few milliseconds each


class Deferred(Exception):
    """The state of the job cannot be determined yet. Its markers stay for the next sweep."""


@dataclass
class SweepRun:
    """State of one sweep: its start, its backlog, and the broker's failure, after which it publishes no more events."""

    now: datetime
    broker_failure: Unavailable | None = None
    backlog: dict[Status, list[datetime]] = field(default_factory=lambda: {Status.QUEUED: [], Status.PROCESSING: []})

    def add_to_backlog(self, record: Record) -> None:
        """Count the job if it has not finished."""
        if record.status in self.backlog:
            self.backlog[record.status].append(record.queued_at)

    def report_backlog(self) -> None:
        """Record the number of unfinished jobs and the age of the oldest one in each state."""
        for status, queued in self.backlog.items():
            age = (self.now - min(queued, default=self.now)).total_seconds()
            metrics.BACKLOG.set(len(queued), {"status": status})
            metrics.BACKLOG_AGE.set(max(age, 0), {"status": status})
        spans.current_span().set({f"distance.backlog.{status}": len(queued) for status, queued in self.backlog.items()})


class Sweep:
    """Repair the jobs of a bucket.

    Sweeps can run concurrently: every step is a compare-and-swap or idempotent.
    """

    def __init__(
        self,
        bucket: Bucket,
        csvs: Bucket,
        store: job_store.JobStore,
        *,
        event_publisher: EventPublisher,
        retention: Retention,
        device_refresher: DeviceRefresher,
        clock: job_store.Clock = job_store.utc_now,
    ) -> None:
        self._bucket = bucket
        self._csvs = csvs
        self._jobs = store
        self._event_publisher = event_publisher
        self._retention = retention
        self._device_refresher = device_refresher
        self._clock = clock

    def run(self) -> None:
        """Run all steps of a sweep, also those after a failed one.

        Raises the first failure at the end, except a corrupt record, or Unavailable as soon as the storage is
        unavailable. The next sweep continues.
        """
        run, failures, started = SweepRun(self._clock()), Failures(self._bucket.ping), time.perf_counter()
        with spans.span("distance.sweep"):
            compaction: Compaction | None = None
            reconciled: dict[Position, Entry | None] = {}
            try:
                with failures.isolate("index not read"):
                    compaction = Compaction(self._bucket)
                if compaction is not None:
                    with failures.isolate("jobs not reconciled"):
                        self._reconcile_all(compaction, reconciled, run, failures)
                    run.report_backlog()
                    with failures.isolate("index not compacted"):
                        compaction.commit(reconciled)
                    with failures.isolate("superseded segments not deleted"):
                        compaction.delete_garbage()
                self._retention.run(compaction, run.now, failures)
            finally:
                metrics.SWEEP_DURATION.record(time.perf_counter() - started)
            with failures.isolate("devices not refreshed"):
                self._device_refresher.refresh(run.now)
            if failure := failures.first or run.broker_failure:
                raise failure

    def _reconcile_all(
        self,
        compaction: Compaction,
        reconciled: dict[Position, Entry | None],
        run: SweepRun,
        failures: Failures,
    ) -> None:
        """Reconcile all pending jobs and add their entries to `reconciled`."""
        for entry in _limit(compaction.pending()):
            with failures.isolate("job not reconciled", entry.job_id), suppress(Deferred):
                reconciled[entry.position] = self._reconcile(entry, run, compaction)

    def _reconcile(self, entry: Entry, run: SweepRun, compaction: Compaction) -> Entry | None:
        """Repair one job and return its entry for the index, or None to remove it. Raises Deferred or CorruptRecord."""
        if entry.status is Status.DELETED:
            self._complete_deletion(entry, compaction)
            return None
        try:
            job, etag = self._jobs.load(entry.job_id)
        except NotFound:
            _defer_if_being_created(entry, run)
            return None
        if isinstance(job, Tombstone):
            if markers.position_of(job) != entry.position:
                _defer_if_being_created(entry, run)
            return None
        if markers.position_of(job) != entry.position:
            return None  # the marker is of a request that lost the race to create the job
        record = self._resolve_if_stuck(job_store.VersionedRecord(job, etag), run)
        run.add_to_backlog(record)
        if record.status.is_finished and record.attempt > 1 and not csv_cleanup.delete_superseded(self._csvs, record):
            self._jobs.write_marker(record)  # a new marker, so that the next sweep tries again
        return markers.entry_of(record)

    def _complete_deletion(self, entry: Entry, compaction: Compaction) -> None:
        """Complete a deletion that was interrupted. Raises Deferred if the record changes concurrently."""
        try:
            try:
                deletion.complete(self._jobs, self._csvs, entry.position)
            except CorruptRecord:
                if not compaction.is_reused(entry.position):  # else the record is of the later job
                    deletion.complete_corrupt(self._jobs, self._csvs, entry.position)
        except NotFound:
            return
        except JobLocked:
            raise Deferred from None

    def _resolve_if_stuck(self, claim: job_store.VersionedRecord, run: SweepRun) -> Record:
        """Fail a stuck job that has used up its attempts, or publish its request event again. Return its record."""
        record = claim.record
        if record.status.is_finished or run.now < _stuck_at(record):
            return record
        try:
            if failure := attempt_limits.exceeded(record):
                record = self._jobs.fail(claim, failure.code, failure.message)
                self._event_publisher.publish_outcome(record)
            elif run.broker_failure is None:
                self._event_publisher.republish_request(record)
                self._jobs.record_redispatch(claim)
                metrics.REDISPATCHED.add()
                _LOG.info("request event republished", extra={"job_id": record.job_id, "attempt": record.attempt})
        except LeaseLost:
            pass  # the record has changed, and its new marker is for the next sweep
        except Unavailable as exc:
            if exc.dependency != "broker":
                raise
            run.broker_failure = exc
        return record


def _defer_if_being_created(entry: Entry, run: SweepRun) -> None:
    """Raise Deferred if the marker is so new that its record can still be written."""
    if entry.status is Status.QUEUED and run.now - entry.queued_at < job_store.ORPHAN_AGE:
        raise Deferred


def _stuck_at(record: Record) -> datetime:
    """Return the time from which an unfinished job counts as stuck. Each redispatch doubles the wait."""
    progress = [record.queued_at]
    progress += [instant for instant in (record.lease_expires_at, record.redispatched_at) if instant is not None]
    if record.released_at is not None:
        progress.append(record.released_at + _REDELIVERY_TIME)
    return max(progress) + min(_STUCK_AFTER * (1 << record.redispatch_count), _MAX_BACKOFF)


def _limit(entries: list[Entry]) -> list[Entry]:
    """Return at most _MAX_JOBS entries, starting at a random one, so that successive sweeps reach all of them."""
    start = ids.rng.randrange(len(entries)) if entries else 0
    return (entries[start:] + entries[:start])[:_MAX_JOBS]
