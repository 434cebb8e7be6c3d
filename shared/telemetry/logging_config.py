"""Logs: one JSON object a line on stdout, and never the text of somebody else's error."""

import logging
import os
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pythonjsonlogger.json import JsonFormatter

from shared.errors import SettingsError
from shared.telemetry import context
from shared.version import VERSION

_ROOT = f"{Path(__file__).parents[2]}{os.sep}"


class Place(NamedTuple):
    """A line of code that an exception came through; the file is relative to the checkout."""

    file: str
    line: int
    function: str


def service_name(environ: Mapping[str, str] = os.environ) -> str:
    """Who this process is in logs, traces and metrics: `distance-status` for the target `status`."""
    target = environ.get("FUNCTION_TARGET")
    return environ.get("OTEL_SERVICE_NAME") or (f"distance-{target}" if target else "otel-worker")


class Formatter(JsonFormatter):
    """JSON with time, level, logger, message, service, trace, and the classes and places of an exception.

    An exception's own text stays out: drivers put values, addresses and statements into theirs.
    """

    def __init__(self, service: str) -> None:
        super().__init__(
            "{asctime}{levelname}{name}{message}",
            style="{",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        )
        self._service = service
        self.converter = time.gmtime
        self.default_time_format = "%Y-%m-%dT%H:%M:%S"
        self.default_msec_format = "%s.%03dZ"

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        super().add_fields(log_data, record, message_dict)
        if record.name.startswith("opentelemetry."):
            log_data["message"] = record.msg  # its arguments hold the addresses and answers of who was not reached
        log_data.update({"service.name": self._service, "service.version": VERSION})
        if trace := context.current.get():
            log_data.update({"trace_id": trace.trace_id, "span_id": trace.span_id})

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        return " <- ".join(map(_told, chain_of(ei[1])))


def _told(exc: BaseException) -> str:
    """The cause of `exc`, with the text where it names a setting: what a worker refuses when it starts."""
    return f"{cause(exc)}: {exc}" if isinstance(exc, SettingsError) else cause(exc)


def cause(exc: BaseException) -> str:
    """Where `exc` was raised, of which class: `OperationalError at functions/calculate/fixes/source.py:88`."""
    ours = places(exc)
    return type(exc).__name__ + (f" at {ours[-1].file}:{ours[-1].line}" if ours else "")


def places(exc: BaseException) -> list[Place]:
    """The lines of ours that `exc` came through, the innermost last."""
    return [
        Place(name.removeprefix(_ROOT), line, frame.f_code.co_name)
        for frame, line in traceback.walk_tb(exc.__traceback__)
        if (name := frame.f_code.co_filename).startswith(_ROOT) and "site-packages" not in name
    ]


def chain_of(exc: BaseException | None) -> list[BaseException]:
    """`exc`, what it came from, what that came from, and so on."""
    chain: list[BaseException] = []
    while exc is not None and exc not in chain:
        chain.append(exc)
        exc = exc.__cause__ or exc.__context__
    return chain


def configuration(level: str, service: str) -> dict[str, Any]:
    """The dictConfig of a function's process: gunicorn's own loggers included. An unknown `level` is INFO."""
    level = level.strip().upper()
    level = level if level in logging.getLevelNamesMapping() else "INFO"
    handler = {
        "class": "logging.StreamHandler",
        "stream": "ext://sys.stdout",
        "formatter": "json",
        "filters": ["sampling"],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "shared.telemetry.logging_config.Formatter", "service": service}},
        "filters": {"sampling": {"()": "shared.telemetry.log_sampling.Sampling"}},
        "handlers": {"stdout": handler},
        "root": {"level": level, "handlers": ["stdout"]},
        "loggers": {
            "gunicorn.error": {"level": "WARNING", "handlers": [], "propagate": True},
            "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},
            # Libraries at DEBUG print headers and bodies: not ours to show at any level.
            "boto3": {"level": "WARNING"},
            "botocore": {"level": "WARNING"},
            "urllib3": {"level": "ERROR"},
            "psycopg": {"level": "ERROR"},
            # Says of each try what shared/telemetry/export.py says once a minute.
            "opentelemetry.exporter": {"level": "CRITICAL"},
        },
    }
