"""JSON logs on stdout, one object per line, without the text of exceptions."""

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


class Frame(NamedTuple):
    """A stack frame of an exception. The file is relative to the checkout."""

    file: str
    line: int
    function: str


def service_name(environ: Mapping[str, str] = os.environ) -> str:
    """Return the name of this process in logs, traces and metrics: `distance-status` for the target `status`."""
    target = environ.get("FUNCTION_TARGET")
    return environ.get("OTEL_SERVICE_NAME") or (f"distance-{target}" if target else "otel-worker")


class Formatter(JsonFormatter):
    """Formats records as JSON: time, level, logger, message, service, trace, and classes and locations of exceptions.

    It omits the text of exceptions, because drivers include values, addresses and statements.
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
            log_data["message"] = record.msg  # its arguments contain addresses and response bodies
        log_data.update({"service.name": self._service, "service.version": VERSION})
        if trace := context.current.get():
            log_data.update({"trace_id": trace.trace_id, "span_id": trace.span_id})

    def formatException(self, ei: Any) -> str:  # noqa: N802 - overrides logging
        return " <- ".join(map(_describe, exception_chain(ei[1])))


def _describe(exc: BaseException) -> str:
    """Return the cause of `exc`, with the text of a SettingsError, which contains no value."""
    return f"{cause(exc)}: {exc}" if isinstance(exc, SettingsError) else cause(exc)


def cause(exc: BaseException) -> str:
    """Return class and location of `exc`: `OperationalError at functions/calculate/fixes/source.py:88`."""
    stack = frames(exc)
    return type(exc).__name__ + (f" at {stack[-1].file}:{stack[-1].line}" if stack else "")


def frames(exc: BaseException) -> list[Frame]:
    """Return the stack frames of `exc` in this project, innermost last."""
    return [
        Frame(name.removeprefix(_ROOT), line, frame.f_code.co_name)
        for frame, line in traceback.walk_tb(exc.__traceback__)
        if (name := frame.f_code.co_filename).startswith(_ROOT) and "site-packages" not in name
    ]


def exception_chain(exc: BaseException | None) -> list[BaseException]:
    """Return `exc` followed by its causes or contexts."""
    chain: list[BaseException] = []
    while exc is not None and exc not in chain:
        chain.append(exc)
        exc = exc.__cause__ or exc.__context__
    return chain


def configuration(level: str, service: str) -> dict[str, Any]:
    """Return the dictConfig of a process, including gunicorn's loggers. An unknown `level` means INFO."""
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
            # At DEBUG, libraries log headers and bodies.
            "boto3": {"level": "WARNING"},
            "botocore": {"level": "WARNING"},
            "urllib3": {"level": "ERROR"},
            "psycopg": {"level": "ERROR"},
            # Logs each failed attempt; shared/telemetry/export.py logs one per minute.
            "opentelemetry.exporter": {"level": "CRITICAL"},
        },
    }
