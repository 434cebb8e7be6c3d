"""Requests per second and 95th percentile of submit, status and list, compared with a no-op function."""

import json
import time
from itertools import repeat
from statistics import median, quantiles
from typing import NamedTuple

from benchmarks import completed_jobs, load
from benchmarks.bench_stack import BenchStack, FunctionServer, serve_function, serve_hello
from benchmarks.process_usage import processor_seconds
from benchmarks.report import Figure
from local.options import TARGETS

_BUCKET = "bench-http"
_SUBMIT_BUCKET = "bench-http-submit"  # the markers of queued jobs would slow down list, until a sweep
_CALLERS = 8
_REQUESTS = 400
_ROUNDS = 7
_JOBS = 500
_BOUNDS = {"status": 0.45, "list": 0.3, "submit": 0.2}


class _Case(NamedTuple):
    """A server, a request, and the status of each response."""

    server: FunctionServer
    message: bytes
    status: int


class _Round(NamedTuple):
    """Requests per second, the 95th percentile in seconds, and processor seconds per request: worker, generator."""

    rate: float
    p95: float
    worker: float
    generator: float


def measure(stack: BenchStack) -> list[Figure]:
    """Alternate rounds of each function. A second no-op function receives the events of submit."""
    job_id, *_ = completed_jobs.store(stack.bucket(_BUCKET), _JOBS)
    stack.bucket(_SUBMIT_BUCKET)
    day = json.dumps({"date": stack.day(1_450).isoformat()}).encode()
    with serve_hello(stack.folder) as hello, serve_hello(stack.folder) as sink:
        submit_environment = stack.environment("submit", _SUBMIT_BUCKET) | {"K_SINK": sink.url}
        with (
            serve_function(submit_environment, "submit", TARGETS["submit"]) as submit,
            serve_function(stack.environment("status", _BUCKET), "status", TARGETS["status"]) as status,
            serve_function(stack.environment("list", _BUCKET), "list", TARGETS["list"]) as listing,
            serve_function(stack.environment("status"), "hello", "benchmarks/hello.py") as configured_hello,
        ):
            cases = {
                "hello": _Case(hello, load.request("GET", "/"), 200),
                "hello, configured as the functions": _Case(configured_hello, load.request("GET", "/"), 200),
                "status": _Case(status, load.request("GET", f"/api/distance/jobs/{job_id}"), 200),
                "list": _Case(listing, load.request("GET", "/api/distance/jobs?results=false"), 200),
                "submit": _Case(submit, load.request("POST", "/api/distance/calculate", day), 202),
            }
            rounds: dict[str, list[_Round]] = {name: [] for name in cases}
            for _ in range(_ROUNDS + 1):
                for name, case in cases.items():
                    rounds[name].append(_run_round(case))
    return _figures({name: _median(measured[1:]) for name, measured in rounds.items()})  # the first is a warm-up


def _figures(medians: dict[str, _Round]) -> list[Figure]:
    figures = []
    hello = medians["hello"]
    for name, measured in medians.items():
        what = f"{name}, requests a second, {_CALLERS} at once"
        ratio = measured.rate / hello.rate
        figures.append(Figure("http", what, measured.rate, "/s", "hello", ratio, at_least=_BOUNDS.get(name)))
        ratio = measured.p95 / hello.p95
        figures.append(Figure("http", f"{name}, 95th percentile", measured.p95 * 1000, "ms", "hello", ratio))
        ratio = measured.worker / hello.worker
        figures.append(Figure("http", f"{name}, processor time", measured.worker * 1000, "ms", "hello", ratio))
    what = "processor time of the load generator, a request to hello"
    return [*figures, Figure("http", what, hello.generator * 1000, "ms", "a request", hello.generator * hello.rate)]


def _median(rounds: list[_Round]) -> _Round:
    return _Round(*map(median, zip(*rounds, strict=True)))


def _run_round(case: _Case) -> _Round:
    """Send the requests of one round. Raises ValueError for another status."""
    used, busy, started = processor_seconds(case.server.worker), time.process_time(), time.perf_counter()
    responses = load.run(case.server.port, repeat(case.message, _REQUESTS), _CALLERS)
    seconds, generator = time.perf_counter() - started, time.process_time() - busy
    worker = processor_seconds(case.server.worker) - used
    for response in responses:
        if response.status != case.status:
            raise ValueError(f"{response.status}: {response.body[:200]!r}")
    p95 = quantiles([response.seconds for response in responses], n=20)[-1]
    return _Round(len(responses) / seconds, p95, worker / len(responses), generator / len(responses))
