"""Output of the command: tables or JSON on stdout, errors on stderr, and exit codes."""

import contextlib
import dataclasses
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from otel_worker_client.analysis import Analysis, DeviceSummary
from otel_worker_client.cli import day_bar
from otel_worker_client.errors import (
    ConfigurationError,
    NotAllowedError,
    NotFoundError,
    OtelWorkerError,
    ServiceUnavailableError,
    ValidationError,
)
from otel_worker_client.models import Days, Devices, Job, Result, ResultNumbers


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Raise: `exit_codes` handles it."""
        raise BrokenPipeError


OUT, ERR = _Console(highlight=False), _Console(highlight=False, stderr=True, soft_wrap=True)
_WIDE = _Console(highlight=False, width=250)
FAILED, INVALID, UNAVAILABLE, NOT_FOUND, NOT_ALLOWED, INTERRUPTED, BROKEN_PIPE = 1, 2, 3, 4, 5, 130, 141
_CODES = (
    (ConfigurationError, INVALID),
    (NotAllowedError, NOT_ALLOWED),
    (NotFoundError, NOT_FOUND),
    (ValidationError, INVALID),
    (ServiceUnavailableError, UNAVAILABLE),
    (OtelWorkerError, FAILED),
)
_MAX_NAMES = 5
_RESULT_LABELS = ("fixes", "max, km", "path, km", "away, min")
_ANALYSIS_LABELS = ("farthest, km", "away, min", "trips", "robust path, km", "coverage", "unknown, min")
_LABELS_AND_UNITS = {
    "total_locations": ("fixes", ""),
    "rejected_locations": ("rejected fixes", ""),
    "max_distance_km": ("maximum distance from home", "km"),
    "min_distance_km": ("minimum distance from home", "km"),
    "avg_distance_km": ("average distance from home", "km"),
    "path_length_km": ("path length", "km"),
    "away_minutes": ("time away from home", "min"),
    "total_distance_km": ("sum of distances from home", "km"),
}


def run(app: Callable[[], object]) -> NoReturn:
    """Run the command and end the process; characters that the terminal's encoding lacks are escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    code: Any = 0
    try:
        with exit_codes():
            try:
                app()
            except SystemExit as exc:
                code = exc.code
            sys.stdout.flush()
    except typer.Exit as exc:  # flushing the output failed
        code = exc.exit_code
    sys.exit(code)


@contextlib.contextmanager
def exit_codes() -> Iterator[None]:
    """Convert an error to one line on stderr and an exit code.

    1 failed, 2 invalid, 3 unavailable, 4 not found, 5 not allowed, 130 Ctrl-C, 141 (without a line) stdout closed.
    """
    try:
        yield
    except OtelWorkerError as exc:
        trace = f" (trace {exc.trace_id})" if exc.trace_id else ""
        ERR.print(f"{exc}{trace}", markup=False)
        raise typer.Exit(_code(exc)) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        _discard_output()
        raise typer.Exit(BROKEN_PIPE) from None
    except OSError as exc:
        _discard_output()  # the error may come from stdout itself
        path = f"{exc.filename}: " if exc.filename else ""
        ERR.print(f"{path}{exc.strerror or type(exc).__name__}", markup=False)
        raise typer.Exit(FAILED) from None


@contextlib.contextmanager
def requires_extra(extra: str) -> Iterator[None]:
    """Convert a missing library of an extra to one line with the command that installs it, and exit code 1."""
    try:
        yield
    except ModuleNotFoundError as exc:
        ERR.print(f"{exc.name} is missing: pip install 'otel-worker-client[{extra}]'", markup=False)
        raise typer.Exit(FAILED) from None


def _discard_output() -> None:
    """Redirect stdout to the null device: flushing its buffer at exit would fail again."""
    with contextlib.suppress(OSError, ValueError):  # stdout is not a file, or closed
        stdout = sys.stdout.fileno()
        os.dup2(os.open(os.devnull, os.O_WRONLY), stdout)


