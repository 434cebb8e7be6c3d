"""Cold starts: from the start of a process to its first response on a real route, compared with a no-op function."""

import itertools
import json
import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks import completed_jobs, load
from benchmarks.bench_stack import HELLO, ROOT, BenchStack, serve_hello, start_gunicorn
from benchmarks.process_usage import processor_seconds
from benchmarks.report import Figure
from local.options import TARGETS
from shared import events

_BUCKET = "bench-start"
_STARTS = 15
_JOBS = 500
_PAGE = "/api/distance/jobs"


class _Case(NamedTuple):
    """A server, a function that returns the first request to it, the expected status, and the bound of the ratio."""

    arguments: list[str]
    environment: Mapping[str, str]
    message: Callable[[], bytes]
    status: int = 200
    at_most: float | None = None
    folder: Path = ROOT


class _Start(NamedTuple):
    """Seconds from the start of a process to its first response, and the processor seconds of all its processes."""

    seconds: float
    processor_seconds: float


def measure(stack: BenchStack) -> list[Figure]:
    """Alternate between starts of a no-op function and of each function, with bytecode present."""
    job_id, *_ = completed_jobs.store(stack.bucket(_BUCKET), _JOBS)
    with serve_hello(stack.folder) as sink:  # receives the events of submit
        cases = _cases(stack, job_id, sink.url)
        starts: dict[str, list[_Start]] = {name: [] for name in cases}
        for number, (name, case) in itertools.product(range(_STARTS + 1), cases.items()):
            start = _start(case)
            if number:  # the first start writes the bytecode
                starts[name].append(start)
    medians = {name: _Start(*map(median, zip(*times, strict=True))) for name, times in starts.items()}
    return [*_figures(cases, medians)]


def _figures(cases: Mapping[str, _Case], medians: Mapping[str, _Start]) -> Iterator[Figure]:
    hello = medians["hello"]
    for name, start in medians.items():
        what, ratio = f"process start to first response, {name}", start.seconds / hello.seconds
        yield Figure("start", what, start.seconds * 1000, "ms", "hello", ratio, at_most=cases[name].at_most)
    for name, start in medians.items():
        what, ratio = f"processor time of it, {name}", start.processor_seconds / hello.processor_seconds
        yield Figure("start", what, start.processor_seconds * 1000, "ms", "hello", ratio)


def _cases(stack: BenchStack, job_id: str, sink: str) -> dict[str, _Case]:
    day = json.dumps({"date": stack.day(1_450).isoformat()}).encode()
    submission = load.request("POST", "/api/distance/calculate", day)
    small_day = stack.day(10).isoformat()

    def case(target: str, message: Callable[[], bytes], at_most: float, status: int = 200) -> _Case:
        function = {"FUNCTION_TARGET": target, "FUNCTION_SOURCE": TARGETS[target], "K_SINK": sink}
        arguments = ["-c", "gunicorn.conf.py", "functions_framework:create_app()"]
        return _Case(arguments, stack.environment(target, _BUCKET) | function, message, status, at_most)

    return {
        "hello": _Case(HELLO, {}, lambda: load.request("GET", "/"), folder=stack.folder),
        "web": case("web", lambda: load.request("GET", "/"), 1.3),
        "status": case("status", lambda: load.request("GET", f"{_PAGE}/{job_id}"), 1.6),
        "submit": case("submit", lambda: submission, 1.6, 202),
        "list, 50 jobs with results": case("list", lambda: load.request("GET", _PAGE), 1.9),
        "list, 50 jobs without results": case("list", lambda: load.request("GET", f"{_PAGE}?results=false"), 1.9),
        "calculate, 10 fixes": case("calculate", lambda: request_event(small_day), 2.3),
    }


def request_event(day: str, job_id: str = "") -> bytes:
    """Return the delivery of a request event for all devices; without `job_id` it is of another producer."""
    body = json.dumps({"date": day, "device_id": "", **({"job_id": job_id} if job_id else {})}).encode()
    return load.request(
        "POST",
        "/",
        body,
        ce_specversion="1.0",
        ce_type=events.REQUESTED,
        ce_source="/benchmarks",
        ce_id=job_id or secrets.token_hex(8),
    )


def _start(case: _Case) -> _Start:
    """Time one start. Raises ValueError for another status."""
    started = time.perf_counter()
    with start_gunicorn(case.arguments, case.environment, case.folder) as (port, master):
        response = load.first_response(port, case.message())
        start = _Start(time.perf_counter() - started, processor_seconds(master.pid))
        os.killpg(master.pid, signal.SIGKILL)  # a graceful shutdown takes half a second
    if response.status != case.status:
        raise ValueError(f"{response.status}: {response.body[:200]!r}")
    return start
