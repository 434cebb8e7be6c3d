"""What telemetry costs: a request, a job and a cold start with traces and metrics exported, beside the same without."""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median

import urllib3

from benchmarks.report import Figure
from benchmarks.stage import Served, Stage, served
from functions.calculate.submission import new_record, task_of
from local.options import TARGETS
from shared.ids import new_job_id
from shared.jobs.store import JobStore
from shared.models import Submission
from shared.storage.bucket import Bucket, client
from shared.telemetry.context import trace_of

_BUCKET = "bench-telemetry"
_REQUESTS = 1_500  # pairs; the first tenth warms
_JOBS = 120  # pairs, for each of as many pairs of processes
_PROCESSES = 6
_STARTS = 9
_WAYS = ("off", "disabled", "on")
Request = Callable[[], None]


def measured(stage: Stage) -> list[Figure]:
    """Every pair is measured by turns, on processes of its own; what is exported goes to a function that drops it."""
    stage.settings("calculate", _BUCKET)  # makes the bucket
    day = stage.day(1_450).isoformat()
    with served(stage.environment("status"), "hello", "benchmarks/hello.py") as collector:
        exporting = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        told = {"off": {}, "disabled": {**exporting, "OTEL_SDK_DISABLED": "true"}, "on": exporting}
        return [*_requests(stage, told), *_jobs(stage, told, day), *_starts(stage, told)]


def _requests(stage: Stage, told: dict[str, dict[str, str]]) -> list[Figure]:
    environment, http = stage.environment("status", _BUCKET), urllib3.PoolManager(retries=False)
    path = f"/api/distance/jobs/{new_job_id(datetime.now(UTC))}"
    with (
        served(environment, "status", TARGETS["status"]) as off,
        served(environment | told["on"], "status", TARGETS["status"]) as on,
    ):
        calls = [_asking(http, function.url + path) for function in (off, on)]
        pairs = _by_turns(calls, _REQUESTS)
        used = [_cpu_seconds(off.worker), _cpu_seconds(on.worker)]
        _by_turns(calls, _REQUESTS)
        time.sleep(2)  # what is still to be sent counts, too
        spent = [_cpu_seconds(function.worker) - before for function, before in zip((off, on), used, strict=True)]
    more = median(second - first for first, second in pairs) * 1000
    without = median(first for first, _ in pairs) * 1000
    cpu = (spent[1] - spent[0]) / _REQUESTS * 1000
    beside = f"without: {without:.2f} ms"
    return [
        Figure("telemetry", "a status request, longer by", more, "ms", beside, more / without, below=2),
        Figure("telemetry", "processor time of a status request, more by", cpu, "ms", below=2),
    ]


def _jobs(stage: Stage, told: dict[str, dict[str, str]], day: str) -> list[Figure]:
    environment, http = stage.environment("calculate", _BUCKET), urllib3.PoolManager(retries=False)
    pairs: list[tuple[float, float]] = []
    spent = [0.0, 0.0]
    for _ in range(_PROCESSES):  # two of the same differ by more than what is measured
        jobs = iter(_created(stage, day))
        with (
            served(environment, "calculate", TARGETS["calculate"]) as off,
            served(environment | told["on"], "calculate", TARGETS["calculate"]) as on,
        ):
            used = [_cpu_seconds(off.worker), _cpu_seconds(on.worker)]
            pairs += _by_turns([_delivering(http, function, jobs, day) for function in (off, on)], _JOBS)
            time.sleep(2)  # what is still to be sent counts, too
            for place, function in enumerate((off, on)):
                spent[place] += _cpu_seconds(function.worker) - used[place]
    more = median(second - first for first, second in pairs) * 1000
    without = median(first for first, _ in pairs) * 1000
    cpu, base = ((seconds / _JOBS / _PROCESSES * 1000) for seconds in (spent[1] - spent[0], spent[0]))
    beside, words = f"without: {without:.1f} ms", "processor time of it, exports included, more by"
    return [
        Figure("telemetry", "a job of 1,450 fixes, longer by", more, "ms", beside, more / without, at_most=0.02),
        Figure("telemetry", words, cpu, "ms", f"without: {base:.1f} ms", cpu / base),
    ]


def _created(stage: Stage, day: str) -> list[str]:
    """The ids of queued jobs for `day`, two for each pair."""
    given, now = stage.settings("calculate", _BUCKET), datetime.now(UTC)
    jobs, submission = JobStore(Bucket(client(given), _BUCKET)), Submission(date=date.fromisoformat(day))
    ids = [new_job_id(now) for _ in range(2 * _JOBS)]
    for job_id in ids:
        jobs.create(new_record(job_id, task_of(submission, given, now), submission, now, trace_of({})))
    return ids


def _starts(stage: Stage, told: dict[str, dict[str, str]]) -> list[Figure]:
    seconds: dict[str, list[float]] = {way: [] for way in _WAYS}
    memory: dict[str, list[float]] = {way: [] for way in _WAYS}
    environment = stage.environment("calculate", _BUCKET)
    for number, way in itertools.product(range(_STARTS + 1), _WAYS):
        began = time.perf_counter()
        with served(environment | told[way], "calculate", TARGETS["calculate"]) as function:
            if number:  # the first one warms the disk
                seconds[way].append(time.perf_counter() - began)
                memory[way].append(function.peak_mb())
    figures = []
    for way in _WAYS:
        time_ms, size = median(seconds[way]) * 1000, median(memory[way])
        shares = time_ms / median(seconds["off"]) / 1000, size / median(memory["off"])
        words = {"off": "no endpoint", "disabled": "OTEL_SDK_DISABLED=true", "on": "exporting"}[way]
        figures.append(
            Figure("telemetry", f"cold start of calculate, {words}", time_ms, "ms", "no endpoint", shares[0])
        )
        figures.append(Figure("telemetry", f"memory after it, {words}", size, "MB", "no endpoint", shares[1]))
    return figures


def _by_turns(calls: list[Request], rounds: int) -> list[tuple[float, float]]:
    """The seconds of both calls, round after round, whichever goes first changing."""
    found = []
    for number in range(rounds):
        seconds = [0.0, 0.0]
        for place in (0, 1) if number % 2 else (1, 0):
            began = time.perf_counter()
            calls[place]()
            seconds[place] = time.perf_counter() - began
        if number >= rounds // 10:
            found.append((seconds[0], seconds[1]))
    return found


def _asking(http: urllib3.PoolManager, url: str) -> Request:
    def ask() -> None:
        if http.request("GET", url).status != 404:
            raise ValueError(url)

    return ask


def _delivering(http: urllib3.PoolManager, function: Served, jobs: Iterator[str], day: str) -> Request:
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


def _cpu_seconds(process: int) -> float:
    """Of all its threads so far, user and system."""
    ticks = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[11:13]
    return sum(map(int, ticks)) / 100
