"""How the command tells what it found: tables or JSON on stdout, errors on stderr, exit codes for scripts."""

import contextlib
import dataclasses
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from otel_worker_client.errors import (
    NotAllowedError,
    NotFoundError,
    OtelWorkerError,
    ServiceUnavailableError,
    ValidationError,
)
from otel_worker_client.models import Devices, Job

OUT, ERR = Console(highlight=False), Console(highlight=False, stderr=True, soft_wrap=True)
_WIDE = Console(highlight=False, width=250)
FAILED, WRONG, AWAY, UNKNOWN, NOT_ALLOWED = 1, 2, 3, 4, 5
_CODES = (
    (NotAllowedError, NOT_ALLOWED),
    (NotFoundError, UNKNOWN),
    (ValidationError, WRONG),
    (ServiceUnavailableError, AWAY),
    (OtelWorkerError, FAILED),
)
_NUMBERS = {
    "total_locations": ("fixes", ""),
    "rejected_locations": ("fixes left out", ""),
    "max_distance_km": ("farthest from home", "km"),
    "min_distance_km": ("nearest to home", "km"),
    "avg_distance_km": ("from home on average", "km"),
    "path_length_km": ("length of the path", "km"),
    "away_minutes": ("away from home", "min"),
    "total_distance_km": ("distances from home, summed", "km"),
}


@contextlib.contextmanager
def exit_codes() -> Iterator[None]:
    """An error is a line on stderr and a code: 1 failed, 2 wrong, 3 away, 4 unknown, 5 not allowed; Ctrl-C is 130."""
    try:
        yield
    except OtelWorkerError as exc:
        trace = f" (trace {exc.trace_id})" if exc.trace_id else ""
        ERR.print(f"{exc}{trace}", markup=False)
        raise typer.Exit(_code(exc)) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _code(exc: OtelWorkerError) -> int:
    kinds: tuple[tuple[type[Exception], int], ...] = _CODES
    return next((code for kind, code in kinds if isinstance(exc, kind)), FAILED)


def as_json(value: Any) -> None:
    """One JSON value on stdout."""

    def plain(one: Any) -> Any:
        return one.isoformat() if isinstance(one, datetime) else dataclasses.asdict(one)

    print(json.dumps(value, default=plain))


def job(found: Job) -> None:
    """A job with its numbers."""
    table = Table(show_header=False, title=f"{found.device_id or 'every device'}, {found.date}", title_justify="left")
    table.add_column(style="dim")
    table.add_column(justify="right")
    table.add_row("job", found.job_id)
    table.add_row("status", found.status)
    if found.error_message:
        table.add_row("reason", found.error_message)
    for name, (words, unit) in _NUMBERS.items() if found.result else ():
        table.add_row(words, f"{getattr(found.result, name):,} {unit}".strip())
    OUT.print(table)


def jobs(found: Iterable[Job]) -> None:
    """Jobs, a line each, however narrow the terminal is."""
    table = numbered("job", "date", "status", "device")
    for one in found:
        about = one.job_id, one.date, one.status, one.device_id or "all"
        table.add_row(*about, *numbers(one), one.error_code)
    _WIDE.print(table)


def devices(found: Devices) -> None:
    """Devices, a line each."""
    table = Table("device", "latest fix", box=None)
    for one in found.devices:
        table.add_row(one.device_id, f"{one.last_fix_at:%Y-%m-%d %H:%M:%SZ}")
    _WIDE.print(table)
    if found.as_of is None:
        ERR.print("the database has not been looked at yet: a sweep does, once a minute")


def numbered(*columns: str) -> Table:
    """A table with these columns, those of `numbers`, and one for what went wrong."""
    table = Table(*columns, box=None)
    for words in ("fixes", "farthest, km", "path, km", "away, min"):
        table.add_column(words, justify="right")
    table.add_column()
    return table


def numbers(found: Job | None) -> tuple[str, str, str, str]:
    """A job's result in a few columns; empty ones where there is none."""
    if found is None or found.result is None:
        return "", "", "", ""
    result = found.result
    distances = f"{result.max_distance_km:.3f}", f"{result.path_length_km:.3f}"
    return f"{result.total_locations:,}", *distances, f"{result.away_minutes:.1f}"
