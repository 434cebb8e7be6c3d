"""A job's way through calculate, whole: claim, fetch, compute, store, commit."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Protocol

from functions.calculate.day.csv_rows import HEADER, CsvRows
from functions.calculate.day.distance import DayNumbers
from functions.calculate.fixes.blocks import Block
from functions.calculate.stage_timer import StageTimer
from shared import days
from shared.errors import JobDeleted, JobFailed, JobFinished, JobLocked, LeaseLost, OtelWorkerError, Unavailable
from shared.jobs import audit, csv_cleanup, csv_keys
from shared.jobs.store import JobStore, VersionedRecord, attempt_limit_error
from shared.models import DayStatistics, Record, Result
from shared.storage.bucket import Bucket
from shared.storage.multipart import Upload
from shared.telemetry import metrics, spans
from shared.telemetry.error_reporting import capture_error
from shared.version import VERSION

_REFUSALS = {JobFinished: "finished", JobDeleted: "deleted", JobLocked: "held"}


class Fixes(Protocol):
    """Where fixes come from (functions/calculate/fixes/source.py, or a fake)."""

    def of_day(
        self, start: datetime, end: datetime, device_id: str, alive: Callable[[], None]
    ) -> AbstractContextManager[Iterator[Block]]:
        """The day's blocks; `alive` is called at each of them, and while the database keeps us waiting."""

    def ping(self) -> None: ...


def run(job_id: str, jobs: JobStore, fixes: Fixes, csvs: Bucket) -> Record:
    """The job as it ended; else NotFound, JobDeleted, JobFinished, JobLocked, LeaseLost, or Unavailable: try again."""
    with spans.span("distance.calculate", {"distance.job_id": job_id}) as span, StageTimer() as stages, _active():
        ended = _attempt(job_id, jobs, fixes, csvs, stages)
        span.set({"distance.status": ended.status})
    return ended


def _attempt(job_id: str, jobs: JobStore, fixes: Fixes, csvs: Bucket, stages: StageTimer) -> Record:
    started = time.monotonic()
    with stages.time("claim"):
        claim = _claimed(job_id, jobs)
    spans.current_span().set(audit.span_attributes(claim.record))
    if claim.record.trace_id != spans.current_span().trace.trace_id:
        spans.current_span().link(claim.record.traceparent, "job")
    try:
        if hopeless := attempt_limit_error(claim.record):
            raise hopeless  # noqa: TRY301 - it ends the job as any other failure does
        numbers, csv = _calculate(claim, jobs, fixes, csvs, stages)
        result = Result(
            **numbers.model_dump(),
            csv_path=csv_keys.key(claim.record),
            csv_size_bytes=csv.size,
            csv_sha256=csv.sha256,
            processing_time_ms=round((time.monotonic() - started) * 1000),
            worker_version=VERSION,
        )
        with stages.time("commit"):
            ended = jobs.complete(claim, result)
    except JobFailed as failure:
        with stages.time("commit"):
            ended = jobs.fail(claim, failure.code, failure.message)
    except LeaseLost:
        metrics.CLAIMS.add(labels={"outcome": "lost"})
        csv_cleanup.delete_best_effort(csvs, csv_keys.key(claim.record))
        raise
    except BaseException as exc:
        _give_back(claim, jobs, exc)
        raise
    metrics.JOB_DURATION.record(time.monotonic() - started, {"status": ended.status})
    if ended.attempt > 1:
        csv_cleanup.delete_superseded(csvs, ended)
    return ended


def _claimed(job_id: str, jobs: JobStore) -> VersionedRecord:
    """As JobStore.claim, counted."""
    try:
        claim = jobs.claim(job_id)
    except (JobFinished, JobLocked) as refusal:
        metrics.CLAIMS.add(labels={"outcome": _REFUSALS[type(refusal)]})
        raise
    metrics.CLAIMS.add(labels={"outcome": "won"})
    return claim


@contextmanager
def _active() -> Iterator[None]:
    metrics.ACTIVE.add(1)
    try:
        yield
    finally:
        metrics.ACTIVE.add(-1)


def _calculate(
    claim: VersionedRecord, jobs: JobStore, fixes: Fixes, csvs: Bucket, stages: StageTimer
) -> tuple[DayStatistics, Upload]:
    """The numbers of the job's day and the upload of its CSV, stored whole under the attempt's own key."""
    job = claim.record
    numbers = DayNumbers(job.home, job.away_threshold_km)
    rows = CsvRows()
    start, end = days.interval(job.date, job.timezone)
    blocks_of_day = fixes.of_day(start, end, job.device_id, alive=lambda: jobs.renew(claim))
    upload = Upload(csvs, csv_keys.key(job), "text/csv")
    with stages.wrap("fetch", blocks_of_day) as blocks, stages.wrap("upload", upload) as csv:
        csv.write(HEADER)
        for block in stages.iterate("fetch", blocks):
            with stages.time("compute"):
                measured = numbers.add(block)
            with stages.time("csv"):
                text = rows.of(measured)
            with stages.time("upload"):
                csv.write(text)
        day = numbers.numbers()
        _count(day, numbers.missing)
        if not day.total_locations:
            raise JobFailed("NO_DATA", f"No location data found for date {job.date.isoformat()}")
    return day, csv


def _count(day: DayStatistics, missing: int) -> None:
    metrics.FIXES_READ.add(day.total_locations + day.rejected_locations)
    metrics.FIXES_ACCEPTED.add(day.total_locations)
    metrics.FIXES_REJECTED.add(missing, {"reason": "missing"})
    metrics.FIXES_REJECTED.add(day.rejected_locations - missing, {"reason": "out_of_range"})
    spans.current_span().set(
        {"distance.fixes.accepted": day.total_locations, "distance.fixes.rejected": day.rejected_locations}
    )


def _give_back(claim: VersionedRecord, jobs: JobStore, exc: BaseException) -> None:
    """Let the next attempt start at once instead of after the lease."""
    if isinstance(exc, Exception):
        capture_error(exc, job_id=claim.record.job_id)
    cause = f"{exc.dependency}: {exc.cause}" if isinstance(exc, Unavailable) else type(exc).__name__
    try:
        jobs.release(claim, cause)
    except OtelWorkerError:
        return  # the lease ends by itself
