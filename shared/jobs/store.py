"""The job lifecycle on object storage: queued → processing → completed or failed.

The record `jobs/<job_id>.json` is the source of truth. It is created with If-None-Match and changed by
compare-and-swap, so one of several concurrent transitions succeeds and the others raise. A marker
(shared/job_index/markers.py) announces each transition to the list and to the sweep. It is written before the record
on creation, and after it otherwise.

    create     marker, then record             a record never exists without a marker
    claim      record (attempt, owner, lease), then marker
    renew      record (lease)                  while the attempt runs
    release    record (no lease, the cause)    the next attempt can start immediately
    finish     record (result or error), then marker
    delete     marker, then tombstone          after the marker, the sweep completes the deletion
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared import errors, ids
from shared.job_index import markers
from shared.jobs import audit, record_json
from shared.models import Record, Result, Status, Tombstone
from shared.storage.bucket import Bucket, ObjectChanged, ObjectMissing
from shared.telemetry import spans

_LOG = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
ORPHAN_AGE = timedelta(minutes=10)  # after it, a marker without a record is garbage; longer than any submit request
RECORD_PREFIX = "jobs/"
TOMBSTONE_EXPIRY_PREFIX = "d/"  # empty objects whose keys contain the deletion date and the job id
_RENEWAL_THRESHOLD = LEASE * 2 / 3  # a lease with less remaining time is renewed
_CLOCK_SKEW = timedelta(seconds=5)  # maximum difference between the clocks of two pods
_MAX_CAS_ATTEMPTS = 5

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the current time, truncated to the milliseconds that the API shows."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


@dataclass
class VersionedRecord:
    """A record and the entity tag that the next compare-and-swap requires. Mutable: `JobStore.renew` updates both."""

    record: Record
    etag: str


class JobStore:
    """The jobs of a bucket. Every method raises Unavailable if the storage fails."""

    def __init__(self, bucket: Bucket, clock: Clock = utc_now) -> None:
        self._bucket = bucket
        self._clock = clock

    def get(self, job_id: str) -> Record:
        """Return the current record. Raises NotFound, also for a deleted job."""
        try:
            return self.get_for_update(job_id).record
        except errors.JobDeleted:
            raise errors.NotFound("No such job") from None

    def get_for_update(self, job_id: str) -> VersionedRecord:
        """Return the current record for a compare-and-swap. Raises NotFound or JobDeleted."""
        job, etag = self.load(job_id)
        if isinstance(job, Tombstone):
            raise errors.JobDeleted(job_id)
        return VersionedRecord(job, etag)

    def load(self, job_id: str) -> tuple[Record | Tombstone, str]:
        """Return the record or tombstone and its entity tag. Raises NotFound or CorruptRecord."""
        job, etag = self._load(job_id)
        if job is None:
            raise errors.CorruptRecord(job_id)
        return job, etag

    def _load(self, job_id: str) -> tuple[Record | Tombstone | None, str]:
        """Return the record or tombstone, None for a corrupt one, and its entity tag. Raises NotFound."""
        try:
            stored = self._bucket.get(_key(job_id))
        except ObjectMissing:
            raise errors.NotFound("No such job") from None
        try:
            job = record_json.decode(stored.body)
        except ValueError:
            return None, stored.etag
        return (job if job.job_id == job_id else None), stored.etag  # a copy of another job's record is corrupt

    def create(self, record: Record, *, replace_deleted: bool = False) -> Record:
        """Create the job and its list entry. Returns the existing job, unchanged, if the id is in use.

        If the job of this id was deleted, `replace_deleted` creates a new one with a later `queued_at`. Otherwise
        raises JobDeleted. Raises CorruptRecord if the existing record is corrupt.
        """
        tombstone_etag = None
        for _ in range(_MAX_CAS_ATTEMPTS):
            orphaned_marker = self._try_create(record, tombstone_etag)
            if orphaned_marker is None:
                audit.record_creation(record)
                return record
            try:
                existing, tombstone_etag = self.load(record.job_id)
            except errors.NotFound:
                tombstone_etag = None
                continue
            except errors.CorruptRecord:
                self._bucket.delete(orphaned_marker)
                raise
            if isinstance(existing, Record):
                self.write_marker(existing)  # its creator may have died before the job was listed
            # At the same position the record is our own, and the response to its creation was lost.
            if markers.position_of(existing) != markers.position_of(record):
                self._bucket.delete(orphaned_marker)
            if isinstance(existing, Record):
                return existing
            if not replace_deleted:
                raise errors.JobDeleted(record.job_id)
            queued_at = max(record.queued_at, existing.queued_at + timedelta(milliseconds=1))
            record = record.copy_with(queued_at=queued_at, attempt=existing.attempt, previous_attempts=existing.attempt)
        raise errors.JobLocked("The job is created and deleted concurrently")

    def _try_create(self, record: Record, tombstone_etag: str | None) -> str | None:
        """Write a marker, then create the record, or replace the tombstone with `tombstone_etag`.

        Returns None on success, or the key of the marker if the id is in use.
        """
        marker = markers.write_marker(self._bucket, markers.entry_of(record))
        try:
            if tombstone_etag is None:
                self._bucket.create(_key(record.job_id), record_json.encode(record))
            else:
                self._bucket.replace(_key(record.job_id), record_json.encode(record), tombstone_etag)
        except ObjectChanged:
            return marker
        # A second marker is needed if a sweep may have deleted the first as an orphan, and if concurrent creations of
        # the same id may have written markers (MarkerLog.visible_entries).
        is_slow = self._clock() - record.queued_at > ORPHAN_AGE / 2
        if is_slow or ids.is_derived(record.job_id):
            self.write_marker(record)
        return None

    def write_marker(self, record: Record) -> None:
        """Write a marker for the state of the record. Idempotent for readers of the list."""
        markers.write_marker(self._bucket, markers.entry_of(record))

    def claim(self, job_id: str) -> VersionedRecord:
        """Start an attempt and acquire the lease. Raises NotFound, JobDeleted, JobFinished or JobLocked."""
        for _ in range(_MAX_CAS_ATTEMPTS):
            current = self.get_for_update(job_id)
            record, now = current.record, self._clock()
            if record.status.is_finished:
                self.write_marker(record)
                raise errors.JobFinished(job_id)
            if has_active_lease(record, now):
                raise errors.JobLocked("Another attempt holds the job")
            claimed = record.copy_with(
                status=Status.PROCESSING,
                attempt=record.attempt + 1,
                expired_leases=record.expired_leases + (record.lease_expires_at is not None),
                started_at=record.started_at or now,
                owner=ids.token(),
                attempt_traceparent=spans.current_span().trace.traceparent,
                lease_expires_at=now + LEASE,
                redispatch_count=0,
                redispatched_at=None,
            )
            try:
                claim = self._compare_and_swap(current, claimed)
            except errors.LeaseLost:
                continue
            audit.record_claim(record, claim.record)
            self._write_marker_best_effort(claim.record)
            return claim
        raise errors.JobLocked("Other attempts claim the job concurrently")

    def renew(self, claim: VersionedRecord) -> None:
        """Renew the lease if a third of it has passed, and update `claim`. Raises LeaseLost."""
        now = self._clock()
        expires_at = claim.record.lease_expires_at
        if expires_at is not None and expires_at - now <= _RENEWAL_THRESHOLD:
            renewed = self._compare_and_swap(claim, claim.record.copy_with(lease_expires_at=now + LEASE))
            claim.record, claim.etag = renewed.record, renewed.etag

    def release(self, claim: VersionedRecord, cause: str) -> None:
        """Release the lease so that the next attempt can start immediately. `cause` is a code. Raises LeaseLost."""
        record = claim.record
        released = {
            "released_attempts": record.released_attempts + 1,
            "released_at": self._clock(),
            "cause": cause,
        }
        self._compare_and_swap(claim, record.copy_with(owner=None, lease_expires_at=None, **released))
        audit.record_release(record, cause)

    def record_redispatch(self, current: VersionedRecord) -> None:
        """Count a republished request event. Raises LeaseLost if the record has changed."""
        record = current.record
        self._compare_and_swap(
            current, record.copy_with(redispatch_count=record.redispatch_count + 1, redispatched_at=self._clock())
        )

    def complete(self, claim: VersionedRecord, result: Result) -> Record:
        """Complete the job and return its record. Raises LeaseLost if the job was claimed again or deleted."""
        return self._finish(claim, claim.record.copy_with(status=Status.COMPLETED, result=result))

    def fail(self, claim: VersionedRecord, code: str, message: str) -> Record:
        """Fail the job with a code and message for callers, and return its record. Raises LeaseLost as `complete`."""
        return self._finish(claim, claim.record.copy_with(status=Status.FAILED, error_code=code, error_message=message))

    def mark_deleted(self, position: markers.Position) -> None:
        """Remove the job at `position` from the list. The sweep completes the deletion."""
        markers.write_marker(self._bucket, markers.deletion_entry(position))

    def replace_with_tombstone(
        self, position: markers.Position, corrupt_attempt: int | None = None
    ) -> Record | Tombstone:
        """Replace the record of the job at `position` by a tombstone. Raises NotFound, JobLocked or CorruptRecord.

        Returns the replaced record, or the tombstone that exists already. If a later job has reused the id, it is kept,
        and the result is a tombstone of the earlier one.

        With `corrupt_attempt`, a corrupt record is replaced as well. It is the attempt number of the tombstone, which
        is returned then. No later job may have reused the id, because a corrupt record does not tell its position.
        """
        queued_ms, job_id = position
        for _ in range(_MAX_CAS_ATTEMPTS):
            job, etag = self.load(job_id) if corrupt_attempt is None else self._load(job_id)
            if isinstance(job, Tombstone):
                return job
            now = self._clock()
            if job is not None and markers.position_of(job) != position:
                return Tombstone(job_id=job_id, queued_at=job.queued_at, deleted_at=now, attempt=job.previous_attempts)
            if not ids.is_derived(job_id):
                self._bucket.put(f"{TOMBSTONE_EXPIRY_PREFIX}{now:%Y-%m-%d}/{job_id}")
            queued_at = markers.from_milliseconds(queued_ms) if job is None else job.queued_at
            attempt = corrupt_attempt or 0 if job is None else job.attempt
            tombstone = Tombstone(job_id=job_id, queued_at=queued_at, deleted_at=now, attempt=attempt)
            try:
                self._bucket.replace(_key(job_id), record_json.encode(tombstone), etag)
            except ObjectChanged:
                continue
            audit.record_deletion(job_id, "unknown" if job is None else job.status)
            return job or tombstone
        raise errors.JobLocked("Attempts change the job concurrently")

    def purge_tombstone(self, job_id: str) -> None:
        """Delete an expired tombstone, also if it is corrupt. Keeps a record."""
        try:
            job, _ = self._load(job_id)
        except errors.NotFound:
            return
        if not isinstance(job, Record):
            self._bucket.delete(_key(job_id))

    def _finish(self, claim: VersionedRecord, record: Record) -> Record:
        final = record.copy_with(completed_at=self._clock(), owner=None, lease_expires_at=None)
        finished = self._compare_and_swap(claim, final).record
        audit.record_finish(claim.record, finished)
        self._write_marker_best_effort(finished)
        return finished

    def _write_marker_best_effort(self, record: Record) -> None:
        """Write a marker. If that fails, the next sweep or the next event of the job writes it."""
        try:
            self.write_marker(record)
        except errors.Unavailable as exc:
            _LOG.warning("failed to write marker", extra={"job_id": record.job_id, "cause": exc.cause})

    def _compare_and_swap(self, current: VersionedRecord, record: Record) -> VersionedRecord:
        try:
            return VersionedRecord(
                record, self._bucket.replace(_key(record.job_id), record_json.encode(record), current.etag)
            )
        except ObjectChanged as exc:
            raise errors.LeaseLost("Another attempt has taken the job") from exc


def has_active_lease(record: Record, now: datetime) -> bool:
    """Whether an attempt may hold the lease, with a margin for clock skew."""
    return record.lease_expires_at is not None and now < record.lease_expires_at + _CLOCK_SKEW


def _key(job_id: str) -> str:
    return f"{RECORD_PREFIX}{job_id}.json"
