"""Requests per second and 95th percentile of submit and status, compared with a no-op function."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from statistics import median, quantiles

import urllib3

from benchmarks.bench_stack import BenchStack, FunctionServer, serve_function
from benchmarks.report import Figure
from local.options import TARGETS

_BUCKET = "bench-http"
_THREADS = 8
_REQUESTS = 400
_ROUNDS = 5
Request = Callable[[], None]


def measure(stack: BenchStack) -> list[Figure]:
    """Alternate rounds of each function. A second no-op function receives the events of submit."""
    stack.settings("submit", _BUCKET)  # creates the bucket
    day = stack.day(1_450).isoformat()
    http = urllib3.PoolManager(maxsize=_THREADS, retries=False)
    with (
        serve_function(stack.environment("status"), "hello", "benchmarks/hello.py") as hello,
        serve_function(stack.environment("status"), "hello", "benchmarks/hello.py") as sink,
        serve_function(
            stack.environment("submit", _BUCKET) | {"K_SINK": sink.url}, "submit", TARGETS["submit"]
        ) as submit,
        serve_function(stack.environment("status", _BUCKET), "status", TARGETS["status"]) as status,
    ):
        job = http.request("POST", f"{submit.url}/api/distance/calculate", json={"date": day}).json()["job_id"]
        requests = {
            "hello": _get(http, hello, "/"),
            "status": _get(http, status, f"/api/distance/jobs/{job}"),
            "submit": _submit(http, submit, day),
        }
        rates: dict[str, list[float]] = {name: [] for name in requests}
        slowest: dict[str, list[float]] = {name: [] for name in requests}
        for number in range(_ROUNDS + 1):
            for name, request in requests.items():
                rate, p95 = _run_round(request)
                if number:  # the first round is a warm-up
                    rates[name].append(rate)
                    slowest[name].append(p95)
    figures = []
    for name in requests:
        rate, p95 = median(rates[name]), median(slowest[name])
        rate_ratio, p95_ratio = rate / median(rates["hello"]), p95 / median(slowest["hello"])
        figures.append(
            Figure("http", f"{name}, requests a second, {_THREADS} at once", rate, "/s", "hello", rate_ratio)
        )
        figures.append(Figure("http", f"{name}, 95th percentile", p95 * 1000, "ms", "hello", p95_ratio))
    return figures


def _get(http: urllib3.PoolManager, function: FunctionServer, path: str) -> Request:
    def get() -> None:
        if http.request("GET", function.url + path).status != 200:
            raise ValueError(path)

    return get


def _submit(http: urllib3.PoolManager, function: FunctionServer, day: str) -> Request:
    def post() -> None:
        if http.request("POST", f"{function.url}/api/distance/calculate", json={"date": day}).status != 202:
            raise ValueError("submit")

    return post


def _run_round(request: Request) -> tuple[float, float]:
    """Return requests per second and the 95th percentile of their seconds."""

    def time_request(_: None) -> float:
        started = time.perf_counter()
        request()
        return time.perf_counter() - started

    started = time.perf_counter()
    with ThreadPoolExecutor(_THREADS) as threads:
        seconds = list(threads.map(time_request, repeat(None, _REQUESTS)))
    return _REQUESTS / (time.perf_counter() - started), quantiles(seconds, n=20)[-1]
