"""Events in, outcomes out: what calculate answers to a broker, and what it does with dead letters."""

import logging

from functions.calculate import calculation
from functions.calculate.event_publisher import EventPublisher
from functions.calculate.submission import new_record, task_of
from functions.calculate.sweep.reconcile import Sweep
from shared import events, ids
from shared.config.settings import Settings
from shared.errors import InvalidRequest, JobFinished, NotFound, OtelWorkerError, Unavailable
from shared.http.messages import Request, Response
from shared.http.service import Check, Options, Service
from shared.jobs import csv_cleanup
from shared.jobs import store as job_store
from shared.models import Record, RequestedData
from shared.openapi import routes as documents
from shared.storage.bucket import Bucket
from shared.telemetry import metrics, provider
from shared.telemetry.error_reporting import capture_error

_LOG = logging.getLogger(__name__)
_HELD = "409"  # what we answered last: another attempt was at it, which says nothing about the job
_MAX_EVENT_BYTES = 1 << 20  # events of other producers may carry additional data
MAX_CONCURRENCY = 8  # each job takes tens of MB; in a cluster a pod gets one at a time


def service(
    settings: Settings,
    store: job_store.JobStore,
    fixes: calculation.Fixes,
    csvs: Bucket,
    *,
    event_publisher: EventPublisher,
    sweep: Sweep,
    checks: dict[str, Check],
    clock: job_store.Clock = job_store.utc_now,
    options: Options = Options(),  # noqa: B008 - immutable
) -> Service:
    """The function's HTTP surface: `/` for request events, `/dead-letter` for those given up, `/sweep` each minute."""
    delivery = Delivery(settings, store, fixes, csvs, event_publisher=event_publisher, clock=clock)

    def swept(_: Request) -> Response:
        sweep.run()
        return Response(204)

    routes = {
        ("POST", "/"): delivery.requested,
        ("POST", "/dead-letter"): delivery.dead_letter,
        ("POST", "/sweep"): swept,
    }
    return Service(
        "distance-calculate",
        routes,
        checks,
        public_routes=documents.ROUTES,
        max_body_bytes=_MAX_EVENT_BYTES,
        max_concurrency=MAX_CONCURRENCY,
        options=options,
    )


class Delivery:
    """Takes the broker's deliveries for the jobs of one store."""

    def __init__(
        self,
        settings: Settings,
        store: job_store.JobStore,
        fixes: calculation.Fixes,
        csvs: Bucket,
        *,
        event_publisher: EventPublisher,
        clock: job_store.Clock,
    ) -> None:
        self._settings = settings
        self._jobs = store
        self._fixes = fixes
        self._csvs = csvs
        self._event_publisher = event_publisher
        self._clock = clock

    def requested(self, call: Request) -> Response:
        """200 with the outcome event; 204 for a job that has ended; errors as error_responses.py maps them."""
        event = events.received(call)
        if event.type != events.REQUESTED:
            raise InvalidRequest("Unexpected event type", "type")
        data = events.data_of_request(event)
        job_id = _job_id(event, data)
        with events.processed(event) as span:
            try:
                record = self._run(job_id, event, data)
            except JobFinished:
                self._tidy(job_id)
                return Response(204)
            headers, body = events.binary(events.outcome(record, span.trace))
        provider.flush_soon()  # what a pod has to tell of a job leaves before the pod does
        return Response(200, body, headers)

    def _run(self, job_id: str, event: events.Event, data: RequestedData) -> Record:
        try:
            return calculation.run(job_id, self._jobs, self._fixes, self._csvs)
        except NotFound:
            # Another producer's event: it becomes a job; the same event again finds it.
            now = self._clock()
            self._jobs.create(new_record(job_id, task_of(data, self._settings, now), data, now, event.trace))
            return calculation.run(job_id, self._jobs, self._fixes, self._csvs)

    def _tidy(self, job_id: str) -> None:
        """Take away what earlier attempts left: the one that ended the job may have died before it could."""
        try:
            record = self._jobs.get(job_id)
        except NotFound:
            return
        if record.status.finished and record.attempt > 1:  # it may be the next job of a deleted one's id
            csv_cleanup.delete_superseded(self._csvs, record)

    def dead_letter(self, call: Request) -> Response:
        """204 always: the job of an event that was given up fails with its reason; what has no job is logged."""
        outcome = "not_taken"
        try:
            event = events.received(call)
            with events.processed(event):
                outcome = self.fail_undeliverable(_job_id(event, events.data_of_request(event)), event)
        except Unavailable as exc:
            capture_error(exc, consequence="dead letter not taken")
        except OtelWorkerError as exc:
            outcome = "no_job"
            _LOG.warning("dead letter without a job to fail", extra={"cause": type(exc).__name__})
        metrics.DEAD_LETTERS.add(labels={"outcome": outcome})
        return Response(204)

    def fail_undeliverable(self, job_id: str, event: events.Event) -> str:
        """Fail the job, unless it has ended or an attempt is at it: then the sweep sees to it. What was done."""
        found = self._jobs.get_for_update(job_id)
        record = found.record
        if record.status.finished or job_store.has_active_lease(record, self._clock()) or event.error_code == _HELD:
            _LOG.info("dead letter of a job that goes on or has ended", extra={"job_id": job_id})
            return "passed_over"
        dependency = (record.cause or "").partition(":")[0]
        reason = f": {dependency} was unavailable" if dependency else ""
        times = f"after {record.attempt} attempts" if record.attempt else "before the first attempt"
        record = self._jobs.fail(found, "UNDELIVERABLE", f"The calculation was given up {times}{reason}")
        csv_cleanup.delete_superseded(self._csvs, record)
        self._event_publisher.publish_outcome(record)
        return "failed"


def _job_id(event: events.Event, data: RequestedData) -> str:
    return data.job_id or ids.job_id_of_event(event.source, event.id)
