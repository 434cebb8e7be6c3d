"""The latest fix of each device, from a real PostgreSQL and through the whole stack."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

import psycopg
import pytest

from functions.calculate.fixes import columns
from functions.calculate.fixes import source as source_module
from functions.calculate.fixes.connection import Timeouts
from local.stack import Stack
from shared.errors import Unavailable
from shared.telemetry import metrics
from tests.integration.conftest import SCHEMA
from tests.integration.fixes_read import END, START, assert_no_connections, insert, source
from tests.integration.test_fix_source import LOOSE, WITHOUT_ZONE
from tests.integration.whole_stack import send_request, wait_until
from tests.telemetry_capture import capture_telemetry

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOON = START + timedelta(hours=12, microseconds=123_000)
TEXT_DEVICES = SCHEMA.replace("device_id varchar(100)", "device_id text")


@pytest.mark.parametrize("schema", [SCHEMA, WITHOUT_ZONE, LOOSE], ids=["timestamptz", "timestamp", "loose"])
def test_each_device_has_the_time_of_its_latest_fix(new_database: Callable[[str], str], schema: str) -> None:
    url = new_database(schema)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER ROLE CURRENT_USER SET timezone = 'Asia/Tokyo'")
        try:
            times = [(START, "p"), (NOON, "p"), (START, "q"), (EPOCH, "old"), (END, "late"), (None, "never")]
            insert(url, *((at and at.astimezone(UTC).replace(tzinfo=zone(schema)), name, 1, 1) for at, name in times))
            latest = source(url).latest_fix_times(EPOCH, 10)
            recent = source(url).latest_fix_times(NOON, 10)
        finally:
            connection.execute("ALTER ROLE CURRENT_USER RESET timezone")
    assert latest == {"late": END, "p": NOON, "q": START, "old": EPOCH}
    assert list(recent) == ["late", "p"]


def zone(schema: str) -> tzinfo | None:
    """Return the time zone of the inserted values; None for a column without time zone."""
    return None if schema == WITHOUT_ZONE else UTC


def test_limit_selects_the_latest_devices(database_url: str) -> None:
    insert(database_url, *((START + timedelta(minutes=n % 7, seconds=n), f"d{n % 7}", 1, 1) for n in range(50)))
    assert list(source(database_url).latest_fix_times(EPOCH, 3)) == ["d6", "d5", "d4"]


def test_infinite_times_are_left_out_and_device_ids_can_be_any_text(new_database: Callable[[str], str]) -> None:
    url = new_database(TEXT_DEVICES.replace("text NOT NULL", "text"))
    insert(
        url, ("infinity", "future", 1, 1), ("-infinity", "past", 1, 1), (START, None, 1, 1), (START, "ü '%s\n", 1, 1)
    )
    assert source(url).latest_fix_times(EPOCH, 10) == {"": START, "ü '%s\n": START}


def test_day_column_can_be_timestamp(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            'INSERT INTO locations (device_id, latitude, longitude, "timestamp", created_at) VALUES (%s, 1, 1, %s, %s)',
            ["p", NOON, END],
        )
    assert source(database_url, DAY_COLUMN="timestamp").latest_fix_times(EPOCH, 10) == {"p": NOON}


def test_query_of_recent_rows_uses_the_index(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO locations (device_id, latitude, longitude, timestamp, created_at) SELECT 'd' || n %% 5, 1, 1,"
            " now(), %s::timestamptz - n * interval '1 minute' FROM generate_series(1, 50000) n",
            [END],
        )
        connection.execute("CREATE INDEX ON locations (created_at, id)")
        connection.execute("ANALYZE locations")
        text = source_module._LATEST.format(
            device=columns.DEVICE_EXPRESSION,
            day="created_at",
            range=f"created_at >= '{START}' AND created_at < '9999-12-31 00:00:00+00:00'",
            limit="1000",
        )
        plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN {text}"))
    assert "Index" in plan
    assert "Seq Scan" not in plan


def test_span_has_the_statement_without_values(database_url: str) -> None:
    insert(database_url, (START, "secret", 1, 1))
    with capture_telemetry() as telemetry:
        source(database_url).latest_fix_times(EPOCH, 10)
        spans = [span.name for span in telemetry.spans]
        attributes = dict(telemetry.span("SELECT public.locations").attributes or {})
        assert telemetry.points(metrics.DATABASE_ROWS) == [
            ({"db.system.name": "postgresql", "db.operation.name": "SELECT"}, 1)
        ]
    assert spans == ["CONNECT", "SET", "DESCRIBE public.locations", "SELECT public.locations"]
    assert attributes["db.query.text"] == (
        "SELECT textsend(coalesce(device_id::text, '')), (extract(epoch FROM max(\"created_at\")) * 1000000)::int8 "
        'FROM public.locations WHERE "created_at" >= ? AND "created_at" < ? GROUP BY 1 ORDER BY 2 DESC LIMIT ?'
    )
    assert "secret" not in str(attributes)
    assert_no_connections(database_url)


def test_locked_or_missing_table_raises_unavailable(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "DEVICE_REFRESH", Timeouts(lock_timeout=0.2, statement_timeout=5))
    with psycopg.connect(database_url) as connection:
        connection.execute("LOCK TABLE locations")
        with pytest.raises(Unavailable) as locked:
            source(database_url).latest_fix_times(EPOCH, 10)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE locations RENAME TO renamed")
    with pytest.raises(Unavailable) as missing:
        source(database_url).latest_fix_times(EPOCH, 10)
    assert (locked.value.cause, missing.value.cause) == ("55P03", "42P01")


def test_stack_lists_the_devices_of_its_database(stack: Stack) -> None:
    url = f"{stack.url}/api/distance/devices"
    assert send_request("GET", url).status == 200
    if send_request("GET", url).json["as_of"] is None:  # before the first sweep
        assert send_request("POST", f"http://{stack.plan.address('calculate')}/sweep").status == 204
    wait_until(lambda: send_request("GET", url).json["as_of"])
    body = send_request("GET", url).json
    assert [device["device_id"] for device in body["devices"]] == ["garmin", "iphone_stuart"]
    assert all(device["last_fix_at"].startswith("2026-01-2") for device in body["devices"])
    assert math.isclose(datetime.fromisoformat(body["as_of"]).timestamp(), datetime.now(UTC).timestamp(), abs_tol=3_700)
