"""Logs: one JSON object a line on stdout, and never the text of somebody else's error."""

import logging
import time
import traceback
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from shared.version import VERSION

trace_id: ContextVar[str] = ContextVar("trace_id", default="")
_ROOT = Path(__file__).parent.parent


class Formatter(JsonFormatter):
    """JSON with time, level, logger, message, trace id, and the classes and places of an exception.

    An exception's own text stays out: drivers put values, addresses and statements into theirs.
    """

    def __init__(self) -> None:
        super().__init__(
            "{asctime}{levelname}{name}{message}",
            style="{",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        )
        self.converter = time.gmtime
        self.default_time_format = "%Y-%m-%dT%H:%M:%S"
        self.default_msec_format = "%s.%03dZ"

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        super().add_fields(log_data, record, message_dict)
        log_data["service.version"] = VERSION
        if trace_id.get():
            log_data["trace_id"] = trace_id.get()

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        return " <- ".join(cause(exc) for exc in _chain(ei[1]))


def cause(exc: BaseException) -> str:
    """Where `exc` was raised, of which class: `OperationalError at functions/calculate/fixes.py:88`."""
    ours = [
        f"{Path(frame.filename).relative_to(_ROOT)}:{frame.lineno}"
        for frame in traceback.extract_tb(exc.__traceback__)
        if Path(frame.filename).is_relative_to(_ROOT) and "site-packages" not in frame.filename
    ]
    return type(exc).__name__ + (f" at {ours[-1]}" if ours else "")


def _chain(exc: BaseException | None) -> list[BaseException]:
    chain: list[BaseException] = []
    while exc is not None and exc not in chain:
        chain.append(exc)
        exc = exc.__cause__ or exc.__context__
    return chain


def configuration(level: str) -> dict[str, Any]:
    """The dictConfig of a function's process: gunicorn's own loggers included."""
    handler = {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "json"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "shared.logs.Formatter"}},
        "handlers": {"stdout": handler},
        "root": {"level": level if level in logging.getLevelNamesMapping() else "INFO", "handlers": ["stdout"]},
        "loggers": {
            "gunicorn.error": {"level": "WARNING", "handlers": [], "propagate": True},
            "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},
            # Libraries at DEBUG print headers and bodies: not ours to show at any level.
            "boto3": {"level": "WARNING"},
            "botocore": {"level": "WARNING"},
            "urllib3": {"level": "ERROR"},
            "psycopg": {"level": "ERROR"},
        },
    }
