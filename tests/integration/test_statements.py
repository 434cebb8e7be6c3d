"""What is told of the statements of a day, on a real PostgreSQL."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from shared.errors import Unavailable
from shared.telemetry import metrics
from tests.integration.fixes_read import START, fill, insert, read, source
from tests.integration.test_fixes import DOUBLES
from tests.watched import Watched, watched

FAST = (
    "COPY ( SELECT \"created_at\", coalesce(latitude::float8, 'NaN'), coalesce(longitude::float8, 'NaN'), "
    "coalesce(accuracy::int4, ?), coalesce(battery::int4, ?), coalesce(velocity::int4, ?), device_id "
    'FROM public.locations WHERE "created_at" >= ? AND "created_at" < ?{device} ORDER BY "created_at", id ) '
    "TO STDOUT (FORMAT binary)"
)


@pytest.fixture
def watching() -> Iterator[Watched]:
    with watched() as made:
        yield made


def told(watching: Watched, name: str) -> dict[str, Any]:
    span = watching.span(name)
    assert span.kind is SpanKind.CLIENT
    return dict(span.attributes or {})


@pytest.mark.parametrize(("device_id", "more", "rows"), [("", "", 3), ("secret'; --", " AND device_id = ?", 0)])
def test_a_day_is_one_statement_told_without_its_values(
    database_url: str, watching: Watched, device_id: str, more: str, rows: int
) -> None:
    fill(database_url, 3)
    read(source(database_url), device_id=device_id)
    assert told(watching, "COPY public.locations") == {
        "db.system.name": "postgresql",
        "db.operation.name": "COPY",
        "db.collection.name": "public.locations",
        "db.query.text": FAST.format(device=more),
        "db.response.returned_rows": rows,
    }
    assert [span.name for span in watching.spans] == ["CONNECT", "SET", "COPY public.locations"]
    assert "?" in told(watching, "SET")["db.query.text"]
    counted = {labels["db.operation.name"] for labels, _ in watching.points(metrics.DATABASE_DURATION)}
    assert counted == {"CONNECT", "SET", "COPY"}
    copied = {"db.system.name": "postgresql", "db.operation.name": "COPY"}
    assert watching.points(metrics.DATABASE_ROWS) == [(copied, 1)]


def test_the_general_path_is_a_second_statement(new_database: Callable[[str], str], watching: Watched) -> None:
    url = new_database(DOUBLES)
    insert(url, (START, "p", 1, 1, 1e12), columns="created_at, device_id, latitude, longitude, accuracy")
    read(source(url))
    assert told(watching, "SELECT public.locations")["db.response.returned_rows"] == 1
    assert watching.span("COPY public.locations").status.status_code is StatusCode.UNSET  # it only leads to the other


def test_a_statement_that_fails_is_told_by_its_sqlstate(new_database: Callable[[str], str], watching: Watched) -> None:
    with pytest.raises(Unavailable):
        read(source(new_database("SELECT 1")))
    assert told(watching, "COPY public.locations")["error.type"] == "42P01"
    assert any(labels.get("error.type") == "42P01" for labels, _ in watching.points(metrics.DATABASE_DURATION))


def test_a_database_that_is_away_is_told_as_not_connected(watching: Watched) -> None:
    with pytest.raises(Unavailable):
        read(source("postgresql://127.0.0.1:1/owntracks"))
    assert told(watching, "CONNECT")["error.type"] == "08001"
