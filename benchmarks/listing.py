"""The list, by how many jobs there are: a warm page, a cold start to the first page, memory."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from itertools import islice
from statistics import median
from typing import Any

import urllib3
from werkzeug.datastructures import MultiDict

from benchmarks.report import Figure
from benchmarks.stage import Served, Stage, served
from functions.calculate.sweep.compaction import SEALED_ROWS, Compaction
from functions.list.handler import Lister
from functions.list.results import ResultReader
from local.options import TARGETS
from shared import ids
from shared.http.messages import Request
from shared.job_index.index import Index
from shared.job_index.markers import Entry, milliseconds
from shared.jobs.store import JobStore, utc_now
from shared.models import Status
from shared.storage.bucket import Bucket, client
from shared.telemetry.context import trace_of

_COUNTS = (1_000, 100_000, 1_000_000)
_PAGE = "/api/distance/jobs?limit=50&results=false"  # rows.py has what results cost
_FILTERED = f"{_PAGE}&status=completed&device_id=garmin"
_ROUNDS = 41
_COLD_STARTS = 5
_HTTP = urllib3.PoolManager(retries=False)


def measured(stage: Stage) -> list[Figure]:
    """Everything over each number of finished jobs, by turns; ratios are to the smallest number."""
    requests = {count: _filled(stage, _bucket(count), count) for count in _COUNTS}
    warm, filtered, peaks = _warm(stage)
    cold = _cold(stage)
    figures = []
    few = f"{_COUNTS[0]:,} jobs"
    for count in _COUNTS:
        most = count == _COUNTS[-1]
        of = f"of {count:,} jobs"
        said = f"warm page of 50 {of}, {requests[count]} S3 requests"
        bound = {"at_most": 1.5} if most else {}
        figures.append(_figure(said, warm[count] * 1000, "ms", few, warm[count] / warm[_COUNTS[0]], **bound))
        ratio = filtered[count] / filtered[_COUNTS[0]]
        figures.append(_figure(f"the same by status and device {of}", filtered[count] * 1000, "ms", few, ratio))
        bound = {"at_most": 3.0} if most else {}
        ratio = cold[count] / cold[_COUNTS[0]]
        figures.append(_figure(f"process start to first page {of}", cold[count] * 1000, "ms", few, ratio, **bound))
        bound = {"below": 150.0} if most else {}
        ratio = peaks[count] / peaks[_COUNTS[0]]
        figures.append(_figure(f"peak memory after filtered pages {of}", peaks[count], "MB", few, ratio, **bound))
    return figures


def _figure(what: str, value: float, unit: str, beside: str, ratio: float, **bounds: Any) -> Figure:
    return Figure("list", what, value, unit, beside, ratio, **bounds)


def _warm(stage: Stage) -> tuple[dict[int, float], dict[int, float], dict[int, float]]:
    """Median seconds of a page and of a filtered page, and peak megabytes, by number of jobs."""
    took: dict[tuple[int, str], list[float]] = {(count, path): [] for count in _COUNTS for path in (_PAGE, _FILTERED)}
    with ExitStack() as running:
        functions = {count: running.enter_context(_list(stage, count)) for count in _COUNTS}
        for number in range(_ROUNDS + 2):
            for (count, path), times in took.items():
                seconds = _asked(functions[count], path, count if path == _PAGE else None)
                if number > 1:  # the first ones warm
                    times.append(seconds)
        peaks = {count: function.peak_mb() for count, function in functions.items()}
    medians = {case: median(times) for case, times in took.items()}
    return (
        {count: medians[count, _PAGE] for count in _COUNTS},
        {count: medians[count, _FILTERED] for count in _COUNTS},
        peaks,
    )


def _cold(stage: Stage) -> dict[int, float]:
    """Median seconds from the start of a process to its first page, by number of jobs."""
    took: dict[int, list[float]] = {count: [] for count in _COUNTS}
    for _ in range(_COLD_STARTS):
        for count, times in took.items():
            started = time.perf_counter()
            with _list(stage, count) as function:
                _asked(function, _PAGE, count)
                times.append(time.perf_counter() - started)
    return {count: median(times) for count, times in took.items()}


def _list(stage: Stage, count: int) -> Any:
    return served(stage.environment("list", _bucket(count)), "list", TARGETS["list"])


def _asked(function: Served, path: str, total: int | None) -> float:
    """Seconds that a page took, which must count `total` jobs."""
    started = time.perf_counter()
    answer = _HTTP.request("GET", f"{function.url}{path}")
    seconds = time.perf_counter() - started
    found = answer.json()
    if len(found.get("jobs", ())) != 50 or total not in (None, found["total_count"]):
        raise ValueError(f"{answer.status}: {answer.data[:200]!r}")
    return seconds


def _bucket(count: int) -> str:
    return f"bench-list-{count}"


def _filled(stage: Stage, name: str, count: int) -> int:
    """Put the segments of `count` finished jobs, as sweeps would have; the requests that one warm page makes then."""
    settings = stage.settings("list", name)
    s3 = client(settings)
    bucket = Bucket(s3, name)
    entries = _entries(count)
    while truth := {entry.position: entry for entry in islice(entries, SEALED_ROWS)}:
        Compaction(bucket).commit(truth)
    lister = Lister(Index(bucket), ResultReader(JobStore(bucket)))
    call = Request({}, MultiDict({"results": "false"}), {}, b"", trace_of({}))
    lister.page(call)
    seen: list[str] = []

    def sent(**_: Any) -> None:
        seen.append("sent")

    s3.meta.events.register("before-send.s3", sent)
    lister.page(call)
    return len(seen)


def _entries(count: int) -> Iterator[Entry]:
    now = utc_now()
    first = date(2025, 1, 1)
    for number in range(count):
        queued = now - timedelta(seconds=count - number)
        day = (first + timedelta(days=number % 300)).isoformat()
        device = ("", "iphone_stuart", "garmin")[number % 3]
        queued_ms = milliseconds(queued)
        yield Entry(ids.new_job_id(queued), Status.COMPLETED, queued_ms, day, device, queued_ms + 40 + number % 97)