def can_print(text: str) -> bool:
    """Return whether stdout's encoding has all characters of `text`."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _code(exc: OtelWorkerError) -> int:
    kinds: tuple[tuple[type[Exception], int], ...] = _CODES
    return next((code for kind, code in kinds if isinstance(exc, kind)), FAILED)


def print_json(value: Any) -> None:
    """Print a JSON value."""

    def encode(item: Any) -> Any:
        return item.isoformat() if isinstance(item, datetime) else dataclasses.asdict(item)

    print(json.dumps(value, default=encode))


def print_job(job: Job) -> None:
    """Print a job with its numbers."""
    table = Table(show_header=False, title=f"{job.device_id or 'all devices'}, {job.date}", title_justify="left")
    table.add_column(style="dim")
    table.add_column(justify="right")
    table.add_row("job", job.job_id)
    table.add_row("status", job.status)
    if job.error_message:
        table.add_row("reason", job.error_message)
    for name, (label, unit) in _LABELS_AND_UNITS.items() if job.result else ():
        table.add_row(label, f"{getattr(job.result, name):,} {unit}".strip())
    OUT.print(table)


def print_bars(analysis: Analysis, timezone: str) -> None:
    """Print when each device was at home and away, on a scale of hours in `timezone`."""
    bars = day_bar.render(analysis, timezone, OUT.width)
    if not can_print(bars.plain):
        bars = day_bar.render(analysis, timezone, OUT.width, is_ascii=True)
    OUT.print(bars, no_wrap=True, overflow="ignore", crop=False)


def print_analysis(analysis: Analysis) -> None:
    """Print the time at home, away and unknown of each device, and its trips; times are UTC."""
    times = Table("device", box=None)
    for label in ("home, min", "away, min", "unknown, min", "coverage", "robust path, km"):
        times.add_column(label, justify="right")
    trips = Table("departed", "returned", box=None, title="trips, times in UTC", title_justify="left")
    for label in ("min", "unknown, min", "farthest, km", "path, km"):
        trips.add_column(label, justify="right")
    trips.add_column("device")
    for device in analysis.devices:
        minutes = (f"{number:.1f}" for number in (device.home_minutes, device.away_minutes, device.unknown_minutes))
        times.add_row(device.device_id, *minutes, _coverage(device), f"{device.path_length_km.robust:.3f}")
        for trip in device.trips:
            farthest = "" if trip.farthest_km is None else f"{trip.farthest_km:.3f}"
            numbers = f"{trip.minutes:.1f}", f"{trip.unknown_minutes:.1f}", farthest, f"{trip.path_length_km:.3f}"
            trips.add_row(_clock(trip.departed_at), _clock(trip.returned_at), *numbers, device.device_id)
    OUT.print(times)
    OUT.print(trips)


def _coverage(device: DeviceSummary) -> str:
    return "" if device.coverage is None else f"{device.coverage:.1%}"


def _clock(instant: datetime | None) -> str:
    """Format the time of a departure or return, "?" if it is outside the day."""
    return "?" if instant is None else f"{instant:%H:%M:%S}"


def print_jobs(jobs: Iterable[Job]) -> None:
    """Print one line for each job, regardless of the terminal's width."""
    table = result_table("job", "date", "status", "device")
    for job in jobs:
        columns = job.job_id, job.date, job.status, job.device_id or "all"
        table.add_row(*columns, *result_columns(job), job.error_code)
    _WIDE.print(table)


def print_days(days: Days) -> None:
    """Print one line for each day: its analysis, or the numbers of the result if no day has an analysis."""
    is_analysed = any(day.analysis for day in days.days)
    table = Table("date", box=None)
    for label in _ANALYSIS_LABELS if is_analysed else _RESULT_LABELS:
        table.add_column(label, justify="right")
    for day in days.days:
        columns = _analysis_columns(day.analysis) if is_analysed else _number_columns(day.result)
        table.add_row(day.date, *columns)
    _WIDE.print(table)
    if not days.days:
        ERR.print("no completed job of these days: submit them with otel-worker range")


def _analysis_columns(device: DeviceSummary | None) -> tuple[str, ...]:
    if device is None:
        return ()
    farthest = device.distance_from_home_km.farthest
    return (
        "" if farthest is None else f"{farthest:.3f}",
        f"{device.away_minutes:.1f}",
        str(device.trip_count),
        f"{device.path_length_km.robust:.3f}",
        _coverage(device),
        f"{device.unknown_minutes:.1f}",
    )


def print_devices(devices: Devices) -> None:
    """Print one line for each device."""
    table = Table("device", "latest fix", box=None)
    for device in devices.devices:
        table.add_row(device.device_id, f"{device.last_fix_at:%Y-%m-%d %H:%M:%SZ}")
    _WIDE.print(table)
    if devices.as_of is None:
        ERR.print("no device list yet: the next sweep queries the database within a minute")


def print_unfiltered(device_ids: Sequence[str]) -> None:
    """Print a line on stderr if an export has all fixes of some devices, also those that the analysis rejected."""
    names = ", ".join(map(repr, device_ids[:_MAX_NAMES]))  # repr: an id may contain line breaks
    more = f" and {len(device_ids) - _MAX_NAMES:,} more" if len(device_ids) > _MAX_NAMES else ""
    if device_ids:
        text = "the CSV does not determine which fixes the analysis rejected: the file has all fixes of"
        ERR.print(f"{text} {names}{more}", markup=False)


def result_table(*columns: str) -> Table:
    """Return a table with `columns`, those of `result_columns`, and one for errors."""
    table = Table(*columns, box=None)
    for label in _RESULT_LABELS:
        table.add_column(label, justify="right")
    table.add_column()
    return table


def result_columns(job: Job | None) -> tuple[str, ...]:
    """Return the main numbers of a job as text, empty if it has no result."""
    return _number_columns(job.result if job else None) or ("",) * len(_RESULT_LABELS)


def _number_columns(result: Result | ResultNumbers | None) -> tuple[str, ...]:
    if result is None:
        return ()
    distances = f"{result.max_distance_km:.3f}", f"{result.path_length_km:.3f}"
    return f"{result.total_locations:,}", *distances, f"{result.away_minutes:.1f}"
