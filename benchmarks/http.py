"""Requests a second and their 95th percentile: submit and status beside a function that does nothing."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from statistics import median, quantiles

import urllib3

from benchmarks.report import Figure
from benchmarks.stage import Served, Stage, served
from local.options import TARGETS

_BUCKET = "bench-http"
_THREADS = 8
_REQUESTS = 400
_ROUNDS = 5
Request = Callable[[], None]


def measured(stage: Stage) -> list[Figure]:
    """Rounds of each by turns; submit's events go to another function that does nothing."""
    stage.settings("submit", _BUCKET)  # makes the bucket
    day = stage.day(1_450).isoformat()
    http = urllib3.PoolManager(maxsize=_THREADS, retries=False)
    with (
        served(stage.environment("status"), "hello", "benchmarks/hello.py") as hello,
        served(stage.environment("status"), "hello", "benchmarks/hello.py") as sink,
        served(stage.environment("submit", _BUCKET) | {"K_SINK": sink.url}, "submit", TARGETS["submit"]) as submit,
        served(stage.environment("status", _BUCKET), "status", TARGETS["status"]) as status,
    ):
        job = http.request("POST", f"{submit.url}/api/distance/calculate", json={"date": day}).json()["job_id"]
        requests = {
            "hello": _getting(http, hello, "/"),
            "status": _getting(http, status, f"/api/distance/jobs/{job}"),
            "submit": _submitting(http, submit, day),
        }
        rates: dict[str, list[float]] = {name: [] for name in requests}
        slowest: dict[str, list[float]] = {name: [] for name in requests}
        for number in range(_ROUNDS + 1):
            for name, request in requests.items():
                rate, p95 = _round(request)
                if number:  # the first one warms
                    rates[name].append(rate)
                    slowest[name].append(p95)
    figures = []
    for name in requests:
        rate, p95 = median(rates[name]), median(slowest[name])
        share, times = rate / median(rates["hello"]), p95 / median(slowest["hello"])
        figures.append(Figure("http", f"{name}, requests a second, {_THREADS} at once", rate, "/s", "hello", share))
        figures.append(Figure("http", f"{name}, 95th percentile", p95 * 1000, "ms", "hello", times))
    return figures


def _getting(http: urllib3.PoolManager, function: Served, path: str) -> Request:
    def get() -> None:
        if http.request("GET", function.url + path).status != 200:
            raise ValueError(path)

    return get


def _submitting(http: urllib3.PoolManager, function: Served, day: str) -> Request:
    def post() -> None:
        if http.request("POST", f"{function.url}/api/distance/calculate", json={"date": day}).status != 202:
            raise ValueError("submit")

    return post


def _round(request: Request) -> tuple[float, float]:
    """Requests a second, and the 95th percentile of their seconds."""

    def timed(_: None) -> float:
        started = time.perf_counter()
        request()
        return time.perf_counter() - started

    started = time.perf_counter()
    with ThreadPoolExecutor(_THREADS) as threads:
        seconds = list(threads.map(timed, repeat(None, _REQUESTS)))
    return _REQUESTS / (time.perf_counter() - started), quantiles(seconds, n=20)[-1]
