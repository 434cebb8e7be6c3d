"""Submitting: a body becomes a durable, listed job and a request event, then 202."""

import re
from datetime import datetime

from shared import events, ids
from shared.config.settings import Settings
from shared.days import today
from shared.errors import IdempotencyConflict, InvalidRequest, NotFound, Unavailable
from shared.http.messages import Request, Response
from shared.http.schemas import Accepted
from shared.http.service import Check, Options, Service
from shared.jobs import audit
from shared.jobs import store as job_store
from shared.models import Record, Status, Submission, Task, parse
from shared.openapi import routes as documents
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
    """The function's HTTP surface."""
    submitter = Submitter(settings, store, publisher, clock)
    routes = {("POST", "/api/distance/calculate"): submitter.submit}
    return Service("distance-submit", routes, checks, public_routes=documents.ROUTES, options=options)


class Submitter:
    """Takes submissions for the jobs of one store."""

    def __init__(
        self, settings: Settings, store: job_store.JobStore, publisher: events.Publisher, clock: job_store.Clock
    ) -> None:
        self._settings = settings
        self._jobs = store
        self._publisher = publisher
        self._clock = clock

    def submit(self, call: Request) -> Response:
        """202 with the job, new or the one that the Idempotency-Key means already."""
        now = self._clock()
        submission = parse(Submission, _json(call))
        task = task_of(submission, self._settings, now)
        with spans.span("distance.submit") as span:
            record = self._job(call, submission, task, now)
            repeated = record.traceparent != call.trace.traceparent
            span.set(audit.span_attributes(record))
            if repeated:
                span.link(record.traceparent, "job")
            if record.status is Status.QUEUED:
                self._publish(record, span.trace)
        metrics.SUBMITTED.add(labels={"outcome": "repeated" if repeated else "created"})
        path = f"/api/distance/jobs/{record.job_id}"
        answer = Accepted(
            job_id=record.job_id,
            status=record.status,
            queued_at=record.queued_at,
            status_url=path,
            trace_id=call.trace.trace_id,
        )
        return Response(202, answer.body(), {"Location": path})

    def _job(self, call: Request, submission: Submission, task: Task, now: datetime) -> Record:
        key = _idempotency_key(call)
        if key is None:
            return self._jobs.create(new_record(ids.new_job_id(now), task, submission, now, call.trace))
        job_id = ids.job_id_of_key(key)
        try:
            record = self._jobs.get(job_id)
            self._jobs.write_marker(record)  # whoever made it may have died before it was listed
        except NotFound:
            record = self._jobs.create(new_record(job_id, task, submission, now, call.trace), replace_deleted=True)
        if not _same(record, task, _given(submission)):
            raise IdempotencyConflict("Idempotency-Key was used with another body")
        return record

    def _publish(self, record: Record, trace: Trace) -> None:
        """Ask for the calculation. A broker that is away changes nothing: the job is durable, the sweep asks again."""
        try:
            self._publisher.publish(events.requested(record, self._settings.ce_extensions, trace))
        except Unavailable as exc:
            capture_error(exc, job_id=record.job_id, consequence="not published")


def task_of(submission: Submission, settings: Settings, now: datetime) -> Task:
    """The task that `submission` means: what it leaves open is the deployment's. InvalidRequest for a day to come."""
    threshold = submission.away_threshold_km
    task = Task(
        date=submission.date,
        device_id=submission.device_id,
        timezone=submission.timezone or settings.DAY_TIMEZONE,
        home=(submission.home or settings.home).model_dump(),
        away_threshold_km=settings.AWAY_THRESHOLD_KM if threshold is None else threshold,
    )
    if task.date > today(task.timezone, now):
        raise InvalidRequest("Date cannot be in the future", "date", task.date.isoformat())
    return task


def new_record(job_id: str, task: Task, submission: Submission, now: datetime, trace: Trace) -> Record:
    """A queued job that nobody knows of yet."""
    return Record(
        **task.model_dump(),
        job_id=job_id,
        queued_at=now,
        traceparent=trace.traceparent,
        explicit_fields=_given(submission),
    )


def _given(submission: Submission) -> tuple[str, ...]:
    return tuple(sorted(submission.model_fields_set & {"timezone", "home", "away_threshold_km"}))


def _same(record: Record, task: Task, given: tuple[str, ...]) -> bool:
    """Whether `task` is the record's: in every word, or in the caller's words where defaults have changed since."""
    fields = [name for name in Task.model_fields if getattr(record, name) != getattr(task, name)]
    return not fields or (given == record.explicit_fields and not set(fields) & {"date", "device_id", *given})


def _json(call: Request) -> object:
    """The body, decoded; media types as the contract lists them."""
    media_type, _, parameters = call.headers.get("content-type", "").lower().partition(";")
    media_type = media_type.strip()
    charset = re.search(r'charset\s*=\s*"?([^\s";]+)', parameters)
    if media_type not in ("", "application/json") and not media_type.endswith("+json"):
        raise InvalidRequest("Request must be JSON")
    if charset and charset[1] not in ("utf-8", "utf8"):
        raise InvalidRequest("Request must be JSON")
    return events.strict_json(call.body)


def _idempotency_key(call: Request) -> str | None:
    key = call.headers.get("idempotency-key")
    if key is not None and not re.fullmatch(r"[\x21-\x7e]{1,255}", key):
        raise InvalidRequest("Idempotency-Key must be 1 to 255 visible ASCII characters", "Idempotency-Key")
    return key
