"""The sweep, once a minute: what deaths and outages have left behind goes on or ends, and the list is made dense.

It looks at the record of every job that has moved since the last sweep or has not ended, never at the others.
"""

import logging
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from functions.calculate.event_publisher import EventPublisher
from functions.calculate.sweep.compaction import Compaction
from functions.calculate.sweep.devices import Devices
from functions.calculate.sweep.retention import Retention
from shared import ids
from shared.errors import CorruptRecord, JobLocked, LeaseLost, NotFound, Unavailable
from shared.job_index import markers
from shared.job_index.markers import Entry, Position
from shared.jobs import csv_cleanup, deletion
from shared.jobs import store as job_store
from shared.models import Record, Status, Tombstone
from shared.storage.bucket import Bucket, ObjectMissing
from shared.telemetry import metrics, spans

_LOG = logging.getLogger(__name__)
_OVERDUE = timedelta(seconds=60)  # without a claim or a renewal
_REDELIVERY = timedelta(seconds=60)  # ... after the broker was told to try again, which it does by itself
_LONGEST_WAIT = timedelta(hours=1)
_MOST_AT_ONCE = 10_000  # jobs that one sweep looks at, a few milliseconds each


class Deferred(Exception):
    """What becomes of the job is not to be seen yet: its markers stay."""


@dataclass
class SweepRun:
    """One sweep: when it began, and how the broker failed; once it has, nothing more is asked for."""

    now: datetime
    broker: Unavailable | None = None
    waiting: dict[Status, list[datetime]] = field(default_factory=lambda: {Status.QUEUED: [], Status.PROCESSING: []})

    def saw(self, record: Record) -> None:
        """Count what has not ended."""
        if record.status in self.waiting:
            self.waiting[record.status].append(record.queued_at)

    def tell(self) -> None:
        """How many jobs have not ended, and since when the oldest waits."""
        for status, queued in self.waiting.items():
            age = (self.now - min(queued, default=self.now)).total_seconds()
            metrics.BACKLOG.set(len(queued), {"status": status})
            metrics.BACKLOG_AGE.set(max(age, 0), {"status": status})
        spans.current_span().set({f"distance.backlog.{status}": len(queued) for status, queued in self.waiting.items()})


class Sweep:
    """Looks after the jobs of a bucket; two at once do no harm: each step is a compare-and-swap or bears repetition."""

    def __init__(
        self,
        bucket: Bucket,
        csvs: Bucket,
        store: job_store.JobStore,
        *,
        event_publisher: EventPublisher,
        retention: Retention,
        devices: Devices,
        clock: job_store.Clock = job_store.utc_now,
    ) -> None:
        self._bucket = bucket
        self._csvs = csvs
        self._jobs = store
        self._event_publisher = event_publisher
        self._retention = retention
        self._devices = devices
        self._clock = clock

    def run(self) -> None:
        """Every job that moved or has not ended is listed as it is, and goes on where it stands still.

        Unavailable: what was not reached is reached by the next sweep.
        """
        this, began = SweepRun(self._clock()), time.perf_counter()
        with spans.span("distance.sweep"):
            try:
                self._once(this)
            except ObjectMissing:
                _LOG.info("another sweep is folding")
            metrics.SWEEP_DURATION.record(time.perf_counter() - began)
            self._devices.refresh(this.now)
            if this.broker is not None:
                raise this.broker

    def _once(self, this: SweepRun) -> None:
        """The sweep proper; ObjectMissing when another one has taken a segment away meanwhile."""
        fold = Compaction(self._bucket)
        truth: dict[Position, Entry | None] = {}
        for entry in _some(fold.pending()):
            try:
                truth[entry.position] = self._reconcile(entry, this)
            except Deferred:
                continue
        this.tell()
        fold.commit(truth)
        fold.drop_garbage()
        self._retention.run(fold, this.now)

    def _reconcile(self, entry: Entry, this: SweepRun) -> Entry | None:
        """What the list shall show of the job from now on, None for nothing; Deferred where it can't be told yet."""
        if entry.status is Status.DELETED:
            self._complete_deletion(entry)
            return None
        try:
            job, etag = self._jobs.load(entry.job_id)
        except NotFound:
            _expect_nothing(entry, this)
            return None
        except CorruptRecord:
            _LOG.error("unreadable record", extra={"job_id": entry.job_id})
            raise Deferred from None
        if isinstance(job, Tombstone):
            if markers.position_of(job) != entry.position:
                _expect_nothing(entry, this)
            return None
        if markers.position_of(job) != entry.position:
            return None  # who put the marker was not the first to create the job
        record = self._moved_on(job_store.VersionedRecord(job, etag), this)
        this.saw(record)
        if record.status.finished and record.attempt > 1 and not csv_cleanup.delete_superseded(self._csvs, record):
            self._jobs.write_marker(record)  # a marker that is left leads the next sweep to it
        return markers.entry_of(record)

    def _complete_deletion(self, entry: Entry) -> None:
        """Whoever began it may have died."""
        try:
            deletion.complete(self._jobs, self._csvs, entry.job_id, entry.position)
        except NotFound:
            return
        except JobLocked:
            raise Deferred from None

    def _moved_on(self, found: job_store.VersionedRecord, this: SweepRun) -> Record:
        """The record, after what is due: nothing, a request once more, or its end."""
        record = found.record
        if record.status.finished or this.now < _due(record):
            return record
        try:
            if failure := job_store.attempt_limit_error(record):
                record = self._jobs.fail(found, failure.code, failure.message)
                self._event_publisher.publish_outcome(record)
            elif this.broker is None:
                self._event_publisher.republish_request(record)
                self._jobs.record_redispatch(found)
                metrics.ASKED_AGAIN.add()
                _LOG.info("asked again", extra={"job_id": record.job_id, "attempt": record.attempt})
        except LeaseLost:
            pass  # it has moved, and a marker says so
        except Unavailable as exc:
            if exc.dependency != "broker":
                raise
            this.broker = exc
        return record


def _expect_nothing(entry: Entry, this: SweepRun) -> None:
    """No record belongs to the entry: Deferred while one may still come, because somebody is creating the job."""
    if entry.status is Status.QUEUED and this.now - entry.queued_at < job_store.ORPHAN_AGE:
        raise Deferred


def _due(record: Record) -> datetime:
    """When the job has stood still for too long; each request that brought nothing doubles the wait."""
    moved = [record.queued_at]
    moved += [instant for instant in (record.lease_expires_at, record.redispatched_at) if instant is not None]
    if record.released_at is not None:
        moved.append(record.released_at + _REDELIVERY)
    return max(moved) + min(_OVERDUE * (1 << record.redispatch_count), _LONGEST_WAIT)


def _some(entries: list[Entry]) -> list[Entry]:
    """As many as one sweep can look at: where there are more, another stretch of them each time."""
    if len(entries) <= _MOST_AT_ONCE:
        return entries
    start = ids.chance.randrange(len(entries))
    return (entries[start:] + entries[:start])[:_MOST_AT_ONCE]
