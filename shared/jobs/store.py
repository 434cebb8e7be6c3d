"""The life of a job on object storage: queued → processing → completed or failed, and never back.

The record `jobs/<job_id>.json` is the only truth. It is created where there was none and changed only by
compare-and-swap, so of any two that would move a job one wins and the other is told. A marker
(shared/job_index/markers.py) says of each change that there is something to see: before the record at the creation,
after it later on.

    submit     marker, then record           no job can exist unseen
    claim      record (attempt, owner, lease), then marker
    renew      record (lease)                while the attempt runs
    release    record (no lease, the cause)  the next attempt may start at once
    finish     record (result or error), then marker
    delete     marker, then tombstone        from the marker on the deletion is completed, whoever began it
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from shared import errors, ids
from shared.job_index import markers
from shared.jobs import audit
from shared.models import Record, Result, Status, Tombstone
from shared.storage.bucket import Bucket, ObjectChanged, ObjectMissing
from shared.telemetry import spans

_LOG = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
ORPHAN_AGE = timedelta(minutes=10)  # a marker whose record never came: longer than any request of submit lives
RECORD_PREFIX = "jobs/"
TOMBSTONE_EXPIRY_PREFIX = "d/"  # which tombstones may go when: keys that say it all
_RENEWED_BEFORE_END = LEASE * 2 / 3
_CLOCK_SKEW = timedelta(seconds=5)  # how far the clocks of two pods may differ
_MAX_CAS_ATTEMPTS = 5
_MAX_EXPIRED_LEASES = 5
_MAX_RELEASES = 100  # a broker with a dead-letter sink gives up long before
_MAX_REDISPATCHES = 24  # an hour apart in the end: most of a day
_STORED: TypeAdapter[Record | Tombstone] = TypeAdapter(
    Annotated[Record | Tombstone, Field(union_mode="left_to_right")],
)

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Now, to the millisecond: what a record holds is what callers read."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


@dataclass
class Claim:
    """A record as it was read or written last, and the entity tag that the next change must meet.

    The only thing here that changes in place: a renewed lease is the same claim.
    """

    record: Record
    etag: str


class JobStore:
    """The jobs of a bucket."""

    def __init__(self, bucket: Bucket, clock: Clock = utc_now) -> None:
        self._bucket = bucket
        self._clock = clock

    def get(self, job_id: str) -> Record:
        """The job as it is now, or NotFound."""
        try:
            return self.get_for_update(job_id).record
        except errors.JobDeleted:
            raise errors.NotFound("No such job") from None

    def get_for_update(self, job_id: str) -> Claim:
        """The job as it is now, to be changed unless it changes meanwhile; NotFound or JobDeleted."""
        job, etag = self.load(job_id)
        if isinstance(job, Tombstone):
            raise errors.JobDeleted(job_id)
        return Claim(job, etag)

    def load(self, job_id: str) -> tuple[Record | Tombstone, str]:
        """What stands under the id, and its entity tag; NotFound, or Unreadable."""
        try:
            stored = self._bucket.get(_key(job_id))
        except ObjectMissing:
            raise errors.NotFound("No such job") from None
        try:
            return _STORED.validate_json(stored.body), stored.etag
        except ValidationError:
            raise errors.CorruptRecord(job_id) from None

    def create(self, record: Record, *, again: bool = False) -> Record:
        """The job, durable and listed; where its id exists already, that job, unchanged.

        A deleted job's id may be used `again`, by a job that is queued later; else it is JobDeleted.
        """
        tombstone_etag = None
        for _ in range(_MAX_CAS_ATTEMPTS):
            marker = self._created(record, tombstone_etag)
            if marker is None:
                audit.created(record)
                return record
            try:
                there, tombstone_etag = self.load(record.job_id)
            except errors.NotFound:
                tombstone_etag = None
                continue
            if isinstance(there, Record):
                self.relist(there)  # whoever made it may have died before anybody could see it
            if markers.position_of(there) != markers.position_of(record):  # else it is ours: an answer was lost
                self._bucket.delete(marker)
            if isinstance(there, Record):
                return there
            if not again:
                raise errors.JobDeleted(record.job_id)
            later = max(record.queued_at, there.queued_at + timedelta(milliseconds=1))
            record = record.moved(queued_at=later, attempt=there.attempt, previous_attempts=there.attempt)
        raise errors.JobLocked("Others keep making and deleting the job")

    def _created(self, record: Record, tombstone_etag: str | None) -> str | None:
        """Marker, then record: where nothing stands, or the tombstone of entity tag `tombstone_etag`.

        None when the record stands, else the marker that was put in vain.
        """
        marker = markers.write_marker(self._bucket, markers.entry_of(record))
        try:
            if tombstone_etag is None:
                self._bucket.create(_key(record.job_id), _body(record))
            else:
                self._bucket.replace(_key(record.job_id), _body(record), tombstone_etag)
        except ObjectChanged:
            return marker
        slow = self._clock() - record.queued_at > ORPHAN_AGE / 2  # a sweep may take the first marker for abandoned
        if slow or ids.is_derived(record.job_id):  # others may have put markers for the same id, in vain
            self.relist(record)
        return None

    def relist(self, record: Record) -> None:
        """Say again which state the record is in: a process may have died between the two."""
        markers.write_marker(self._bucket, markers.entry_of(record))

    def claim(self, job_id: str) -> Claim:
        """The job for a new attempt, with a lease; else NotFound, JobDeleted, JobFinished or JobLocked."""
        for _ in range(_MAX_CAS_ATTEMPTS):
            found = self.get_for_update(job_id)
            record, now = found.record, self._clock()
            if record.status.finished:
                self.relist(record)
                raise errors.JobFinished(job_id)
            if is_held(record, now):
                raise errors.JobLocked("Another attempt holds the job")
            moved = record.moved(
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
                claim = self._swap(found, moved)
            except errors.LeaseLost:
                continue
            audit.claimed(record, claim.record)
            self._show(claim.record)
            return claim
        raise errors.JobLocked("Other attempts keep taking the job")

    def renew(self, claim: Claim) -> None:
        """Make the lease fresh when a third of it has gone; LeaseLost when the job was taken or deleted."""
        now = self._clock()
        ends = claim.record.lease_expires_at
        if ends is not None and ends - now <= _RENEWED_BEFORE_END:
            renewed = self._swap(claim, claim.record.moved(lease_expires_at=now + LEASE))
            claim.record, claim.etag = renewed.record, renewed.etag

    def release(self, claim: Claim, cause: str) -> None:
        """Give the lease back, so that the next attempt need not wait for its end; `cause` is a code, never a text."""
        record = claim.record
        released = {
            "released_attempts": record.released_attempts + 1,
            "released_at": self._clock(),
            "cause": cause,
        }
        self._swap(claim, record.moved(owner=None, lease_expires_at=None, **released))
        audit.released(record, cause)

    def record_redispatch(self, found: Claim) -> None:
        """Note that the request was published once more; LeaseLost when the job has moved meanwhile."""
        self._swap(
            found, found.record.moved(redispatch_count=found.record.redispatch_count + 1, redispatched_at=self._clock())
        )

    def complete(self, claim: Claim, result: Result) -> Record:
        """The job as completed; nothing else makes a job completed. LeaseLost when the job was taken or deleted."""
        return self._finish(claim, claim.record.moved(status=Status.COMPLETED, result=result))

    def fail(self, claim: Claim, code: str, message: str) -> Record:
        """The job as failed; code and message are what callers read. LeaseLost when the job was taken or deleted."""
        return self._finish(claim, claim.record.moved(status=Status.FAILED, error_code=code, error_message=message))

    def mark_deleted(self, job_id: str) -> markers.Position:
        """Take the job out of the list for good: from now on the sweep completes its deletion. Else NotFound."""
        job, _ = self.load(job_id)
        markers.write_marker(self._bucket, markers.deletion_entry(job))
        return markers.position_of(job)

    def replace_with_tombstone(self, job_id: str, position: markers.Position) -> Record | Tombstone:
        """Put a tombstone in place of the job at `position`; the job as it was, or the tombstone that stands already.

        Where a later job of the id stands by now, what is left of those before it; or NotFound.
        """
        for _ in range(_MAX_CAS_ATTEMPTS):
            job, etag = self.load(job_id)
            if isinstance(job, Tombstone):
                return job
            now = self._clock()
            if markers.position_of(job) != position:
                return Tombstone(job_id=job_id, queued_at=job.queued_at, deleted_at=now, attempt=job.previous_attempts)
            if not ids.is_derived(job_id):
                self._bucket.put(_tombstone_expiry_key(job_id, now))
            tombstone = Tombstone(job_id=job_id, queued_at=job.queued_at, deleted_at=now, attempt=job.attempt)
            try:
                self._bucket.replace(_key(job_id), _body(tombstone), etag)
            except ObjectChanged:
                continue
            audit.deleted(job)
            return job
        raise errors.JobLocked("Attempts keep changing the job")

    def purge_tombstone(self, job_id: str) -> None:
        """Take away a tombstone that nothing can be under way for any more; a job stays."""
        try:
            job, _ = self.load(job_id)
        except errors.NotFound:
            return
        if isinstance(job, Tombstone):
            self._bucket.delete(_key(job_id))

    def _finish(self, claim: Claim, record: Record) -> Record:
        ended = record.moved(completed_at=self._clock(), owner=None, lease_expires_at=None)
        finished = self._swap(claim, ended).record
        audit.finished(claim.record, finished)
        self._show(finished)
        return finished

    def _show(self, record: Record) -> None:
        """List the state that the record has reached; the record stands whether this succeeds or not."""
        try:
            self.relist(record)
        except errors.Unavailable as exc:
            # The next sweep, or the next event of this job, says it again.
            _LOG.warning("not listed yet", extra={"job_id": record.job_id, "cause": exc.cause})

    def _swap(self, held: Claim, record: Record) -> Claim:
        try:
            return Claim(record, self._bucket.replace(_key(record.job_id), _body(record), held.etag))
        except ObjectChanged as exc:
            raise errors.LeaseLost("Another attempt has taken the job") from exc


def is_held(record: Record, now: datetime) -> bool:
    """Whether an attempt may still be at it, by whichever pod's clock."""
    return record.lease_expires_at is not None and now < record.lease_expires_at + _CLOCK_SKEW


def exhausted(record: Record) -> errors.JobFailed | None:
    """Why the job is not worth another attempt, or None."""
    if record.expired_leases >= _MAX_EXPIRED_LEASES:
        why = f"The calculation was cut short {record.expired_leases} times"
    elif record.released_attempts >= _MAX_RELEASES:
        why = f"The calculation was put off {record.released_attempts} times"
    elif record.redispatch_count >= _MAX_REDISPATCHES:
        why = f"The calculation was asked for {record.redispatch_count} times, and nobody took it"
    else:
        return None
    return errors.JobFailed("TOO_MANY_ATTEMPTS", why)


def _tombstone_expiry_key(job_id: str, deleted_at: datetime) -> str:
    """The key that says when a tombstone may go: of an id that is used once."""
    return f"{TOMBSTONE_EXPIRY_PREFIX}{deleted_at:%Y-%m-%d}/{job_id}"


def _key(job_id: str) -> str:
    return f"{RECORD_PREFIX}{job_id}.json"


def _body(job: Record | Tombstone) -> bytes:
    return job.model_dump_json(exclude_none=True).encode()
