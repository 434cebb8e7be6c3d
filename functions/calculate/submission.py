"""Handle submissions: validate the body, create the job, publish its request event, return 202."""

import re
from dataclasses import replace
from datetime import datetime

from shared import events, ids
from shared.config.settings import Settings
from shared.days import today
from shared.errors import IdempotencyConflict, InvalidRequest, NotFound, Unavailable
from shared.http.messages import Request, Response
from shared.http.service import Check, Options, Service
from shared.jobs import audit
from shared.jobs import store as job_store
from shared.models import Record, Status, Task, rfc3339
from shared.openapi import routes as documents
from shared.submissions import Submission, parse_body
from shared.telemetry import metrics, spans
from shared.telemetry.context import Trace
from shared.telemetry.error_reporting import capture_error


def service(
    settings: Settings,
    store: job_store.JobStore,
    publisher: events.Publisher,
    *,
    checks: dict[str, Check],
    clock: job_store.Clock = job_store.utc_now,
    options: Options = Options(),  # noqa: B008 - immutable
) -> Service:
    """Build the HTTP service of submit."""
    submitter = Submitter(settings, store, publisher, clock)
    routes = {("POST", "/api/distance/calculate"): submitter.submit}
    return Service("distance-submit", routes, checks, public_routes=documents.ROUTES, options=options)


class Submitter:
    """Handle submissions for the jobs of one store."""

    def __init__(
        self, settings: Settings, store: job_store.JobStore, publisher: events.Publisher, clock: job_store.Clock
    ) -> None:
        self._settings = settings
        self._jobs = store
        self._publisher = publisher
        self._clock = clock

    def submit(self, request: Request) -> Response:
        """Return 202 with a new job, or with the job that already exists for the Idempotency-Key.

        Raises InvalidRequest for an invalid body, and IdempotencyConflict if the key was used with another body.
        """
        now = self._clock()
        submission = parse_body(_parse_json(request))
        task = resolve_task(submission, self._settings, now)
        with spans.span("distance.submit") as span:
            record = self._get_or_create(request, submission, task, now)
            repeated = record.traceparent != request.trace.traceparent
            span.set(audit.span_attributes(record))
            if repeated:
                span.link(record.traceparent, "job")
            if record.status is Status.QUEUED:
                self._publish(record, span.trace)
        metrics.SUBMITTED.add(labels={"outcome": "repeated" if repeated else "created"})
        path = f"/api/distance/jobs/{record.job_id}"
        body = {
            "job_id": record.job_id,
            "status": record.status,
            "queued_at": rfc3339(record.queued_at),
            "status_url": path,
            "trace_id": request.trace.trace_id,
        }
        return Response(202, body, {"Location": path})

    def _get_or_create(self, request: Request, submission: Submission, task: Task, now: datetime) -> Record:
        key = _idempotency_key(request)
        if key is None:
            return self._jobs.create(new_record(ids.new_job_id(now), task, submission, now, request.trace))
        job_id = ids.job_id_of_key(key)
        try:
            record = self._jobs.get(job_id)
            self._jobs.write_marker(record)  # the request that created it can have died before it was listed
        except NotFound:
            record = self._jobs.create(new_record(job_id, task, submission, now, request.trace), replace_deleted=True)
        if not _is_same_task(record, task, submission.explicit_fields):
            raise IdempotencyConflict("Idempotency-Key was used with another body")
        return record

    def _publish(self, record: Record, trace: Trace) -> None:
        """Publish the request event. On failure the job stays queued, and the sweep publishes the event again."""
        try:
            self._publisher.publish(events.request_event(record, self._settings.ce_extensions, trace))
        except Unavailable as exc:
            capture_error(exc, job_id=record.job_id, consequence="request event not published")


def resolve_task(submission: Submission, settings: Settings, now: datetime) -> Task:
    """Return the task of a submission, with the deployment's settings as defaults.

    Raises InvalidRequest if the date is in the future in the task's time zone.
    """
    threshold = submission.away_threshold_km
    task = Task(
        date=submission.date,
        device_id=submission.device_id,
        timezone=submission.timezone or settings.DAY_TIMEZONE,
        home=submission.home or settings.home,
        away_threshold_km=settings.AWAY_THRESHOLD_KM if threshold is None else threshold,
        analysis=replace(settings.analysis, **submission.analysis),
    )
    if task.date > today(task.timezone, now):
        raise InvalidRequest("Date cannot be in the future", "date", task.date.isoformat())
    return task


def new_record(job_id: str, task: Task, submission: Submission, now: datetime, trace: Trace) -> Record:
    """Return the record of a new queued job."""
    return Record(
        **vars(task),
        job_id=job_id,
        queued_at=now,
        traceparent=trace.traceparent,
        explicit_fields=submission.explicit_fields,
    )


def _is_same_task(record: Record, task: Task, explicit_fields: tuple[str, ...]) -> bool:
    """Whether the record has the same task, apart from defaults that have changed since its submission."""
    recorded = record.values()
    changed = {name for name, value in task.values().items() if recorded[name] != value}
    if not changed:
        return True
    return explicit_fields == record.explicit_fields and not changed & {"date", "device_id", *explicit_fields}


def _parse_json(request: Request) -> object:
    """Decode the body. Raises InvalidRequest if the media type or the charset is not JSON's."""
    media_type, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    media_type = media_type.strip()
    charset = re.search(r'charset\s*=\s*"?([^\s";]+)', parameters)
    if media_type not in ("", "application/json") and not media_type.endswith("+json"):
        raise InvalidRequest("Request must be JSON")
    if charset and charset[1] not in ("utf-8", "utf8"):
        raise InvalidRequest("Request must be JSON")
    return events.strict_json(request.body)


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not re.fullmatch(r"[\x21-\x7e]{1,255}", key):
        raise InvalidRequest("Idempotency-Key must be 1 to 255 visible ASCII characters", "Idempotency-Key")
    return key
