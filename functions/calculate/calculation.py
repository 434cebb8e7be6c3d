"""A job's way through calculate, whole: claim, fetch, compute, store, commit."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from functions.calculate.blocks import Block
from functions.calculate.csv_rows import HEADER, CsvRows
from functions.calculate.distance import DayNumbers
from shared import csv_names, days, leftovers
from shared.errors import JobFailed, LeaseLost, OtelWorkerError, Unavailable
from shared.jobs import Claim, Jobs, exhausted
from shared.models import Numbers, Record, Result
from shared.storage import Bucket
from shared.uploads import Upload
from shared.version import VERSION


class Fixes(Protocol):
    """Where fixes come from (functions/calculate/fixes.py, or a fake)."""

    def of_day(
        self, start: datetime, end: datetime, device_id: str, alive: Callable[[], None]
    ) -> AbstractContextManager[Iterator[Block]]:
        """The day's blocks; `alive` is called at each of them, and while the database keeps us waiting."""

    def ping(self) -> None: ...


def run(job_id: str, jobs: Jobs, fixes: Fixes, csvs: Bucket) -> Record:
    """The job as it ended; else NotFound, JobDeleted, JobFinished, JobHeld, LeaseLost, or Unavailable: try again."""
    started = time.monotonic()
    claim = jobs.claim(job_id)
    try:
        if hopeless := exhausted(claim.record):
            raise hopeless  # noqa: TRY301 - it ends the job as any other failure does
        numbers, size = _calculate(claim, jobs, fixes, csvs)
        result = Result(
            **numbers.model_dump(),
            csv_path=csv_names.key(claim.record),
            csv_size_bytes=size,
            processing_time_ms=round((time.monotonic() - started) * 1000),
            worker_version=VERSION,
        )
        ended = jobs.complete(claim, result)
    except JobFailed as failure:
        ended = jobs.fail(claim, failure.code, failure.message)
    except LeaseLost:
        leftovers.drop(csvs, csv_names.key(claim.record))
        raise
    except BaseException as exc:
        _give_back(claim, jobs, exc)
        raise
    if ended.attempt > 1:
        leftovers.clear(csvs, ended)
    return ended


def _calculate(claim: Claim, jobs: Jobs, fixes: Fixes, csvs: Bucket) -> tuple[Numbers, int]:
    """The numbers of the job's day and the size of its CSV, stored whole under the attempt's own key."""
    job = claim.record
    numbers = DayNumbers(job.home, job.away_threshold_km)
    rows = CsvRows()
    start, end = days.interval(job.date, job.timezone)
    blocks_of_day = fixes.of_day(start, end, job.device_id, alive=lambda: jobs.renew(claim))
    with blocks_of_day as blocks, Upload(csvs, csv_names.key(job), "text/csv") as csv:
        csv.write(HEADER)
        for block in blocks:
            csv.write(rows.of(numbers.add(block)))
        day = numbers.numbers()
        if not day.total_locations:
            raise JobFailed("NO_DATA", f"No location data found for date {job.date.isoformat()}")
    return day, csv.size


def _give_back(claim: Claim, jobs: Jobs, exc: BaseException) -> None:
    """Let the next attempt start at once instead of after the lease."""
    cause = f"{exc.dependency}: {exc.cause}" if isinstance(exc, Unavailable) else type(exc).__name__
    try:
        jobs.release(claim, cause)
    except OtelWorkerError:
        return  # the lease ends by itself
