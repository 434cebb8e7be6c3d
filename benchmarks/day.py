"""A typical day of 1,450 fixes on the whole stack, beside the sum of the calls that it can't do without.

A job's time is from the POST to submit until its record says completed: `completed_at`, which is taken right before
the commit, on the clock of the same machine, and one commit.
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

from benchmarks.pipeline import Statement
from benchmarks.report import Figure
from benchmarks.stage import Stage, gunicorn, served
from shared import events
from shared.storage.bucket import Bucket, client

_FIXES = 1_450
_JOBS = 41
_WARM = 8
_BUCKET = "bench-day"
_LOOK_SECONDS = 0.02
_CSV_BYTES_A_FIX = 118
_RECORD_BYTES = 900


def measured(stage: Stage) -> list[Figure]:
    """Jobs and single calls by turns, medians of each."""
    day = stage.day(_FIXES)
    http = urllib3.PoolManager(retries=False)
    settings = stage.settings("calculate", _BUCKET)
    bucket = Bucket(client(settings), _BUCKET)
    url = stage.environment("calculate")["DATABASE_URL"]
    statement = Statement(settings).of(day)
    jobs: list[float] = []
    took: dict[str, list[float]] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        served(stage.environment("status"), "hello", "benchmarks/hello.py") as hello,
        gunicorn(
            ["-c", "python:local.gunicorn_config", "local.broker.app:from_environ()"],
            {"QUEUE": str(Path(folder) / "queue"), "CALCULATE_URL": hello.url},
        ) as broker,
    ):
        for number in range(_WARM + _JOBS):
            once = {
                "query": _timed(lambda: _query(url, statement)),
                "event": _event(http, broker.url, hello.url),
                **_storage(bucket),
            }
            job = _job(http, stage, day)
            if number < _WARM:
                continue
            jobs.append(job)
            for name, seconds in once.items():
                took.setdefault(name, []).append(seconds)
    calls = {name: median(seconds) for name, seconds in took.items()}
    total, least = median(jobs) + calls["commit"], sum(calls.values())
    figures = [
        Figure(
            "day",
            f"job of {_FIXES:,} fixes, POST to completed",
            total * 1000,
            "ms",
            "its calls",
            total / least,
            at_most=2,
        ),
        Figure("day", "sum of its calls", least * 1000, "ms"),
    ]
    return figures + [Figure("day", f"call: {name}", seconds * 1000, "ms") for name, seconds in calls.items()]


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _query(url: str, statement: str) -> None:
    """Connect and copy the day, every message read and dropped."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        for _ in copy:
            pass


def _storage(bucket: Bucket) -> dict[str, float]:
    """The requests between submission and commit, on objects of a job's sizes; the last marker comes after it."""
    job = secrets.token_hex(16)
    marker, record, csv = f"t/{job}", f"jobs/{job}.json", f"csv/{job}/1/distance.csv"
    body = b"." * _RECORD_BYTES
    etags: list[str] = []
    return {
        "marker (queued)": _timed(lambda: bucket.put(f"{marker}.0")),
        "record": _timed(lambda: etags.append(bucket.create(record, body))),
        "read": _timed(lambda: bucket.get(record)),
        "claim": _timed(lambda: etags.append(bucket.replace(record, body + b"1", etags[-1]))),
        "marker (processing)": _timed(lambda: bucket.put(f"{marker}.1")),
        "CSV": _timed(lambda: bucket.put(csv, b"," * (_FIXES * _CSV_BYTES_A_FIX), "text/csv")),
        "commit": _timed(lambda: bucket.replace(record, body + b"2", etags[-1])),
    }


def _event(http: urllib3.PoolManager, broker: str, function: str) -> float:
    """From the POST of an event to the same broker until a function that does nothing runs for it."""
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
        ran = float(http.request("GET", function).data)
        if ran > started:
            return ran - started
        time.sleep(_LOOK_SECONDS)
    raise TimeoutError("the event was not delivered")


def _job(http: urllib3.PoolManager, stage: Stage, day: date) -> float:
    """Seconds from the submission to the moment right before the commit."""
    submit = f"http://127.0.0.1:{stage.port('submit')}/api/distance/calculate"
    started = time.time()
    path = http.request("POST", submit, json={"date": day.isoformat()}).json()["status_url"]
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
        found = http.request("GET", f"http://127.0.0.1:{stage.port('status')}{path}").json()
        if found["status"] == "completed":
            # A record's times are cut to milliseconds: half of one is what they lack on average.
            return datetime.fromisoformat(found["completed_at"]).timestamp() + 0.0005 - started
    raise TimeoutError("the job did not complete")
