"""Every change of a job's state: one line in the log, one event on the span, and the numbers that follow from it."""

import logging
from datetime import datetime

from shared.models import Record, Result, Status, Tombstone
from shared.telemetry import context, metrics, spans

_LOG = logging.getLogger(__name__)


def about(record: Record) -> dict[str, str | int]:
    """Which job it is, as attributes of a span; a device and a day, never where it was."""
    told: dict[str, str | int] = {
        "distance.job_id": record.job_id,
        "distance.date": record.date.isoformat(),
        "distance.device_id": record.device_id,
        "distance.attempt": record.attempt,
    }
    return {name: value for name, value in told.items() if value or name == "distance.device_id"}


def created(record: Record) -> None:
    """A job that is durable from now on."""
    metrics.TRANSITIONS.add(labels={"from": "none", "to": record.status})
    who = context.caller.get()
    _say("job created", "job.created", record, {"to": record.status, **({"caller": who} if who else {})})


def claimed(before: Record, record: Record) -> None:
    """A new attempt; where it is not the job's first, its span leads to the one before."""
    metrics.TRANSITIONS.add(labels={"from": before.status, "to": record.status})
    if before.started_at is None and record.started_at is not None:
        metrics.QUEUE_WAIT.record(_seconds(record.queued_at, record.started_at))
    else:
        metrics.RETRIES.add()
    spans.current_span().link(before.attempt_traceparent, "earlier attempt")
    _say("job claimed", "state.transition", record, {"from": before.status, "to": record.status})


def released(record: Record, cause: str) -> None:
    """An attempt that did not end the job, and why: a code."""
    _say("job given back", "job.released_attempts", record, {"cause": cause})


def finished(before: Record, record: Record) -> None:
    """The job's end."""
    metrics.TRANSITIONS.add(labels={"from": before.status, "to": record.status})
    turnaround = _seconds(record.queued_at, record.completed_at or record.queued_at)
    metrics.TURNAROUND.record(turnaround, {"status": record.status})
    if record.result is None:
        metrics.FAILED.add(labels={"error.type": record.error_code or ""})
    else:
        _completed(record, record.result)
    told: dict[str, str | int | float] = {"from": before.status, "to": record.status, "turnaround_s": turnaround}
    if record.error_code is not None:
        told["error_code"] = record.error_code
    _say(f"job {record.status}", "state.transition", record, told)


def _completed(record: Record, result: Result) -> None:
    metrics.COMPLETED.add()
    if record.attempt - record.previous_attempts > 1:
        metrics.RETRIES_COMPLETED.add()
    metrics.TRAVELLED.add(result.path_length_km)
    metrics.PATH_LENGTH.record(result.path_length_km)
    metrics.MAX_DISTANCE.record(result.max_distance_km)
    metrics.AWAY_TIME.record(result.away_minutes)
    metrics.CSV_SIZE.record(result.csv_size_bytes)


def deleted(job: Record | Tombstone) -> None:
    """The job is no more."""
    metrics.DELETED.add()
    was = job.status if isinstance(job, Record) else Status.DELETED
    spans.current_span().event("state.transition", {"from": was, "to": Status.DELETED})
    _LOG.info("job deleted", extra={"job_id": job.job_id, "from": was, "to": Status.DELETED})


def _say(message: str, event: str, record: Record, told: dict[str, str | int | float]) -> None:
    spans.current_span().event(event, told)
    if not _LOG.isEnabledFor(logging.INFO):
        return
    who = {name.removeprefix("distance."): value for name, value in about(record).items()}
    _LOG.info(message, extra={**who, **told})


def _seconds(start: datetime, end: datetime) -> float:
    return max((end - start).total_seconds(), 0.0)
