"""Audit of state transitions: for each one a log line, a span event and the metrics."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.models import Record, Result, Status
from shared.telemetry import context, metrics, spans

_LOG = logging.getLogger(__name__)


def span_attributes(record: Record) -> dict[str, str | int]:
    """Return the attributes that identify a job: device and day, but no coordinates."""
    attributes: dict[str, str | int] = {
        "distance.job_id": record.job_id,
        "distance.date": record.date.isoformat(),
        "distance.device_id": record.device_id,
        "distance.attempt": record.attempt,
    }
    return {name: value for name, value in attributes.items() if value or name == "distance.device_id"}


def record_creation(record: Record) -> None:
    """Record that the job was created."""
    metrics.TRANSITIONS.add(labels={"from": "none", "to": record.status})
    caller = context.caller.get()
    _log_event("job created", "job.created", record, {"to": record.status, **({"caller": caller} if caller else {})})


def record_claim(before: Record, record: Record) -> None:
    """Record that an attempt has started. Its span links to that of the previous attempt."""
    metrics.TRANSITIONS.add(labels={"from": before.status, "to": record.status})
    if before.started_at is None and record.started_at is not None:
        metrics.QUEUE_WAIT.record(_seconds(record.queued_at, record.started_at))
    else:
        metrics.RETRIES.add()
    spans.current_span().link(before.attempt_traceparent, "earlier attempt")
    _log_event("job claimed", "state.transition", record, {"from": before.status, "to": record.status})


def record_release(record: Record, cause: str) -> None:
    """Record that an attempt has released its lease without finishing the job. `cause` is a code."""
    _log_event("job released", "job.released", record, {"cause": cause})


def record_finish(before: Record, record: Record) -> None:
    """Record that the job has completed or failed."""
    metrics.TRANSITIONS.add(labels={"from": before.status, "to": record.status})
    turnaround = _seconds(record.queued_at, record.completed_at or record.queued_at)
    metrics.TURNAROUND.record(turnaround, {"status": record.status})
    if record.result is None:
        metrics.FAILED.add(labels={"error.type": record.error_code or ""})
    else:
        _record_result(record, record.result)
    attributes: dict[str, str | int | float] = {
        "from": before.status,
        "to": record.status,
        "turnaround_s": turnaround,
    }
    if record.error_code is not None:
        attributes["error_code"] = record.error_code
    _log_event(f"job {record.status}", "state.transition", record, attributes)


def _record_result(record: Record, result: Result) -> None:
    metrics.COMPLETED.add()
    if record.attempt - record.previous_attempts > 1:
        metrics.RETRIES_COMPLETED.add()
    metrics.TOTAL_PATH_LENGTH.add(result.path_length_km)
    metrics.PATH_LENGTH.record(result.path_length_km)
    metrics.MAX_DISTANCE.record(result.max_distance_km)
    metrics.AWAY_TIME.record(result.away_minutes)
    metrics.CSV_SIZE.record(result.csv_size_bytes)
    metrics.FIXES_READ.add(result.total_locations + result.rejected_locations)
    if result.analysis is not None:
        _record_analysis(result.analysis)


def _record_analysis(analysis: Mapping[str, Any]) -> None:
    """Record the analysis of each device, without its id."""
    for device in analysis["devices"]:
        for reason, fixes in device["fixes"]["rejected"].items():
            metrics.FIXES_REJECTED.add(fixes, {"reason": reason})
        if device["coverage"] is not None:  # the window has a length
            metrics.COVERAGE.record(device["coverage"])
            metrics.UNKNOWN_TIME.record(device["unknown_minutes"])
            metrics.TRIPS.record(device["trip_count"])


def record_deletion(job_id: str, status: str) -> None:
    """Record that the job was deleted. `status` is the one before, "unknown" for a corrupt record."""
    metrics.DELETED.add()
    spans.current_span().event("state.transition", {"from": status, "to": Status.DELETED})
    _LOG.info("job deleted", extra={"job_id": job_id, "from": status, "to": Status.DELETED})


def _log_event(message: str, event: str, record: Record, attributes: dict[str, str | int | float]) -> None:
    spans.current_span().event(event, attributes)
    if not _LOG.isEnabledFor(logging.INFO):
        return
    fields = {name.removeprefix("distance."): value for name, value in span_attributes(record).items()}
    _LOG.info(message, extra={**fields, **attributes})


def _seconds(start: datetime, end: datetime) -> float:
    return max((end - start).total_seconds(), 0.0)
