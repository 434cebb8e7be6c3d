"""Spans and metrics of database statements, on a real PostgreSQL."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from shared.errors import Unavailable
from shared.telemetry import metrics
from tests.integration.fixes_read import fill, read, source
from tests.telemetry_capture import TelemetryCapture, capture_telemetry

COPY = (
    "COPY (SELECT \"created_at\", coalesce(latitude::float8, 'NaN'), coalesce(longitude::float8, 'NaN'), "
    "coalesce(accuracy::int8, '-9223372036854775808'), coalesce(battery::int8, '-9223372036854775808'), "
    "coalesce(velocity::int8, '-9223372036854775808'), coalesce(device_id::text, '') "
    'FROM public.locations WHERE "created_at" >= ? AND "created_at" < ?{device} ORDER BY "created_at", id) '
    "TO STDOUT (FORMAT binary)"
)


@pytest.fixture
def telemetry() -> Iterator[TelemetryCapture]:
    with capture_telemetry() as telemetry:
        yield telemetry


def span_attributes(telemetry: TelemetryCapture, name: str) -> dict[str, Any]:
    span = telemetry.span(name)
    assert span.kind is SpanKind.CLIENT
    return dict(span.attributes or {})


@pytest.mark.parametrize(
    ("device_id", "condition", "rows"), [("", "", 3), ("secret'; --", " AND device_id::text = ?", 0)]
)
def test_span_of_a_day_has_the_statement_without_values(
    database_url: str, telemetry: TelemetryCapture, device_id: str, condition: str, rows: int
) -> None:
    fill(database_url, 3)
    read(source(database_url), device_id=device_id)
    assert span_attributes(telemetry, "COPY public.locations") == {
        "db.system.name": "postgresql",
        "db.operation.name": "COPY",
        "db.collection.name": "public.locations",
        "db.query.text": COPY.format(device=condition),
        "db.response.returned_rows": rows,
    }
    assert [span.name for span in telemetry.spans] == [
        "CONNECT",
        "SET",
        "DESCRIBE public.locations",
        "COPY public.locations",
    ]
    assert "?" in span_attributes(telemetry, "SET")["db.query.text"]
    counted = {labels["db.operation.name"] for labels, _ in telemetry.points(metrics.DATABASE_DURATION)}
    assert counted == {"CONNECT", "SET", "DESCRIBE", "COPY"}
    copied = {"db.system.name": "postgresql", "db.operation.name": "COPY"}
    assert telemetry.points(metrics.DATABASE_ROWS) == [(copied, 1)]


def test_failed_statement_has_its_sqlstate(new_database: Callable[[str], str], telemetry: TelemetryCapture) -> None:
    with pytest.raises(Unavailable):
        read(source(new_database("SELECT 1")))
    assert span_attributes(telemetry, "DESCRIBE public.locations")["error.type"] == "42P01"
    assert any(labels.get("error.type") == "42P01" for labels, _ in telemetry.points(metrics.DATABASE_DURATION))


def test_unreachable_database_has_the_sqlstate_of_a_failed_connection(telemetry: TelemetryCapture) -> None:
    with pytest.raises(Unavailable):
        read(source("postgresql://reader@127.0.0.1:1/owntracks"))
    assert span_attributes(telemetry, "CONNECT")["error.type"] == "08001"
