"""A backlog of jobs on the local stack: jobs per second, and processor time per job of each process.

The baseline is as many events through another instance of the broker to a no-op function.
"""

import json
import sqlite3
import tempfile
import time
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import load, s3_requests
from benchmarks.bench_stack import BenchStack, gunicorn, serve_hello
from benchmarks.process_usage import processor_seconds
from benchmarks.report import Figure
from benchmarks.start import request_event
from local.gateway.app import SERVICES

_FIXES = 1_450
_JOBS = 300
_WARMUP = 20
_CALLERS = 10
_POLL_SECONDS = 0.25
_TIMEOUT_SECONDS = 240
_OWN_PROCESSES = (*SERVICES, "gateway")
_PROCESSES = (*_OWN_PROCESSES, "s3", "postgres")
_JOBS_PATH = "/api/distance/jobs"


class _Backlog(NamedTuple):
    """Jobs per second, and processor milliseconds per job by process: until all are completed, and to read one."""

    rate: float
    used_ms: dict[str, float]
    read_ms: float


class _Floor(NamedTuple):
    """Events per second, and processor milliseconds per event of broker and no-op function."""

    rate: float
    used_ms: float


def measure(stack: BenchStack) -> list[Figure]:
    """Measure the baseline and the backlog, then count the S3 requests of single jobs."""
    day = stack.day(_FIXES).isoformat()
    _run_backlog(stack, day, _WARMUP)
    floor = _run_floor(stack.folder, day)
    backlog = _run_backlog(stack, day, _JOBS)
    own_ms = sum(backlog.used_ms[name] for name in _OWN_PROCESSES)
    jobs = f"{_JOBS} jobs of {_FIXES:,} fixes from {_CALLERS} callers"
    rate_baseline, used_baseline = f"events: {floor.rate:.0f} /s", f"an event: {floor.used_ms:.1f} ms"
    processor = "processor time of a job"
    return [
        Figure("backlog", jobs, backlog.rate, "/s", rate_baseline, backlog.rate / floor.rate),
        Figure("backlog", f"{processor}, own processes", own_ms, "ms", used_baseline, own_ms / floor.used_ms, below=45),
        *(
            Figure("backlog", f"{processor}, {name}", used_ms, "ms", "own processes", used_ms / own_ms)
            for name, used_ms in backlog.used_ms.items()
        ),
        Figure("backlog", "processor time of status and gateway to read a job", backlog.read_ms, "ms"),
        *s3_requests.measure(stack, day),
    ]


def _run_backlog(stack: BenchStack, day: str, count: int) -> _Backlog:
    """Submit `count` jobs, wait until all are completed, and read each once, all through the gateway."""
    port = stack.running.plan.options.port
    completed = _count_completed(port)
    submission = load.request("POST", "/api/distance/calculate", json.dumps({"date": day}).encode())
    before, started = _processor_times(stack), time.time()
    accepted = _send(port, repeat(submission, count), 202)
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while _count_completed(port) < completed + count:
        if time.monotonic() > deadline:
            raise TimeoutError("jobs are not completed")
        time.sleep(_POLL_SECONDS)
    after = _processor_times(stack)
    jobs = _send(port, [load.request("GET", f"{_JOBS_PATH}/{job['job_id']}") for job in accepted], 200)
    if any(job["result"]["total_locations"] != _FIXES for job in jobs):
        raise ValueError("wrong number of fixes")
    read = _processor_times(stack)
    last = max(datetime.fromisoformat(job["completed_at"]).timestamp() for job in jobs)
    return _Backlog(
        rate=count / (last - started),
        used_ms={name: (after[name] - before[name]) / count * 1000 for name in _PROCESSES},
        read_ms=sum(read[name] - after[name] for name in ("status", "gateway")) / count * 1000,
    )


def _processor_times(stack: BenchStack) -> dict[str, float]:
    pids = stack.running.supervisor.pids()
    return {name: processor_seconds(pids[name]) for name in _PROCESSES}


def _count_completed(port: int) -> int:
    page = load.request("GET", f"{_JOBS_PATH}?status=completed&limit=1&results=false")
    (body,) = _send(port, [page], 200)
    return int(body["total_count"])


def _send(port: int, messages: Iterable[bytes], status: int) -> list[Any]:
    """Return the bodies of the responses. Raises ValueError for another status."""
    responses = load.run(port, messages, _CALLERS)
    for response in responses:
        if response.status != status:
            raise ValueError(f"{response.status}: {response.body[:200]!r}")
    return [json.loads(response.body) for response in responses]


def _run_floor(folder: Path, day: str) -> _Floor:
    """Publish the events at once, and wait until the queue is empty."""
    with (
        tempfile.TemporaryDirectory(dir=folder) as queue_folder,
        serve_hello(folder) as hello,
        gunicorn(
            ["-c", "python:local.gunicorn_config", "local.broker.app:from_environ()"],
            {"QUEUE": f"{queue_folder}/queue", "CALCULATE_URL": hello.url},
        ) as broker,
        closing(sqlite3.connect(f"{queue_folder}/queue")) as queue,
    ):

        def used() -> float:
            return processor_seconds(broker.worker) + processor_seconds(hello.worker)

        def run(count: int) -> float:
            started = time.perf_counter()
            for response in load.run(broker.port, repeat(request_event(day), count), _CALLERS):
                if response.status != 202:
                    raise ValueError(response.status)
            while queue.execute("SELECT count(*) FROM deliveries").fetchone() != (0,):
                time.sleep(0.01)
            return time.perf_counter() - started

        run(_WARMUP)
        before = used()
        seconds = run(_JOBS)
        return _Floor(_JOBS / seconds, (used() - before) / _JOBS * 1000)
