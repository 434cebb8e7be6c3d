"""Cost of telemetry: requests, jobs and cold starts with exported traces and metrics, compared with those without."""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from statistics import median

import urllib3

from benchmarks.bench_stack import BenchStack, FunctionServer, serve_function
from benchmarks.process_usage import processor_seconds
from benchmarks.report import Figure
from functions.calculate.submission import new_record, resolve_task
from local.options import TARGETS
from shared.ids import new_job_id
from shared.jobs.store import JobStore
from shared.submissions import Submission
from shared.telemetry.context import trace_of

_BUCKET = "bench-telemetry"
_REQUESTS = 1_500  # pairs; the first tenth is a warm-up
_JOBS = 120  # pairs in each pair of processes
_PROCESSES = 6
_STARTS = 9
_VARIANTS = ("off", "disabled", "on")
Request = Callable[[], None]


def measure(stack: BenchStack) -> list[Figure]:
    """Measure pairs on separate processes. A no-op function receives the exports."""
    stack.settings("calculate", _BUCKET)  # creates the bucket
    day = stack.day(1_450).isoformat()
    with serve_function(stack.environment("status"), "hello", "benchmarks/hello.py") as collector:
        exporting = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        variants = {"off": {}, "disabled": {**exporting, "OTEL_SDK_DISABLED": "true"}, "on": exporting}
        return [*_requests(stack, variants), *_jobs(stack, variants, day), *_starts(stack, variants)]


def _requests(stack: BenchStack, variants: dict[str, dict[str, str]]) -> list[Figure]:
    environment, http = stack.environment("status", _BUCKET), urllib3.PoolManager(retries=False)
    path = f"/api/distance/jobs/{new_job_id(datetime.now(UTC))}"
    with (
        serve_function(environment, "status", TARGETS["status"]) as off,
        serve_function(environment | variants["on"], "status", TARGETS["status"]) as on,
    ):
        calls = [_get(http, function.url + path) for function in (off, on)]
        pairs = _interleave(calls, _REQUESTS)
        used = [processor_seconds(off.worker), processor_seconds(on.worker)]
        _interleave(calls, _REQUESTS)
        time.sleep(2)  # include pending exports
        spent = [processor_seconds(function.worker) - before for function, before in zip((off, on), used, strict=True)]
    difference = median(second - first for first, second in pairs) * 1000
    without = median(first for first, _ in pairs) * 1000
    cpu = (spent[1] - spent[0]) / _REQUESTS * 1000
    baseline = f"without: {without:.2f} ms"
    return [
        Figure("telemetry", "a status request, longer by", difference, "ms", baseline, difference / without, below=2),
        Figure("telemetry", "processor time of a status request, more by", cpu, "ms", below=2),
    ]


def _jobs(stack: BenchStack, variants: dict[str, dict[str, str]], day: str) -> list[Figure]:
    environment, http = stack.environment("calculate", _BUCKET), urllib3.PoolManager(retries=False)
    pairs: list[tuple[float, float]] = []
    spent = [0.0, 0.0]
    for _ in range(_PROCESSES):  # two equal processes differ by more than the effect of telemetry
        jobs = iter(_create_jobs(stack, day))
        with (
            serve_function(environment, "calculate", TARGETS["calculate"]) as off,
            serve_function(environment | variants["on"], "calculate", TARGETS["calculate"]) as on,
        ):
            used = [processor_seconds(off.worker), processor_seconds(on.worker)]
            pairs += _interleave([_deliver(http, function, jobs, day) for function in (off, on)], _JOBS)
            time.sleep(2)  # include pending exports
            for index, function in enumerate((off, on)):
                spent[index] += processor_seconds(function.worker) - used[index]
    difference = median(second - first for first, second in pairs) * 1000
    without = median(first for first, _ in pairs) * 1000
    cpu, base = ((seconds / _JOBS / _PROCESSES * 1000) for seconds in (spent[1] - spent[0], spent[0]))
    baseline, label = f"without: {without:.1f} ms", "processor time of it, exports included, more by"
    return [
        Figure(
            "telemetry",
            "a job of 1,450 fixes, longer by",
            difference,
            "ms",
            baseline,
            difference / without,
            at_most=0.02,
        ),
        Figure("telemetry", label, cpu, "ms", f"without: {base:.1f} ms", cpu / base),
    ]


def _create_jobs(stack: BenchStack, day: str) -> list[str]:
    """Create queued jobs for `day`, two for each pair, and return their ids."""
    settings, now = stack.settings("calculate", _BUCKET), datetime.now(UTC)
    jobs, submission = JobStore(stack.bucket(_BUCKET)), Submission(date=date.fromisoformat(day))
    ids = [new_job_id(now) for _ in range(2 * _JOBS)]
    for job_id in ids:
        jobs.create(new_record(job_id, resolve_task(submission, settings, now), submission, now, trace_of({})))
    return ids


def _starts(stack: BenchStack, variants: dict[str, dict[str, str]]) -> list[Figure]:
    seconds: dict[str, list[float]] = {name: [] for name in _VARIANTS}
    memory: dict[str, list[float]] = {name: [] for name in _VARIANTS}
    environment = stack.environment("calculate", _BUCKET)
    for number, name in itertools.product(range(_STARTS + 1), _VARIANTS):
        started = time.perf_counter()
        with serve_function(environment | variants[name], "calculate", TARGETS["calculate"]) as function:
            if number:  # the first one warms the disk cache
                seconds[name].append(time.perf_counter() - started)
                memory[name].append(function.peak_mb())
    figures = []
    for name in _VARIANTS:
        time_ms, size = median(seconds[name]) * 1000, median(memory[name])
        time_ratio, memory_ratio = time_ms / median(seconds["off"]) / 1000, size / median(memory["off"])
        label = {"off": "no endpoint", "disabled": "OTEL_SDK_DISABLED=true", "on": "exporting"}[name]
        figures.append(
            Figure("telemetry", f"cold start of calculate, {label}", time_ms, "ms", "no endpoint", time_ratio)
        )
        figures.append(Figure("telemetry", f"memory after it, {label}", size, "MB", "no endpoint", memory_ratio))
    return figures


def _interleave(calls: list[Request], rounds: int) -> list[tuple[float, float]]:
    """Run both calls in rounds with alternating order, and return their seconds."""
    pairs = []
    for number in range(rounds):
        seconds = [0.0, 0.0]
        for index in (0, 1) if number % 2 else (1, 0):
            started = time.perf_counter()
            calls[index]()
            seconds[index] = time.perf_counter() - started
        if number >= rounds // 10:
            pairs.append((seconds[0], seconds[1]))
    return pairs


def _get(http: urllib3.PoolManager, url: str) -> Request:
    def get() -> None:
        if http.request("GET", url).status != 404:
            raise ValueError(url)

    return get


def _deliver(http: urllib3.PoolManager, function: FunctionServer, jobs: Iterator[str], day: str) -> Request:
    def deliver() -> None:
        job_id = next(jobs)
        attributes = {
            "specversion": "1.0",
            "type": "otelworker.distance.requested.v1",
            "source": "/bench",
            "id": job_id,
        }
        headers = {f"ce-{name}": text for name, text in attributes.items()} | {"Content-Type": "application/json"}
        body = json.dumps({"job_id": job_id, "date": day, "device_id": "iphone_stuart"})
        if http.request("POST", function.url, body=body, headers=headers).status != 200:
            raise ValueError("calculate")

    return deliver
