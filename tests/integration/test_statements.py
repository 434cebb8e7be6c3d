"""Spans and metrics of database statements, on a real PostgreSQL."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from opentelemetry.trace import SpanKind

from shared.errors import Unavailable
from shared.telemetry import metrics
from tests.integration.fixes_read import END, START, day_query, fill, read, source
from tests.telemetry_capture import TelemetryCapture, capture_telemetry

COPY = (
    'COPY (SELECT "created_at", coalesce("timestamp", \'-infinity\'), '
    "coalesce(latitude::float8, 'NaN'), coalesce(longitude::float8, 'NaN'), "
    "coalesce(accuracy::int8, '-9223372036854775808'), coalesce(battery::int8, '-9223372036854775808'), "
    "coalesce(velocity::int8, '-9223372036854775808'), coalesce(device_id::text, '') "
    'FROM public.locations WHERE "created_at" >= ? AND "created_at" < ?{device} ORDER BY "created_at", id) '
    "TO STDOUT (FORMAT binary)"
)


CONVERTED = (
    'SELECT textsend(device), (extract(epoch FROM "timestamp") * 1000000)::int8, '
    "coalesce(latitude::float8, 'NaN'), coalesce(longitude::float8, 'NaN'), "
    "coalesce(accuracy::int8, '-9223372036854775808') "
)
CANDIDATES = (
    "SELECT {distinct}coalesce(device_id::text, '') COLLATE \"C\" AS device, "
    '"timestamp", latitude, longitude, accuracy FROM public.locations '
    'WHERE "created_at" >= ? AND "created_at" < ? AND "timestamp" >= ? AND "timestamp" < ?{device} '
    "AND latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180 AND (latitude <> 0 OR longitude <> 0) "
    "AND (accuracy IS NULL OR accuracy BETWEEN 0 AND ?){last} ORDER BY {order}"
)
ORDERS = ('"timestamp" DESC, "created_at", id', '"created_at", id')
NEAREST = ('"timestamp" >= ?', '"created_at" < ?')
OTHERS = "coalesce(device_id::text, '') COLLATE \"C\" NOT IN (SELECT device FROM nearest)"


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
        "SELECT public.locations",
        "SELECT public.locations",
        "COPY public.locations",
    ]
    assert "?" in span_attributes(telemetry, "SET")["db.query.text"]
    counted = {labels["db.operation.name"] for labels, _ in telemetry.points(metrics.DATABASE_DURATION)}
    assert counted == {"CONNECT", "SET", "DESCRIBE", "SELECT", "COPY"}
    labels = {"db.system.name": "postgresql"}
    assert telemetry.points(metrics.DATABASE_ROWS) == [
        ({**labels, "db.operation.name": "SELECT"}, 2),
        ({**labels, "db.operation.name": "COPY"}, 1),
    ]


def context_of_all(number: int) -> str:
    """Return the text of the statement for the context before (0) or after (1) the day."""
    values = {"distinct": "DISTINCT ON (device) ", "device": "", "order": "device, " + ORDERS[number]}
    nearest = CANDIDATES.format(last=f" AND {NEAREST[number]}", **values)
    others = CANDIDATES.format(last=f" AND {OTHERS}", **values)
    together = "FROM (TABLE nearest UNION ALL TABLE others) AS context"
    return f"WITH nearest AS ( {nearest} LIMIT 1000), others AS ( {others} ) {CONVERTED}{together}"


def context_of_one(number: int) -> str:
    candidates = CANDIDATES.format(distinct="", device=" AND device_id::text = ?", last="", order=ORDERS[number])
    return f"{CONVERTED}FROM ( {candidates} LIMIT 1) AS context"


@pytest.mark.parametrize("device_id", ["", "secret'; --"])
def test_spans_of_the_context_have_the_statements_without_values(
    database_url: str, telemetry: TelemetryCapture, device_id: str
) -> None:
    before, after = START - timedelta(hours=1), END + timedelta(hours=1)
    columns = "created_at, timestamp, device_id, latitude, longitude"
    with psycopg.connect(database_url, autocommit=True) as connection:
        for instant, device in ((before, "p"), (before, "q"), (after, "p"), (before, "secret'; --")):
            values = [instant, instant, device, 41, -74]
            connection.execute(f"INSERT INTO locations ({columns}) VALUES (%s, %s, %s, %s, %s)".encode(), values)
    read(source(database_url), device_id=device_id)
    spans = [dict(span.attributes or {}) for span in telemetry.spans if span.name == "SELECT public.locations"]
    texts = [context_of_one(n) if device_id else context_of_all(n) for n in range(2)]
    for span, text, rows in zip(spans, texts, (1, 0) if device_id else (3, 1), strict=True):
        assert span == {
            "db.system.name": "postgresql",
            "db.operation.name": "SELECT",
            "db.collection.name": "public.locations",
            "db.query.text": text,
            "db.response.returned_rows": rows,
        }


def test_day_that_has_not_ended_has_one_statement_for_its_context(
    database_url: str, telemetry: TelemetryCapture
) -> None:
    with source(database_url).read_day(day_query(queued_at=END)) as day:
        assert list(day.blocks) == []
    assert [span.name for span in telemetry.spans].count("SELECT public.locations") == 1


def test_failed_statement_has_its_sqlstate(new_database: Callable[[str], str], telemetry: TelemetryCapture) -> None:
    with pytest.raises(Unavailable):
        read(source(new_database("SELECT 1")))
    assert span_attributes(telemetry, "DESCRIBE public.locations")["error.type"] == "42P01"
    assert any(labels.get("error.type") == "42P01" for labels, _ in telemetry.points(metrics.DATABASE_DURATION))


def test_unreachable_database_has_the_sqlstate_of_a_failed_connection(telemetry: TelemetryCapture) -> None:
    with pytest.raises(Unavailable):
        read(source("postgresql://reader@127.0.0.1:1/owntracks"))
    assert span_attributes(telemetry, "CONNECT")["error.type"] == "08001"
