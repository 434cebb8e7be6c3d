"""How the command tells what it found: tables or JSON on stdout, errors on stderr, exit codes for scripts."""

import contextlib
import dataclasses
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from otel_worker_client.errors import (
    ConfigurationError,
    NotAllowedError,
    NotFoundError,
    OtelWorkerError,
    ServiceUnavailableError,
    ValidationError,
)
from otel_worker_client.models import Devices, Job


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Raise: `exit_codes` handles it."""
        raise BrokenPipeError


OUT, ERR = _Console(highlight=False), _Console(highlight=False, stderr=True, soft_wrap=True)
_WIDE = _Console(highlight=False, width=250)
FAILED, WRONG, AWAY, UNKNOWN, NOT_ALLOWED, INTERRUPTED, BROKEN_PIPE = 1, 2, 3, 4, 5, 130, 141
_CODES = (
    (ConfigurationError, WRONG),
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


def run(app: Callable[[], object]) -> NoReturn:
    """Run the command and end the process; characters that a terminal lacks are printed as their escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    code: Any = 0
    try:
        with exit_codes():
            try:
                app()
            except SystemExit as done:
                code = done.code
            sys.stdout.flush()
    except typer.Exit as ended:  # after the command: its output could not be written
        code = ended.exit_code
    sys.exit(code)


@contextlib.contextmanager
def exit_codes() -> Iterator[None]:
    """Turn an error into a line on stderr and an exit code.

    1 failed, 2 wrong, 3 away, 4 unknown, 5 not allowed, 130 Ctrl-C, 141 (and no line) if stdout was closed.
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
        _discard_output()  # it may be what could not be written
        place = f"{exc.filename}: " if exc.filename else ""
        ERR.print(f"{place}{exc.strerror or type(exc).__name__}", markup=False)
        raise typer.Exit(FAILED) from None


def _discard_output() -> None:
    """What is left in the buffer of stdout would fail once more when the process ends."""
    with contextlib.suppress(OSError, ValueError):  # stdout is no file, or closed
        stdout = sys.stdout.fileno()
        os.dup2(os.open(os.devnull, os.O_WRONLY), stdout)


def can_print(text: str) -> bool:
    """Whether the encoding of stdout has all characters of `text`."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


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
