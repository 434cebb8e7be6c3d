"""Cost of results in the rows of pages and of days, compared with a page without results and with status requests."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from statistics import median
from typing import Any

import urllib3

from benchmarks import completed_jobs
from benchmarks.bench_stack import BenchStack, serve_function
from benchmarks.report import Figure
from local.options import TARGETS
from shared.http.page_limits import MAX_DAYS

_BUCKET = "bench-rows"
_PAGE = "/api/distance/jobs?limit=50"
_ROUNDS = 31
_WARMUP = 2
_LARGE = 500
_PROCESSES = 7
_CONNECTIONS = 6  # of a browser to one host
_HTTP = urllib3.PoolManager(maxsize=_CONNECTIONS, retries=False)


def measure(stack: BenchStack) -> list[Figure]:
    """Alternate between pages of 50 completed jobs and their statuses. A cold page has records that are not cached."""
    job_ids = completed_jobs.store(stack.bucket(_BUCKET), 50 * (_ROUNDS + _WARMUP + 1))
    newest = job_ids[:50]
    with (
        serve_function(stack.environment("list", _BUCKET), "list", TARGETS["list"]) as listing,
        serve_function(stack.environment("status", _BUCKET), "status", TARGETS["status"]) as status,
        ThreadPoolExecutor(_CONNECTIONS) as browser,
    ):

        def get_page(query: str, results: int) -> None:
            rows = _json(f"{listing.url}{_PAGE}{query}")["jobs"]
            if (len(rows), sum("result" in row for row in rows)) != (50, results):
                raise ValueError(query)

        def get_status(job_id: str) -> None:
            if "result" not in _json(f"{status.url}/api/distance/jobs/{job_id}"):
                raise ValueError(job_id)

        cases: dict[str, Callable[[int], object]] = {
            "without": lambda _: get_page("&results=false", 0),
            "warm": lambda _: get_page("", 50),
            "cold": lambda number: get_page(f"&offset={50 * (number + 1)}", 50),
            "statuses": lambda _: _consume(map(get_status, newest)),
            "statuses together": lambda _: _consume(browser.map(get_status, newest)),
        }
        times: dict[str, list[float]] = {name: [] for name in cases}
        for number in range(_ROUNDS + _WARMUP):
            for name, case in cases.items():
                started = time.perf_counter()
                case(number)
                if number >= _WARMUP:
                    times[name].append(time.perf_counter() - started)
    seconds = {name: median(samples) for name, samples in times.items()}
    labels = {
        "without": ("page of 50 without results", {}),
        "warm": ("the same with results that were read before", {"at_most": 1.5}),
        "cold": ("the same with results that are read now", {}),
        "statuses": ("the same, and 50 status calls, one after another", {}),
        "statuses together": (f"the same, and 50 status calls, {_CONNECTIONS} at a time", {}),
    }
    figures = []
    for name, (label, bound) in labels.items():
        value = seconds[name] + (seconds["without"] if name.startswith("statuses") else 0)
        ratio = value / seconds["without"]
        figures.append(Figure("rows", label, value * 1000, "ms", "without results", ratio, **bound))
    return [*figures, *_measure_large_pages(stack), *_measure_year(stack)]


def _measure_large_pages(stack: BenchStack) -> list[Figure]:
    """Time the first pages of new processes whose index is loaded: no result was read before."""
    times: dict[str, list[float]] = {"without": [], "cold": []}
    for _ in range(_PROCESSES):
        with serve_function(stack.environment("list", _BUCKET), "list", TARGETS["list"]) as listing:
            for name, results in (("", 0), ("without", 0), ("cold", _LARGE)):
                query = f"limit={_LARGE}&results={'true' if results else 'false'}"
                started = time.perf_counter()
                rows = _json(f"{listing.url}/api/distance/jobs?{query}")["jobs"]
                seconds = time.perf_counter() - started
                found = sum("result" in row for row in rows)
                if (len(rows), found) != (_LARGE, results):  # the function stops to read records after 10 s
                    raise ValueError(f"{query}: {found} of {len(rows)} rows have results, after {seconds:.1f} s")
                if name:  # the first page loads the index
                    times[name].append(seconds)
    without, cold = median(times["without"]), median(times["cold"])
    baseline = f"without: {without * 1000:.0f} ms"
    label = f"page of {_LARGE} with results that are read now"
    return [Figure("rows", label, cold * 1000, "ms", baseline, cold / without, below=500)]


def _measure_year(stack: BenchStack) -> list[Figure]:
    """Time the days of a year in new processes: neither the index nor a record was read before."""
    first = completed_jobs.LAST_DAY - timedelta(days=MAX_DAYS - 1)
    query = f"device_id={completed_jobs.DEVICE}&from={first}&to={completed_jobs.LAST_DAY}"
    times: dict[str, list[float]] = {"start": [], "cold": [], "warm": []}
    for _ in range(_PROCESSES):
        started = time.perf_counter()
        with serve_function(stack.environment("list", _BUCKET), "list", TARGETS["list"]) as listing:
            for name in ("cold", "warm"):
                requested = time.perf_counter()
                days = _json(f"{listing.url}/api/distance/days?{query}")["days"]
                ended = time.perf_counter()
                if sum(day["analysis"] is not None for day in days) != MAX_DAYS:
                    raise ValueError(query)
                times[name].append(ended - requested)
                if name == "cold":
                    times["start"].append(ended - started)
    milliseconds = {name: median(samples) * 1000 for name, samples in times.items()}
    label = f"{MAX_DAYS} days with analysis, first request of a process"
    baseline = f"read before: {milliseconds['warm']:.0f} ms"
    ratio = milliseconds["cold"] / milliseconds["warm"]
    return [
        Figure("rows", label, milliseconds["cold"], "ms", baseline, ratio, below=1_000),
        Figure("rows", "the same from the start of the process", milliseconds["start"], "ms", below=1_000),
    ]


def _consume(items: Iterable[object]) -> None:
    for _ in items:
        pass


def _json(url: str) -> Any:
    response = _HTTP.request("GET", url)
    if response.status != 200:
        raise ValueError(f"{response.status}: {response.data[:200]!r}")
    return response.json()
