"""The sweep, once a minute: a job that a death has left behind goes on, or ends as failed."""

import logging
from datetime import datetime, timedelta

from shared import events, jobs
from shared.errors import JobFinished, JobHeld, LeaseLost, NotFound, Unavailable
from shared.index import Entry, Index
from shared.models import Record
from shared.settings import Settings
from shared.telemetry import trace_of

_LOG = logging.getLogger(__name__)
_MAX_ATTEMPTS = 5
_OVERDUE = timedelta(seconds=60)  # queued without a claim, or without a renewal after the lease's end
_ABANDONED = timedelta(minutes=10)  # a marker whose record never came: longer than any request of submit lives


class Sweep:
    """Looks through the jobs that have not ended; two at once do no harm, every step is a compare-and-swap."""

    def __init__(
        self,
        settings: Settings,
        store: jobs.Jobs,
        index: Index,
        publisher: events.Publisher | None,
        clock: jobs.Clock = jobs.utc_now,
    ) -> None:
        self._extensions = settings.ce_extensions
        self._jobs = store
        self._index = index
        self._publisher = publisher
        self._clock = clock

    def run(self) -> None:
        """Every unfinished job is listed as it is, and goes on where it stands still. Unavailable: try again."""
        now = self._clock()
        for entry in self._index.entries():
            if entry.status.finished:
                continue
            try:
                self._look_at(entry, self._jobs.get(entry.job_id), now)
            except NotFound:
                if now - entry.queued_at > _ABANDONED:
                    self._index.drop([entry.marker])
            except (JobFinished, JobHeld, LeaseLost):
                continue  # it moved while we looked: somebody is at it

    def _look_at(self, entry: Entry, record: Record, now: datetime) -> None:
        if record.status is not entry.status:
            self._jobs.relist(record)
        if record.status.finished or now < (record.lease_expires_at or record.queued_at) + _OVERDUE:
            return
        if record.attempt >= _MAX_ATTEMPTS:
            claim = self._jobs.claim(record.job_id)
            self._jobs.fail(claim, "TOO_MANY_ATTEMPTS", f"The calculation was tried {record.attempt} times")
            return
        self._ask_again(record)

    def _ask_again(self, record: Record) -> None:
        trace = trace_of({"traceparent": record.traceparent})
        if self._publisher is None:
            raise Unavailable("broker", "K_SINK is not set")
        self._publisher.publish(events.requested(record, self._extensions, trace))
        _LOG.info("asked again", extra={"job_id": record.job_id, "attempt": record.attempt})
