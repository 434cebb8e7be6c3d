"""Fixes per second with the CSV on the S3 server, compared with psql alone, and with psql piped into boto3."""

import subprocess
import sys
from datetime import date
from statistics import median

from benchmarks.bench_stack import BenchStack
from benchmarks.pipeline import BUCKET, PSQL, PSQL_ENVIRONMENT, copy_statement, run_job, time_psql
from benchmarks.report import Figure
from functions.calculate.fixes.source import FixSource
from shared import days
from shared.config.settings import Settings

_ROUNDS = {10_000: 7, 1_000_000: 5, 5_000_000: 3}
_MIN_CSV_BYTES_PER_FIX = 70
# The stored columns of the CSV, and all of its columns but the cumulative away time, which needs window functions.
_QUERIES = {
    "by hand, stored columns": """
        SELECT created_at, device_id, latitude, longitude, accuracy, battery, velocity
        FROM public.locations WHERE {condition} ORDER BY created_at, id
        """,
    "by hand, with distances": """
        SELECT created_at, device_id, latitude, longitude, km, km > {threshold} AS is_away, accuracy, battery, velocity
        FROM (SELECT *, 2 * 6371 * asin(sqrt(sin(radians(latitude - {latitude}) / 2) ^ 2 + cos(radians(latitude))
                     * cos(radians({latitude})) * sin(radians(longitude - ({longitude})) / 2) ^ 2)) AS km
              FROM public.locations WHERE {condition}) fixes
        ORDER BY created_at, id
        """,
}

_BOUNDS = {"psql": 0.6, "by hand, with distances": 1.0}


def measure(stack: BenchStack) -> list[Figure]:
    """Alternate between jobs, psql alone, and psql piped into boto3, and return the medians."""
    settings = stack.settings("calculate", BUCKET)
    figures = []
    for count, rounds in _ROUNDS.items():
        day = stack.day(count)
        statement = copy_statement(settings, day)
        queries = {name: _query(text, settings, day) for name, text in _QUERIES.items()}
        times: dict[str, list[float]] = {name: [] for name in ("psql", "job", *queries)}
        time_psql(stack, statement)  # warm-up
        for _ in range(rounds):
            times["psql"].append(time_psql(stack, statement))
            times["job"].append(run_job(stack, day, count, "store").seconds)
            for name, query in queries.items():
                times[name].append(_time_by_hand(stack, query, count))
        figures += _figures(count, {name: median(seconds) for name, seconds in times.items()})
    return figures


def _figures(count: int, seconds: dict[str, float]) -> list[Figure]:
    figures = []
    job = seconds.pop("job")
    for name, baseline in seconds.items():
        what, label = f"{count:,} fixes, CSV on the S3 server", f"{name}: {count / baseline:,.0f}"
        bound = _BOUNDS.get(name) if count >= 1_000_000 else None
        figures.append(Figure("bulk", what, count / job, "fixes/s", label, baseline / job, at_least=bound))
    return figures


def _query(text: str, settings: Settings, day: date) -> str:
    home = settings.home
    return text.format(
        condition=FixSource(settings).range_condition(*days.interval(day, "UTC"), "").as_string(),
        latitude=home.latitude,
        longitude=home.longitude,
        threshold=settings.AWAY_THRESHOLD_KM,
    )


def _time_by_hand(stack: BenchStack, query: str, count: int) -> float:
    """Return the seconds of psql piped into boto3, in a new process. Raises ValueError if the CSV is too small."""
    command = [sys.executable, "-m", "benchmarks.upload_by_hand", PSQL, stack.superuser, query, BUCKET]
    environment = stack.environment("calculate", BUCKET) | PSQL_ENVIRONMENT
    run = subprocess.run(command, env=environment, capture_output=True, check=True, text=True)
    seconds, size = run.stdout.split()
    if int(size) < count * _MIN_CSV_BYTES_PER_FIX:
        raise ValueError(f"{size} bytes")
    return float(seconds)
