"""The life of a job on object storage: queued → processing → completed or failed, and never back.

The record `jobs/<job_id>.json` is the only truth. It is created where there was none and changed only by
compare-and-swap, so of any two that would move a job one wins and the other is told.

    submit     marker, then record           no job can exist unseen
    claim      record (attempt, owner, lease), then marker
    renew      record (lease)                while the attempt runs
    finish     record (result or error), then marker; then the earlier markers go
"""

import logging
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared import errors
from shared.index import Index, new_marker
from shared.models import Record, Result, Status
from shared.storage import Bucket, ObjectChanged, ObjectMissing

_LOG = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
_RENEWED_BEFORE_END = LEASE * 2 / 3
_SKEW = timedelta(seconds=5)  # how far the clocks of two pods may differ
_CLAIM_TRIES = 5

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Now, to the millisecond: what a record holds is what callers read."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


@dataclass
class Claim:
    """A job in the hands of one attempt: its record, and the entity tag that the next change must meet.

    The only thing here that changes in place: a renewed lease is the same claim.
    """

    record: Record
    etag: str


class Jobs:
    """The jobs of a bucket."""

    def __init__(self, bucket: Bucket, clock: Clock = utc_now) -> None:
        self._bucket = bucket
        self._index = Index(bucket)
        self._clock = clock

    def get(self, job_id: str) -> Record:
        """The job as it is now, or NotFound."""
        return self._read(job_id).record

    def create(self, record: Record) -> Record:
        """The job, durable and listed; where its id exists already, that job, unchanged."""
        marker = new_marker(record)
        record = record.moved(markers=(marker,))
        self._index.put(marker)
        try:
            self._bucket.create(_key(record.job_id), _body(record))
        except ObjectChanged:
            there = self.get(record.job_id)
            if marker not in there.markers:  # else it is this creation: its first answer was lost, and the job moved on
                self._index.drop([marker])
            return there
        return record

    def relist(self, record: Record) -> None:
        """Put the marker of the record's state again: a process died between the two."""
        self._index.put(record.markers[-1])

    def claim(self, job_id: str) -> Claim:
        """The job for a new attempt, with a lease; else NotFound, JobFinished or JobHeld."""
        for _ in range(_CLAIM_TRIES):
            found = self._read(job_id)
            record, now = found.record, self._clock()
            if record.status.finished:
                self.relist(record)
                raise errors.JobFinished(job_id)
            if record.lease_expires_at is not None and now < record.lease_expires_at + _SKEW:
                raise errors.JobHeld("Another attempt holds the job")
            moved = record.moved(
                status=Status.PROCESSING,
                attempt=record.attempt + 1,
                started_at=record.started_at or now,
                owner=secrets.token_hex(8),
                lease_expires_at=now + LEASE,
            )
            try:
                claim = self._swap(found, _marked(moved))
            except errors.LeaseLost:
                continue
            self._show(claim.record)
            return claim
        raise errors.JobHeld("Other attempts keep taking the job")

    def renew(self, claim: Claim) -> None:
        """Make the lease fresh when a third of it has gone; LeaseLost when the job was taken."""
        now = self._clock()
        ends = claim.record.lease_expires_at
        if ends is not None and ends - now <= _RENEWED_BEFORE_END:
            renewed = self._swap(claim, claim.record.moved(lease_expires_at=now + LEASE))
            claim.record, claim.etag = renewed.record, renewed.etag

    def release(self, claim: Claim) -> None:
        """End the lease now, so that the next attempt need not wait for its end."""
        self._swap(claim, claim.record.moved(lease_expires_at=self._clock() - _SKEW))

    def complete(self, claim: Claim, result: Result) -> Record:
        """The job as completed; nothing else makes a job completed. LeaseLost when the job was taken."""
        return self._finish(claim, claim.record.moved(status=Status.COMPLETED, result=result))

    def fail(self, claim: Claim, code: str, message: str) -> Record:
        """The job as failed; code and message are what callers read. LeaseLost when the job was taken."""
        return self._finish(claim, claim.record.moved(status=Status.FAILED, error_code=code, error_message=message))

    def _finish(self, claim: Claim, record: Record) -> Record:
        earlier = claim.record.markers
        record = record.moved(completed_at=self._clock(), lease_expires_at=None, markers=())
        finished = self._swap(claim, _marked(record)).record
        self._show(finished, earlier)
        return finished

    def _show(self, record: Record, earlier: Iterable[str] = ()) -> None:
        """List the state that the record has reached; the record stands whether this succeeds or not."""
        try:
            self._index.put(record.markers[-1])
            self._index.drop(earlier)
        except errors.Unavailable as exc:
            # The next sweep, or the next event of this job, puts the marker again.
            _LOG.warning("not listed yet", extra={"job_id": record.job_id, "cause": exc.cause})

    def _read(self, job_id: str) -> Claim:
        try:
            stored = self._bucket.get(_key(job_id))
        except ObjectMissing:
            raise errors.NotFound("No such job") from None
        return Claim(Record.model_validate_json(stored.body), stored.etag)

    def _swap(self, held: Claim, record: Record) -> Claim:
        try:
            return Claim(record, self._bucket.replace(_key(record.job_id), _body(record), held.etag))
        except ObjectChanged as exc:
            raise errors.LeaseLost("Another attempt has taken the job") from exc


def _marked(record: Record) -> Record:
    """The record with the marker of its state, which is put after it."""
    return record.moved(markers=(*record.markers, new_marker(record)))


def _key(job_id: str) -> str:
    return f"jobs/{job_id}.json"


def _body(record: Record) -> bytes:
    return record.model_dump_json(exclude_none=True).encode()
