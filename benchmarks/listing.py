"""A page of the list, by how many jobs there are: its time, and its requests to the object storage."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date, timedelta
from statistics import median
from typing import Any

import urllib3
from werkzeug.datastructures import MultiDict

from benchmarks.report import Figure
from benchmarks.stage import Stage, served
from functions.list.handler import Lister
from local.options import TARGETS
from shared import ids
from shared.http import Call
from shared.index import Index, new_marker
from shared.jobs import utc_now
from shared.models import Home, Record, Status
from shared.storage import Bucket, client
from shared.telemetry import trace_of

_COUNTS = (100, 10_000)
_ROUNDS = 31
_WRITERS = 8


def measured(stage: Stage) -> list[Figure]:
    """The page of 50 over each number of finished jobs, by turns."""
    http = urllib3.PoolManager(retries=False)
    took: dict[int, list[float]] = {count: [] for count in _COUNTS}
    requests = {count: _filled(stage, _bucket(count), count) for count in _COUNTS}
    with ExitStack() as running:
        functions = {
            count: running.enter_context(served(stage.environment("list", _bucket(count)), "list", TARGETS["list"]))
            for count in _COUNTS
        }
        for number in range(_ROUNDS + 2):
            for count, function in functions.items():
                started = time.perf_counter()
                answer = http.request("GET", f"{function.url}/api/distance/jobs?limit=50")
                seconds = time.perf_counter() - started
                if answer.json()["total_count"] != count:
                    raise ValueError(f"{answer.status}: {answer.data[:200]!r}")
                if number > 1:  # the first ones warm
                    took[count].append(seconds)
    few = median(took[_COUNTS[0]])
    return [
        Figure(
            "list",
            f"page of 50 of {count:,} jobs, {requests[count]} S3 requests",
            median(took[count]) * 1000,
            "ms",
            f"{_COUNTS[0]:,} jobs",
            median(took[count]) / few,
        )
        for count in _COUNTS
    ]


def _bucket(count: int) -> str:
    return f"bench-list-{count}"


def _filled(stage: Stage, name: str, count: int) -> int:
    """Put the markers of `count` finished jobs; the requests that one page makes then."""
    settings = stage.settings("list", name)
    s3 = client(settings)
    bucket = Bucket(s3, name)
    with ThreadPoolExecutor(_WRITERS) as writers:
        for _ in writers.map(bucket.put, _markers(count)):
            pass
    seen: list[str] = []

    def sent(**_: Any) -> None:
        seen.append("sent")

    s3.meta.events.register("before-send.s3", sent)
    Lister(Index(bucket)).page(Call({}, MultiDict(), {}, b"", trace_of({})))
    return len(seen)


def _markers(count: int) -> Iterator[str]:
    now = utc_now()
    for number in range(count):
        queued = now - timedelta(seconds=count - number)
        yield new_marker(
            Record(
                date=date(2025, 1, 1) + timedelta(days=number % 300),
                device_id=("", "iphone_stuart", "garmin")[number % 3],
                timezone="UTC",
                home=Home(latitude=40.736097, longitude=-74.039373),
                away_threshold_km=0.5,
                job_id=ids.new_job_id(queued),
                status=Status.COMPLETED,
                queued_at=queued,
                completed_at=queued + timedelta(milliseconds=40),
                traceparent="",
            )
        )
