"""Which devices there are: from a real PostgreSQL as installations have it, and through the whole system."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

import psycopg
import pytest

from functions.calculate.fixes import columns
from functions.calculate.fixes import source as source_module
from functions.calculate.fixes.connection import Bounds
from local.stack import Stack
from shared.errors import Unavailable
from shared.telemetry import metrics
from tests.integration.conftest import SCHEMA
from tests.integration.fixes_read import END, START, insert, nothing_is_left, source
from tests.integration.test_fix_source import LOOSE, WITHOUT_ZONE
from tests.integration.whole_stack import ask, until
from tests.watched import watched

EVER = datetime(1970, 1, 1, tzinfo=UTC)
NOON = START + timedelta(hours=12, microseconds=123_000)
UNUSUAL = SCHEMA.replace("device_id varchar(100)", "device_id text")


@pytest.mark.parametrize("schema", [SCHEMA, WITHOUT_ZONE, LOOSE], ids=["timestamptz", "timestamp", "loose"])
def test_each_device_has_the_time_of_its_latest_fix(new_database: Callable[[str], str], schema: str) -> None:
    url = new_database(schema)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER ROLE CURRENT_USER SET timezone = 'Asia/Tokyo'")
        try:
            times = [(START, "p"), (NOON, "p"), (START, "q"), (EVER, "old"), (END, "late"), (None, "never")]
            insert(url, *((at and at.astimezone(UTC).replace(tzinfo=zone(schema)), name, 1, 1) for at, name in times))
            found = source(url).latest(EVER, 10)
            recent = source(url).latest(NOON, 10)
        finally:
            connection.execute("ALTER ROLE CURRENT_USER RESET timezone")
    assert found == {"late": END, "p": NOON, "q": START, "old": EVER}
    assert list(recent) == ["late", "p"]


def zone(schema: str) -> tzinfo | None:
    """A time without zone is stored as it is written."""
    return None if schema == WITHOUT_ZONE else UTC


def test_the_latest_come_first_and_the_others_are_left_out(database_url: str) -> None:
    insert(database_url, *((START + timedelta(minutes=n % 7, seconds=n), f"d{n % 7}", 1, 1) for n in range(50)))
    assert list(source(database_url).latest(EVER, 3)) == ["d6", "d5", "d4"]


def test_times_without_end_and_devices_of_any_text_do_no_harm(new_database: Callable[[str], str]) -> None:
    url = new_database(UNUSUAL.replace("text NOT NULL", "text"))
    insert(
        url, ("infinity", "future", 1, 1), ("-infinity", "past", 1, 1), (START, None, 1, 1), (START, "ü '%s\n", 1, 1)
    )
    assert source(url).latest(EVER, 10) == {"": START, "ü '%s\n": START}


def test_the_day_column_may_be_the_time_of_the_fix(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            'INSERT INTO locations (device_id, latitude, longitude, "timestamp", created_at) VALUES (%s, 1, 1, %s, %s)',
            ["p", NOON, END],
        )
    assert source(database_url, DAY_COLUMN="timestamp").latest(EVER, 10) == {"p": NOON}


def test_an_index_on_the_day_column_serves_for_the_latest_rows(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO locations (device_id, latitude, longitude, timestamp, created_at) SELECT 'd' || n %% 5, 1, 1,"
            " now(), %s::timestamptz - n * interval '1 minute' FROM generate_series(1, 50000) n",
            [END],
        )
        connection.execute("CREATE INDEX ON locations (created_at, id)")
        connection.execute("ANALYZE locations")
        text = source_module._LATEST.format(
            device=columns.DEVICE,
            day="created_at",
            range=f"created_at >= '{START}' AND created_at < '9999-12-31 00:00:00+00:00'",
            most="1000",
        )
        plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN {text}"))
    assert "Index" in plan
    assert "Seq Scan" not in plan


def test_it_is_one_statement_told_without_values_and_nothing_is_left(database_url: str) -> None:
    insert(database_url, (START, "secret", 1, 1))
    with watched() as watching:
        source(database_url).latest(EVER, 10)
        spans = [span.name for span in watching.spans]
        about = dict(watching.span("SELECT public.locations").attributes or {})
        assert watching.points(metrics.DATABASE_ROWS) == [
            ({"db.system.name": "postgresql", "db.operation.name": "SELECT"}, 1)
        ]
    assert spans == ["CONNECT", "SET", "DESCRIBE public.locations", "SELECT public.locations"]
    assert about["db.query.text"] == (
        "SELECT textsend(coalesce(device_id::text, '')), (extract(epoch FROM max(\"created_at\")) * 1000000)::int8 "
        'FROM public.locations WHERE "created_at" >= ? AND "created_at" < ? GROUP BY 1 ORDER BY 2 DESC LIMIT ?'
    )
    assert "secret" not in str(about)
    nothing_is_left(database_url)


def test_a_table_that_somebody_locks_or_that_is_missing_is_a_cause(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_module, "LOOK", Bounds(lock=0.2, statement=5))
    with psycopg.connect(database_url) as connection:
        connection.execute("LOCK TABLE locations")
        with pytest.raises(Unavailable) as locked:
            source(database_url).latest(EVER, 10)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE locations RENAME TO elsewhere")
    with pytest.raises(Unavailable) as missing:
        source(database_url).latest(EVER, 10)
    assert (locked.value.cause, missing.value.cause) == ("55P03", "42P01")


def test_the_system_lists_the_devices_of_its_database(stack: Stack) -> None:
    url = f"{stack.url}/api/distance/devices"
    assert ask("GET", url).status == 200
    if ask("GET", url).json["as_of"] is None:  # no full minute has passed yet
        assert ask("POST", f"http://{stack.plan.address('calculate')}/sweep").status == 204
    until(lambda: ask("GET", url).json["as_of"], 10)
    found = ask("GET", url).json
    assert [one["device_id"] for one in found["devices"]] == ["garmin", "iphone_stuart"]
    assert all(one["last_fix_at"].startswith("2026-01-2") for one in found["devices"])
    assert math.isclose(
        datetime.fromisoformat(found["as_of"]).timestamp(), datetime.now(UTC).timestamp(), abs_tol=3_700
    )
