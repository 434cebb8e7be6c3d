"""Tracing and metrics of database statements: one span, the row count and the duration of each."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from shared.errors import Unavailable
from shared.telemetry import metrics, spans


@dataclass
class StatementStats:
    """Results of a running statement. The caller sets the number of rows."""

    rows: int | None = None
    error_type: str = ""


@contextmanager
def instrument_statement(operation: str, text: str = "", collection: str = "") -> Iterator[StatementStats]:
    """Record the block as one database operation; `text` is the SQL with placeholders instead of values.

    The span is never the current span, because other work runs while rows arrive. GeneratorExit is not an error.
    """
    labels = {"db.system.name": "postgresql", "db.operation.name": operation}
    optional = {"db.query.text": " ".join(text.split()), "db.collection.name": collection}
    attributes = {**labels, **{name: value for name, value in optional.items() if value}}
    span = spans.start_span(f"{operation} {collection}".strip(), attributes, kind=spans.CLIENT)
    stats, started = StatementStats(), time.perf_counter()
    try:
        yield stats
    except Unavailable as exc:
        stats.error_type = exc.cause
        raise
    except psycopg.Error as exc:
        stats.error_type = exc.sqlstate or type(exc).__name__
        raise
    finally:
        if stats.rows is not None:
            span.set({"db.response.returned_rows": stats.rows})
            metrics.DATABASE_ROWS.record(stats.rows, labels)
        error = {"error.type": stats.error_type} if stats.error_type else {}
        if error:
            span.set_error(stats.error_type)
        metrics.DATABASE_DURATION.record(time.perf_counter() - started, {**labels, **error})
        span.end()
