"""The statements that read the context of a day."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from functions.calculate.fixes import context
from functions.calculate.fixes.blocks import DayQuery
from functions.calculate.fixes.columns import Columns
from shared import days

START = datetime(2026, 1, 25, tzinfo=UTC)
END = START + timedelta(days=1)
QUERY = DayQuery(START, END, "", END + timedelta(days=1), 10_000)
TYPES = {"latitude": "float8", "longitude": "float8", "accuracy": "int4", "battery": "int4", "velocity": "int4"}
ARRIVAL, OWN = Columns("created_at", TYPES), Columns("timestamp", TYPES)


def text(statement: context.Statement | None) -> str:
    assert statement is not None
    return " ".join(statement.query.as_string().split())


def condition(column: str, start: str, end: str) -> str:
    return f"\"{column}\" >= '{start}' AND \"{column}\" < '{end}' AND"


def test_before_covers_12_hours_by_both_times() -> None:
    interval = ("2026-01-24 12:00:00+00:00", "2026-01-25 00:00:00+00:00")
    arrival, own = condition("created_at", *interval), condition("timestamp", *interval)
    assert f"WHERE {arrival} {own} latitude" in text(context.before(ARRIVAL, QUERY))
    by_own_time = text(context.before(OWN, QUERY))
    assert f"WHERE {own} latitude" in by_own_time
    assert "created_at" not in by_own_time


@pytest.mark.parametrize(
    ("queued_at", "end"),
    [
        (END + timedelta(days=3), "2026-01-26 12:00:00+00:00"),
        (END + timedelta(hours=12), "2026-01-26 12:00:00+00:00"),
        (END + timedelta(hours=3, microseconds=5), "2026-01-26 03:00:00.000005+00:00"),
        ((END + timedelta(hours=3)).astimezone(tz=None), "2026-01-26 03:00:00+00:00"),
    ],
)
def test_after_ends_after_12_hours_or_when_the_job_was_queued(queued_at: datetime, end: str) -> None:
    interval = ("2026-01-26 00:00:00+00:00", end)
    arrival, own = condition("created_at", *interval), condition("timestamp", *interval)
    assert f"WHERE {arrival} {own} latitude" in text(context.after(ARRIVAL, replace(QUERY, queued_at=queued_at)))


@pytest.mark.parametrize("queued_at", [START - timedelta(days=1), END - timedelta(hours=1), END])
def test_day_that_had_not_ended_has_no_context_after_it(queued_at: datetime) -> None:
    assert context.after(ARRIVAL, replace(QUERY, queued_at=queued_at)) is None


def test_first_and_last_day_of_the_calendar_have_statements() -> None:
    first = replace(QUERY, start=datetime.min.replace(tzinfo=UTC))
    assert "'0001-01-01 00:00:00+00:00' AND" in text(context.before(ARRIVAL, first))
    _, end = days.interval(date.max, "UTC")
    assert context.after(ARRIVAL, replace(QUERY, end=end)) is None
    late = replace(QUERY, end=end - timedelta(hours=1), queued_at=end)
    assert "'9999-12-31 23:59:59.999999+00:00'" in text(context.after(ARRIVAL, late))


def test_order_selects_the_last_candidate_before_and_the_first_one_after() -> None:
    one = replace(QUERY, device_id="p")
    assert text(context.before(ARRIVAL, QUERY)).count('ORDER BY device, "timestamp" DESC, "created_at", id ') == 2
    assert text(context.before(OWN, QUERY)).count('ORDER BY device, "timestamp" DESC, id ') == 2
    assert text(context.after(ARRIVAL, QUERY)).count('ORDER BY device, "created_at", id ') == 2
    assert 'ORDER BY "timestamp" DESC, "created_at", id LIMIT 1)' in text(context.before(ARRIVAL, one))
    assert 'ORDER BY "timestamp", id LIMIT 1)' in text(context.after(OWN, one))


def test_nearest_fixes_are_those_of_a_quarter_of_an_hour() -> None:
    assert "AND \"timestamp\" >= '2026-01-24 23:45:00+00:00' ORDER" in text(context.before(ARRIVAL, QUERY))
    assert "AND \"created_at\" < '2026-01-26 00:15:00+00:00' ORDER" in text(context.after(ARRIVAL, QUERY))
    assert "AND \"timestamp\" < '2026-01-26 00:15:00+00:00' ORDER" in text(context.after(OWN, QUERY))


def test_device_is_not_interpreted_as_sql() -> None:
    statement = context.before(ARRIVAL, replace(QUERY, device_id="a'b {x} %s"))
    assert "device_id::text = 'a''b {x} %s'" in text(statement)
    assert "device_id::text = ?" in statement.text
    assert "2026" not in statement.text
    assert "BETWEEN 0 AND ?" in statement.text


@pytest.mark.parametrize(("limit", "sql"), [(10_000, "10000"), (0.5, "0"), (99.9, "99"), (1e300, str(2**63 - 1))])
def test_accuracy_limit_is_in_whole_metres(limit: float, sql: str) -> None:
    statement = context.before(ARRIVAL, replace(QUERY, max_accuracy_m=limit))
    assert f"(accuracy IS NULL OR accuracy BETWEEN 0 AND {sql})" in text(statement)
