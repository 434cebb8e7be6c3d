"""A typical day of 1,450 fixes on the whole stack, compared with the sum of the calls that it requires.

The time of a job is from the POST to submit to its `completed_at`, which is set right before the commit, plus one
commit.
"""

import json
import secrets
import tempfile
import time
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from statistics import median

import psycopg
import urllib3

from benchmarks.bench_stack import BenchStack, gunicorn, serve_function
from benchmarks.pipeline import copy_statement
from benchmarks.report import Figure
from shared import events
from shared.storage.bucket import Bucket

_FIXES = 1_450
_JOBS = 41
_WARMUP = 8
_BUCKET = "bench-day"
_POLL_SECONDS = 0.02
_CSV_BYTES_PER_FIX = 118
_RECORD_BYTES = 900


def measure(stack: BenchStack) -> list[Figure]:
    """Alternate between jobs and single calls, and return the medians."""
    day = stack.day(_FIXES)
    http = urllib3.PoolManager(retries=False)
    settings = stack.settings("calculate", _BUCKET)
    bucket = stack.bucket(_BUCKET)
    url = stack.environment("calculate")["DATABASE_URL"]
    statement = copy_statement(settings, day)
    jobs: list[float] = []
    times: dict[str, list[float]] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        serve_function(stack.environment("status"), "hello", "benchmarks/hello.py") as hello,
        gunicorn(
            ["-c", "python:local.gunicorn_config", "local.broker.app:from_environ()"],
            {"QUEUE": str(Path(folder) / "queue"), "CALCULATE_URL": hello.url},
        ) as broker,
    ):
        for number in range(_WARMUP + _JOBS):
            seconds_of = {
                "query": _time(lambda: _query(url, statement)),
                "event": _time_event(http, broker.url, hello.url),
                **_time_storage(bucket),
            }
            job = _run_job(http, stack, day)
            if number < _WARMUP:
                continue
            jobs.append(job)
            for name, seconds in seconds_of.items():
                times.setdefault(name, []).append(seconds)
    calls = {name: median(seconds) for name, seconds in times.items()}
    total, minimum = median(jobs) + calls["commit"], sum(calls.values())
    figures = [
        Figure(
            "day",
            f"job of {_FIXES:,} fixes, POST to completed",
            total * 1000,
            "ms",
            "its calls",
            total / minimum,
            at_most=2,
        ),
        Figure("day", "sum of its calls", minimum * 1000, "ms"),
    ]
    return figures + [Figure("day", f"call: {name}", seconds * 1000, "ms") for name, seconds in calls.items()]


def _time(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _query(url: str, statement: str) -> None:
    """Connect, copy the day, and discard every message."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        for _ in copy:
            pass


def _time_storage(bucket: Bucket) -> dict[str, float]:
    """Time the S3 requests from submission to commit, with objects of a job's size."""
    job = secrets.token_hex(16)
    marker, record, csv = f"t/{job}", f"jobs/{job}.json", f"csv/{job}/1/distance.csv"
    body = b"." * _RECORD_BYTES
    etags: list[str] = []
    return {
        "marker (queued)": _time(lambda: bucket.put(f"{marker}.0")),
        "record": _time(lambda: etags.append(bucket.create(record, body))),
        "read": _time(lambda: bucket.get(record)),
        "claim": _time(lambda: etags.append(bucket.replace(record, body + b"1", etags[-1]))),
        "marker (processing)": _time(lambda: bucket.put(f"{marker}.1")),
        "CSV": _time(lambda: bucket.put(csv, b"," * (_FIXES * _CSV_BYTES_PER_FIX), "text/csv")),
        "commit": _time(lambda: bucket.replace(record, body + b"2", etags[-1])),
    }


def _time_event(http: urllib3.PoolManager, broker: str, function: str) -> float:
    """Time an event from its POST to the broker until the subscriber, a no-op function, runs."""
    headers = {
        "ce-specversion": "1.0",
        "ce-type": events.REQUESTED,
        "ce-source": "/benchmarks",
        "ce-id": secrets.token_hex(8),
        "content-type": "application/json",
    }
    started = time.monotonic()
    http.request("POST", broker, body=json.dumps({"date": "2025-01-01"}).encode(), headers=headers)
    deadline = started + 10
    while time.monotonic() < deadline:
        last_run = float(http.request("GET", function).data)
        if last_run > started:
            return last_run - started
        time.sleep(_POLL_SECONDS)
    raise TimeoutError("the event was not delivered")


def _run_job(http: urllib3.PoolManager, stack: BenchStack, day: date) -> float:
    """Return the seconds from submission to the moment right before the commit."""
    submit = f"http://127.0.0.1:{stack.port('submit')}/api/distance/calculate"
    started = time.time()
    path = http.request("POST", submit, json={"date": day.isoformat()}).json()["status_url"]
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        job = http.request("GET", f"http://127.0.0.1:{stack.port('status')}{path}").json()
        if job["status"] == "completed":
            # Record times are truncated to milliseconds, by half a millisecond on average.
            return datetime.fromisoformat(job["completed_at"]).timestamp() + 0.0005 - started
    raise TimeoutError("the job did not complete")
