"""The context of a day: the fix of each device that is next to it on either side (docs/concepts/day-analysis.md)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from psycopg import sql

from functions.calculate.fixes.blocks import DayQuery
from functions.calculate.fixes.columns import DEVICE_EXPRESSION, OWN_TIME, Columns, quote

_DURATION = timedelta(hours=12)
_FIRST = datetime.min.replace(tzinfo=UTC)
_MAX_INTEGER = 2**63 - 1

# The inner query reads bare columns, and the outer one converts those of the few rows that are left.
# COLLATE: other collations are slower to sort by, and can hold different names for equal.
_CONTEXT = """
SELECT textsend(device), (extract(epoch FROM {own_time}) * 1000000)::int8, {latitude}, {longitude}, {accuracy}
FROM (
    SELECT {distinct}{device} COLLATE "C" AS device, {own_time}, latitude, longitude, accuracy
    FROM public.locations
    WHERE {conditions}
    ORDER BY {order}{limit}
) AS context
"""


@dataclass(frozen=True)
class Statement:
    """SQL with its values, and its text with placeholders instead of values."""

    query: sql.Composed
    text: str

    @classmethod
    def of(cls, template: str, **values: object) -> Self:
        """Format `template` with `values`."""
        literals = {name: sql.Literal(value) for name, value in values.items()}
        return cls(sql.SQL(template).format(**literals), template.format(**dict.fromkeys(values, "?")))


def before(columns: Columns, query: DayQuery) -> Statement:
    """Return the statement for the last candidate of each device before the day.

    It is the one with the greatest own time. Of several it is the first in the order of the job, because the others
    are duplicates.
    """
    start = query.start - min(_DURATION, query.start - _FIRST)
    day = [quote(columns.day)] if columns.has_own_time else []
    return _statement(columns, query, start, query.start, [f"{quote(OWN_TIME)} DESC", *day, "id"])


def after(columns: Columns, query: DayQuery) -> Statement | None:
    """Return the statement for the first candidate of each device after the day, in the order of the job.

    Returns None if the job was queued before the day had ended.
    """
    if query.queued_at <= query.end:
        return None
    end = query.end + min(_DURATION, query.queued_at - query.end)
    return _statement(columns, query, query.end, end, [quote(columns.day), "id"])


def _statement(columns: Columns, query: DayQuery, start: datetime, end: datetime, order: list[str]) -> Statement:
    """Return the statement for the first candidate of each device in [start, end) by `order`."""
    times = dict.fromkeys((quote(columns.day), quote(OWN_TIME)))
    conditions = [f"{time} >= {{start}} AND {time} < {{end}}" for time in times]
    values: dict[str, object] = {"start": start.isoformat(sep=" "), "end": end.isoformat(sep=" ")}
    if query.device_id:
        conditions.append("device_id::text = {device_id}")
        values["device_id"] = query.device_id
    template = _CONTEXT.format(
        own_time=quote(OWN_TIME),
        latitude=columns.coordinate("latitude"),
        longitude=columns.coordinate("longitude"),
        accuracy=columns.integer("accuracy"),
        device=DEVICE_EXPRESSION,
        distinct="" if query.device_id else "DISTINCT ON (device) ",
        conditions=" AND ".join([*conditions, columns.candidate_condition()]),
        order=", ".join(order if query.device_id else ["device", *order]),
        limit=" LIMIT 1" if query.device_id else "",
    )
    return Statement.of(template, **values, max_accuracy=min(int(query.max_accuracy_m), _MAX_INTEGER))
