"""The list function by number of jobs: warm pages, cold starts and memory."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from itertools import islice
from statistics import median
from typing import Any

import urllib3
from werkzeug.datastructures import MultiDict

from benchmarks.bench_stack import BenchStack, FunctionServer, serve_function
from benchmarks.report import Figure
from benchmarks.s3_requests import count_requests
from functions.calculate.sweep.compaction import SEALED_ROWS, Compaction
from functions.list.handler import JobLister
from functions.list.results import ResultReader
from local.options import TARGETS
from shared import ids
from shared.http.messages import Request
from shared.job_index.index import Index
from shared.job_index.markers import Entry, milliseconds
from shared.jobs.store import JobStore, utc_now
from shared.models import Status
from shared.telemetry.context import trace_of

_COUNTS = (1_000, 100_000, 1_000_000)
_PAGE = "/api/distance/jobs?limit=50&results=false"  # rows.py measures results
_FILTERED = f"{_PAGE}&status=completed&device_id=garmin"
_ROUNDS = 41
_COLD_STARTS = 5
_HTTP = urllib3.PoolManager(retries=False)


def measure(stack: BenchStack) -> list[Figure]:
    """Measure each number of finished jobs in turn; the smallest is the baseline of the ratios."""
    requests = {count: _fill(stack, _bucket(count), count) for count in _COUNTS}
    warm, filtered, peaks = _measure_warm(stack)
    cold = _measure_cold(stack)
    figures = []
    few = f"{_COUNTS[0]:,} jobs"
    for count in _COUNTS:
        is_largest = count == _COUNTS[-1]
        of = f"of {count:,} jobs"
        label = f"warm page of 50 {of}, {requests[count]} S3 requests"
        bound = {"at_most": 1.5} if is_largest else {}
        figures.append(_figure(label, warm[count] * 1000, "ms", few, warm[count] / warm[_COUNTS[0]], **bound))
        ratio = filtered[count] / filtered[_COUNTS[0]]
        figures.append(_figure(f"the same by status and device {of}", filtered[count] * 1000, "ms", few, ratio))
        bound = {"at_most": 3.0} if is_largest else {}
        ratio = cold[count] / cold[_COUNTS[0]]
        figures.append(_figure(f"process start to first page {of}", cold[count] * 1000, "ms", few, ratio, **bound))
        bound = {"below": 150.0} if is_largest else {}
        ratio = peaks[count] / peaks[_COUNTS[0]]
        figures.append(_figure(f"peak memory after filtered pages {of}", peaks[count], "MB", few, ratio, **bound))
    return figures


def _figure(what: str, value: float, unit: str, baseline: str, ratio: float, **bounds: Any) -> Figure:
    return Figure("list", what, value, unit, baseline, ratio, **bounds)


def _measure_warm(stack: BenchStack) -> tuple[dict[int, float], dict[int, float], dict[int, float]]:
    """Return the median seconds of a page and of a filtered page, and the peak MB, by number of jobs."""
    samples: dict[tuple[int, str], list[float]] = {
        (count, path): [] for count in _COUNTS for path in (_PAGE, _FILTERED)
    }
    with ExitStack() as servers:
        functions = {count: servers.enter_context(_serve_list(stack, count)) for count in _COUNTS}
        for number in range(_ROUNDS + 2):
            for (count, path), times in samples.items():
                seconds = _time_page(functions[count], path, count if path == _PAGE else None)
                if number > 1:  # the first two rounds are a warm-up
                    times.append(seconds)
        peaks = {count: function.peak_mb() for count, function in functions.items()}
    medians = {case: median(times) for case, times in samples.items()}
    return (
        {count: medians[count, _PAGE] for count in _COUNTS},
        {count: medians[count, _FILTERED] for count in _COUNTS},
        peaks,
    )


def _measure_cold(stack: BenchStack) -> dict[int, float]:
    """Return the median seconds from the start of a process to its first page, by number of jobs."""
    samples: dict[int, list[float]] = {count: [] for count in _COUNTS}
    for _ in range(_COLD_STARTS):
        for count, times in samples.items():
            started = time.perf_counter()
            with _serve_list(stack, count) as function:
                _time_page(function, _PAGE, count)
                times.append(time.perf_counter() - started)
    return {count: median(times) for count, times in samples.items()}


def _serve_list(stack: BenchStack, count: int) -> Any:
    return serve_function(stack.environment("list", _bucket(count)), "list", TARGETS["list"])


def _time_page(function: FunctionServer, path: str, total: int | None) -> float:
    """Return the seconds of a page. Raises ValueError if it does not have 50 of `total` jobs."""
    started = time.perf_counter()
    response = _HTTP.request("GET", f"{function.url}{path}")
    seconds = time.perf_counter() - started
    page = response.json()
    if len(page.get("jobs", ())) != 50 or total not in (None, page["total_count"]):
        raise ValueError(f"{response.status}: {response.data[:200]!r}")
    return seconds


def _bucket(count: int) -> str:
    return f"bench-list-{count}"


def _fill(stack: BenchStack, name: str, count: int) -> int:
    """Create the segments of `count` finished jobs, and return the number of S3 requests of a warm page."""
    bucket = stack.bucket(name)
    entries = _entries(count)
    while batch := {entry.position: entry for entry in islice(entries, SEALED_ROWS)}:
        Compaction(bucket).commit(batch)
    with count_requests(stack.s3_url) as counter:
        bucket = stack.bucket(name, counter.url)
        lister = JobLister(Index(bucket), ResultReader(JobStore(bucket)))
        request = Request({}, MultiDict({"results": "false"}), {}, b"", trace_of({}))
        lister.list_page(request)
        counter.take()
        lister.list_page(request)
        return counter.take().total()


def _entries(count: int) -> Iterator[Entry]:
    now = utc_now()
    first = date(2025, 1, 1)
    for number in range(count):
        queued = now - timedelta(seconds=count - number)
        day = (first + timedelta(days=number % 300)).isoformat()
        device = ("", "iphone_stuart", "garmin")[number % 3]
        queued_ms = milliseconds(queued)
        yield Entry(ids.new_job_id(queued), Status.COMPLETED, queued_ms, day, device, queued_ms + 40 + number % 97)
