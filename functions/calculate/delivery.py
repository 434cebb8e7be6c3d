"""Handle event deliveries from the broker: request events, dead letters, and the trigger of the sweep."""

import logging

from functions.calculate import calculation
from functions.calculate.event_publisher import EventPublisher
from functions.calculate.submission import new_record, resolve_task
from functions.calculate.sweep.reconcile import Sweep
from shared import events
from shared.config.settings import Settings
from shared.errors import JobFinished, NotFound, OtelWorkerError, Unavailable
from shared.http.messages import Request, Response
from shared.http.service import Check, Options, Service
from shared.jobs import csv_cleanup
from shared.jobs import store as job_store
from shared.models import Record
from shared.openapi import routes as documents
from shared.storage.bucket import Bucket
from shared.telemetry import metrics, provider
from shared.telemetry.error_reporting import capture_error

_LOG = logging.getLogger(__name__)
_LOCKED = "409"  # the last response to the event: another attempt held the job's lease
_MAX_EVENT_BYTES = 1 << 20  # events of other producers can contain additional data
MAX_CONCURRENCY = 8  # a job takes tens of MB; in a cluster a pod receives one at a time


def service(
    settings: Settings,
    store: job_store.JobStore,
    fixes: calculation.FixReader,
    csvs: Bucket,
    *,
    event_publisher: EventPublisher,
    sweep: Sweep,
    checks: dict[str, Check],
    clock: job_store.Clock = job_store.utc_now,
    options: Options = Options(),  # noqa: B008 - immutable
) -> Service:
    """Build the HTTP service: `/` for request events, `/dead-letter` for undeliverable ones, `/sweep` each minute."""
    delivery = Delivery(settings, store, fixes, csvs, event_publisher=event_publisher, clock=clock)

    def run_sweep(_: Request) -> Response:
        sweep.run()
        return Response(204)

    routes = {
        ("POST", "/"): delivery.handle_request,
        ("POST", "/dead-letter"): delivery.handle_dead_letter,
        ("POST", "/sweep"): run_sweep,
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
    """Handle the broker's deliveries for the jobs of one store."""

    def __init__(
        self,
        settings: Settings,
        store: job_store.JobStore,
        fixes: calculation.FixReader,
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

    def handle_request(self, request: Request) -> Response:
        """Run the job of a request event. Returns 200 with the outcome event, or 204 if the job has already finished.

        Raises domain errors, which shared/http/error_responses.py maps to status codes.
        """
        event = events.parse_request(request)
        with events.processing_span(event) as span:
            try:
                record = self._run_job(event)
            except JobFinished:
                self._delete_superseded_csvs(event.job_id)
                return Response(204)
            headers, body = events.encode_binary(events.outcome_event(record, span.trace))
        provider.flush_soon()  # export the job's telemetry before the pod can be terminated
        return Response(200, body, headers)

    def _run_job(self, event: events.CalculationRequest) -> Record:
        job_id, submission = event.job_id, event.submission
        try:
            return calculation.run_job(job_id, self._jobs, self._fixes, self._csvs)
        except NotFound:
            # The event is of another producer. Create its job; a repeated delivery finds it.
            now = self._clock()
            task = resolve_task(submission, self._settings, now)
            self._jobs.create(new_record(job_id, task, submission, now, event.trace))
            return calculation.run_job(job_id, self._jobs, self._fixes, self._csvs)

    def _delete_superseded_csvs(self, job_id: str) -> None:
        """Delete CSVs of earlier attempts. The attempt that finished the job can have died before it deleted them."""
        try:
            record = self._jobs.get(job_id)
        except NotFound:
            return
        if record.status.is_finished and record.attempt > 1:  # an id can be reused after its job was deleted
            csv_cleanup.delete_superseded(self._csvs, record)

    def handle_dead_letter(self, request: Request) -> Response:
        """Fail the job of an undeliverable event. Always returns 204; an event without a job is logged."""
        outcome = "unavailable"
        try:
            event = events.parse_request(request)
            with events.processing_span(event):
                outcome = self.fail_undeliverable(event)
        except Unavailable as exc:
            capture_error(exc, consequence="dead letter not processed")
        except OtelWorkerError as exc:
            outcome = "no_job"
            _LOG.warning("dead letter without a job", extra={"cause": type(exc).__name__})
        metrics.DEAD_LETTERS.add(labels={"outcome": outcome})
        return Response(204)

    def fail_undeliverable(self, event: events.CalculationRequest) -> str:
        """Fail the job, unless it has finished or an attempt holds its lease. Returns "failed" or "ignored"."""
        claim = self._jobs.get_for_update(event.job_id)
        record = claim.record
        if (
            record.status.is_finished
            or job_store.has_active_lease(record, self._clock())
            or event.last_status == _LOCKED
        ):
            _LOG.info("dead letter ignored: job is running or finished", extra={"job_id": event.job_id})
            return "ignored"
        dependency = (record.cause or "").partition(":")[0]
        reason = f": {dependency} was unavailable" if dependency else ""
        times = f"after {record.attempt} attempts" if record.attempt else "before the first attempt"
        record = self._jobs.fail(claim, "UNDELIVERABLE", f"The calculation was given up {times}{reason}")
        csv_cleanup.delete_superseded(self._csvs, record)
        self._event_publisher.publish_outcome(record)
        return "failed"
