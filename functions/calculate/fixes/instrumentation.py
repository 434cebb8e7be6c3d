"""What is told of each statement that goes to the database: a span with its text and rows, and how long it took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from shared.errors import Unavailable
from shared.telemetry import metrics, spans


@dataclass
class Statement:
    """A statement under way; who runs it fills in the rows, or why it failed."""

    rows: int | None = None
    error_type: str = ""


@contextmanager
def statement(operation: str, text: str = "", target: str = "") -> Iterator[Statement]:
    """One statement, or one connection's opening; `text` has placeholders where values go.

    Its span is nobody's parent: while its rows arrive, others are computed. What a generator is left by is no error.
    """
    labels = {"db.system.name": "postgresql", "db.operation.name": operation}
    about = {"db.query.text": " ".join(text.split()), "db.collection.name": target}
    told = {**labels, **{name: word for name, word in about.items() if word}}
    span = spans.start_span(f"{operation} {target}".strip(), told, kind=spans.CLIENT)
    running, began = Statement(), time.perf_counter()
    try:
        yield running
    except Unavailable as exc:
        running.error_type = exc.cause
        raise
    except psycopg.Error as exc:
        running.error_type = exc.sqlstate or type(exc).__name__
        raise
    finally:
        if running.rows is not None:
            span.set({"db.response.returned_rows": running.rows})
            metrics.DATABASE_ROWS.record(running.rows, labels)
        failure = {"error.type": running.error_type} if running.error_type else {}
        if failure:
            span.set_error(running.error_type)
        metrics.DATABASE_DURATION.record(time.perf_counter() - began, {**labels, **failure})
        span.end()
