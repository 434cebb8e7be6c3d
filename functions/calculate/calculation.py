"""One attempt of a job: claim it, fetch its fixes, compute the statistics, store the CSV, commit the result."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from functions.calculate.analysis.analyzer import DayAnalyzer
from functions.calculate.day.csv_rows import HEADER, CsvFormatter
from functions.calculate.day.distance import DayAccumulator
from functions.calculate.fixes.blocks import DayFixes, DayQuery
from functions.calculate.stage_timer import StageTimer
from shared import days
from shared.errors import JobDeleted, JobFailed, JobFinished, JobLocked, LeaseLost, OtelWorkerError, Unavailable
from shared.jobs import attempt_limits, audit, csv_cleanup, csv_keys
from shared.jobs.store import JobStore, VersionedRecord
from shared.models import DayStatistics, Record, Result
from shared.storage.bucket import Bucket
from shared.storage.multipart import Upload
from shared.telemetry import metrics, spans
from shared.telemetry.error_reporting import capture_error
from shared.version import VERSION

_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_CLAIM_OUTCOMES = {JobFinished: "finished", JobDeleted: "deleted", JobLocked: "locked"}


class FixReader(Protocol):
    """The source of fixes, implemented by functions/calculate/fixes/source.py."""

    def read_day(self, query: DayQuery, heartbeat: Callable[[], None]) -> AbstractContextManager[DayFixes]:
        """Read the context of a day and open its blocks. `heartbeat` is called at each block and during waits."""

    def ping(self) -> None: ...


def run_job(job_id: str, jobs: JobStore, fixes: FixReader, csvs: Bucket) -> Record:
    """Run one attempt of a job and return its final record, completed or failed.

    Raises NotFound, JobDeleted, JobFinished or JobLocked if the job cannot be claimed, LeaseLost if another attempt has
    taken over, and Unavailable if a dependency fails. After Unavailable the caller can try again.
    """
    with spans.span("distance.calculate", {"distance.job_id": job_id}) as span, StageTimer() as stages, _count_active():
        record = _run_attempt(job_id, jobs, fixes, csvs, stages)
        span.set({"distance.status": record.status})
    return record


def _run_attempt(job_id: str, jobs: JobStore, fixes: FixReader, csvs: Bucket, stages: StageTimer) -> Record:
    started = time.monotonic()
    with stages.time("claim"):
        claim = _claim(job_id, jobs)
    _annotate_span(claim.record)
    try:
        if failure := attempt_limits.exceeded(claim.record):
            raise failure  # noqa: TRY301 - it ends the job as any other failure does
        statistics, analysis, csv = _compute_and_store(claim, jobs, fixes, csvs, stages)
        result = Result(
            **vars(statistics),
            analysis=analysis,
            csv_path=csv_keys.key(claim.record),
            csv_size_bytes=csv.size,
            csv_sha256=csv.sha256,
            processing_time_ms=round((time.monotonic() - started) * 1000),
            worker_version=VERSION,
        )
        with stages.time("commit"):
            record = jobs.complete(claim, result)
    except JobFailed as exc:
        with stages.time("commit"):
            record = jobs.fail(claim, exc.code, exc.message)
    except LeaseLost:
        metrics.CLAIMS.add(labels={"outcome": "lost"})
        csv_cleanup.delete_best_effort(csvs, csv_keys.key(claim.record))
        raise
    except BaseException as exc:
        _release(claim, jobs, exc)
        raise
    metrics.JOB_DURATION.record(time.monotonic() - started, {"status": record.status})
    if record.attempt > 1:
        csv_cleanup.delete_superseded(csvs, record)
    return record


def _claim(job_id: str, jobs: JobStore) -> VersionedRecord:
    """Claim the job and count the outcome."""
    try:
        claim = jobs.claim(job_id)
    except (JobFinished, JobLocked) as exc:
        metrics.CLAIMS.add(labels={"outcome": _CLAIM_OUTCOMES[type(exc)]})
        raise
    metrics.CLAIMS.add(labels={"outcome": "won"})
    return claim


def _compute_and_store(
    claim: VersionedRecord, jobs: JobStore, fixes: FixReader, csvs: Bucket, stages: StageTimer
) -> tuple[DayStatistics, dict[str, Any], Upload]:
    """Compute the statistics and the analysis of the job's day, and upload its CSV under the attempt's own key.

    The object appears when the upload is complete. Raises JobFailed if the day has no usable fix.
    """
    job = claim.record
    accumulator = DayAccumulator(job.home, job.away_threshold_km)
    formatter = CsvFormatter()
    start, end = days.interval(job.date, job.timezone)
    query = DayQuery(start, end, job.device_id, job.queued_at, job.analysis.max_accuracy_m)
    reading = fixes.read_day(query, heartbeat=lambda: jobs.renew(claim))
    upload = Upload(csvs, csv_keys.key(job), "text/csv")
    with stages.wrap("fetch", reading) as day, stages.wrap("upload", upload) as csv:
        csv.write(HEADER)
        analyzer = _analyzer(job, query, day)
        for block in stages.iterate("fetch", day.blocks):
            with stages.time("compute"):
                measured = accumulator.add(block)
            with stages.time("analysis"):
                analyzer.add(block, measured)
            with stages.time("csv"):
                rows = formatter.format(measured)
            with stages.time("upload"):
                csv.write(rows)
            del block, measured, rows  # otherwise they stay in memory until the next ones are complete
        statistics = accumulator.statistics()
        with stages.time("analysis"):
            analysis = analyzer.result()
        spans.current_span().set(_count_attributes(statistics, analysis))
        if not statistics.total_locations:
            raise JobFailed("NO_DATA", f"No location data found for date {job.date.isoformat()}")
    return statistics, analysis, csv


def _analyzer(job: Record, query: DayQuery, day: DayFixes) -> DayAnalyzer:
    """Return an analyzer of the day up to the submission of the job."""
    window_end = max(query.start, min(query.end, job.queued_at))
    return DayAnalyzer(
        home=job.home,
        away_threshold_km=job.away_threshold_km,
        parameters=job.analysis,
        window_us=((query.start - _EPOCH) // _MICROSECOND, (window_end - _EPOCH) // _MICROSECOND),
        day_column=day.day_column,
        before=day.before,
        after=day.after,
    )


def _release(claim: VersionedRecord, jobs: JobStore, exc: BaseException) -> None:
    """Release the lease, so that the next attempt can start before it expires."""
    if isinstance(exc, Exception):
        capture_error(exc, job_id=claim.record.job_id)
    cause = f"{exc.dependency}: {exc.cause}" if isinstance(exc, Unavailable) else type(exc).__name__
    try:
        jobs.release(claim, cause)
    except OtelWorkerError:
        return  # the lease expires


def _annotate_span(record: Record) -> None:
    """Add the job's attributes to the current span, and a link to the trace of its submission if it is another one."""
    span = spans.current_span()
    span.set(audit.span_attributes(record))
    if record.trace_id != span.trace.trace_id:
        span.link(record.traceparent, "job")


@contextmanager
def _count_active() -> Iterator[None]:
    metrics.ACTIVE.add(1)
    try:
        yield
    finally:
        metrics.ACTIVE.add(-1)


def _count_attributes(statistics: DayStatistics, analysis: Mapping[str, Any]) -> dict[str, int]:
    """Return the counts of a day as span attributes: sums over the devices of the analysis, which are at most 100."""
    devices = analysis["devices"]
    counts = Counter[str]()
    for device in devices:
        counts.update({f"distance.fixes.rejected.{reason}": n for reason, n in device["fixes"]["rejected"].items()})
    return {
        "distance.fixes.read": statistics.total_locations + statistics.rejected_locations,
        "distance.fixes.usable": sum(device["fixes"]["usable"] for device in devices),
        **counts,
        "distance.devices": analysis["device_count"],
        "distance.trips": sum(device["trip_count"] for device in devices),
        "distance.gaps": sum(device["gap_count"] for device in devices),
    }
