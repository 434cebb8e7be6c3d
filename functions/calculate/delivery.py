"""Events in, outcomes out: what calculate answers to a broker, and what it does with dead letters."""

import logging

from functions.calculate import calculation
from functions.calculate.submission import new_record, task_of
from functions.calculate.sweep import Sweep
from shared import events, ids, jobs
from shared.errors import InvalidRequest, JobFinished, NotFound, OtelWorkerError, Unavailable
from shared.http import Call, Check, Reply, Service
from shared.models import Record, RequestedData
from shared.settings import Settings
from shared.storage import Bucket

_LOG = logging.getLogger(__name__)
_EVENT_BYTES = 1 << 20  # an event of another producer may carry more than we read of it


def service(
    settings: Settings,
    store: jobs.Jobs,
    fixes: calculation.Fixes,
    csvs: Bucket,
    *,
    sweep: Sweep,
    checks: dict[str, Check],
    clock: jobs.Clock = jobs.utc_now,
) -> Service:
    """The function's HTTP surface: `/` for request events, `/dead-letter` for those given up, `/sweep` each minute."""
    delivery = Delivery(settings, store, fixes, csvs, clock)

    def swept(_: Call) -> Reply:
        sweep.run()
        return Reply(204)

    routes = {
        ("POST", "/"): delivery.requested,
        ("POST", "/dead-letter"): delivery.dead_letter,
        ("POST", "/sweep"): swept,
    }
    return Service("distance-calculate", routes, checks, body_limit=_EVENT_BYTES)


class Delivery:
    """Takes the broker's deliveries for the jobs of one store."""

    def __init__(
        self, settings: Settings, store: jobs.Jobs, fixes: calculation.Fixes, csvs: Bucket, clock: jobs.Clock
    ) -> None:
        self._settings = settings
        self._jobs = store
        self._fixes = fixes
        self._csvs = csvs
        self._clock = clock

    def requested(self, call: Call) -> Reply:
        """200 with the outcome event; 204 for a job that has ended; errors as shared/http.py maps them."""
        event = events.received(call)
        if event.type != events.REQUESTED:
            raise InvalidRequest("Unexpected event type", "type")
        data = events.data_of_request(event)
        try:
            record = self._run(_job_id(event, data), event, data)
        except JobFinished:
            return Reply(204)
        headers, body = events.binary(events.outcome(record, event.trace))
        return Reply(200, body, headers)

    def _run(self, job_id: str, event: events.Event, data: RequestedData) -> Record:
        try:
            return calculation.run(job_id, self._jobs, self._fixes, self._csvs)
        except NotFound:
            # Another producer's event: it becomes a job; the same event again finds it.
            now = self._clock()
            self._jobs.create(new_record(job_id, task_of(data, self._settings, now), data, now, event.trace))
            return calculation.run(job_id, self._jobs, self._fixes, self._csvs)

    def dead_letter(self, call: Call) -> Reply:
        """204 always: the job of an event that was given up fails with its reason; what has no job is logged."""
        try:
            event = events.received(call)
            job_id = _job_id(event, events.data_of_request(event))
            claim = self._jobs.claim(job_id)
            self._jobs.fail(claim, "UNDELIVERABLE", "The calculation was given up after too many attempts")
        except Unavailable as exc:
            _LOG.error("dead letter not taken", extra={"cause": exc.cause})  # the sweep ends its job
        except OtelWorkerError as exc:
            _LOG.warning("dead letter without a job to fail", extra={"cause": type(exc).__name__})
        return Reply(204)


def _job_id(event: events.Event, data: RequestedData) -> str:
    return data.job_id or ids.job_id_of_event(event.source, event.id)
