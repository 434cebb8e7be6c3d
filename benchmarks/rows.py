"""Cost of results in the rows of a page, compared with a page without results and with status requests."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from statistics import median
from typing import Any

import urllib3

from benchmarks.bench_stack import BenchStack, serve_function
from benchmarks.report import Figure
from functions.calculate.sweep.compaction import Compaction
from local.options import TARGETS
from shared import ids
from shared.job_index.markers import entry_of
from shared.jobs.store import RECORD_PREFIX, utc_now
from shared.models import Home, Record, Result, Status
from shared.storage.bucket import Bucket, client

_BUCKET = "bench-rows"
_PAGE = "/api/distance/jobs?limit=50"
_ROUNDS = 31
_WARMUP = 2
_CONNECTIONS = 6  # of a browser to one host
_HTTP = urllib3.PoolManager(maxsize=_CONNECTIONS, retries=False)


def measure(stack: BenchStack) -> list[Figure]:
    """Alternate between pages of 50 completed jobs and their statuses. A cold page has records that are not cached."""
    job_ids = _fill(stack)
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
    return figures


def _consume(items: Iterable[object]) -> None:
    for _ in items:
        pass


def _json(url: str) -> Any:
    response = _HTTP.request("GET", url)
    if response.status != 200:
        raise ValueError(f"{response.status}: {response.data[:200]!r}")
    return response.json()


def _fill(stack: BenchStack) -> list[str]:
    """Create completed jobs in the index, one page for each round and one more. Return their ids, newest first."""
    bucket = Bucket(client(stack.settings("list", _BUCKET)), _BUCKET)
    count = 50 * (_ROUNDS + _WARMUP + 1)
    now = utc_now()
    records = [_record(number, now - timedelta(seconds=number)) for number in range(count)]
    with ThreadPoolExecutor(8) as threads:
        bodies = [
            (f"{RECORD_PREFIX}{record.job_id}.json", record.model_dump_json(exclude_none=True).encode())
            for record in records
        ]
        _consume(threads.map(lambda arguments: bucket.put(*arguments), bodies))
    entries = map(entry_of, records)
    Compaction(bucket).commit({entry.position: entry for entry in entries})
    return [record.job_id for record in records]


def _record(number: int, queued: Any) -> Record:
    job_id = ids.new_job_id(queued)
    result = Result(
        total_distance_km=19.44,
        total_locations=1464,
        max_distance_km=0.31,
        min_distance_km=0.001,
        avg_distance_km=0.013,
        path_length_km=2.718,
        away_minutes=0,
        rejected_locations=0,
        csv_path=f"csv/{job_id}/1/distance_20260125_garmin_{job_id}.csv",
        csv_size_bytes=123_456,
        csv_sha256="0" * 64,
        processing_time_ms=600 + number % 97,
        worker_version="0.1.0",
    )
    return Record(
        job_id=job_id,
        status=Status.COMPLETED,
        date="2026-01-25",
        device_id="garmin",
        timezone="UTC",
        home=Home(latitude=40.7, longitude=-74.0),
        away_threshold_km=0.5,
        queued_at=queued,
        completed_at=queued + timedelta(seconds=2),
        result=result,
        traceparent=f"00-{'1' * 32}-{'2' * 16}-01",
    )
