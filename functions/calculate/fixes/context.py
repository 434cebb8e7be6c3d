"""The context of a day: the fix of each device that is next to it on either side (docs/concepts/day-analysis.md)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from psycopg import sql

from functions.calculate.fixes.blocks import DayQuery
from functions.calculate.fixes.columns import DEVICE_EXPRESSION, OWN_TIME, Columns, quote

_DURATION = timedelta(hours=12)
_NEAREST = timedelta(minutes=15)
_FIRST = datetime.min.replace(tzinfo=UTC)
_MAX_INTEGER = 2**63 - 1

# Other collations are slower to sort by, and can hold different names for equal.
_DEVICE = f'{DEVICE_EXPRESSION} COLLATE "C"'
_OWN_TIME = quote(OWN_TIME)
_CANDIDATES = """
    SELECT {distinct}{device} AS device, {own_time}, latitude, longitude, accuracy
    FROM public.locations
    WHERE {conditions}
    ORDER BY {order}
"""
_OTHERS = "{device} NOT IN (SELECT device FROM nearest)"
_OF_ONE_DEVICE = """
SELECT {converted}
FROM ({candidates} LIMIT 1) AS context
"""
# Nearly all devices have a candidate in the minutes next to the day. To sort these minutes and the rows of the other
# devices is three times as fast as to sort 12 hours, and needs no temporary files. NOT IN uses a hash table, so a wrong
# estimate of the planner does no harm, as it does to a join with the extreme time of each device. LIMIT ensures that
# the planner expects the table to fit its memory. Otherwise each row is compared with each device.
_OF_ALL_DEVICES = """
WITH nearest AS ({nearest} LIMIT 1000), others AS ({others})
SELECT {converted}
FROM (TABLE nearest UNION ALL TABLE others) AS context
"""


@dataclass(frozen=True)
class Statement:
    """SQL with its values, and its text for a span, with placeholders instead of values."""

    query: sql.Composed
    text: str

    @classmethod
    def of(cls, template: str, values: Mapping[str, object]) -> Self:
        """Format `template` with `values`."""
        literals = {name: sql.Literal(value) for name, value in values.items()}
        return cls(sql.SQL(template).format(**literals), template.format(**dict.fromkeys(values, "?")))


@dataclass(frozen=True)
class _Side:
    """One side of a day: the interval [start, end) of its context, and the order in which the context fix is first.

    A fix that meets the condition `nearest`, with the placeholder {nearest}, precedes one that does not.
    """

    start: datetime
    end: datetime
    order: list[str]
    nearest: str
    nearest_instant: datetime


def before(columns: Columns, query: DayQuery) -> Statement:
    """Return the statement for the last candidate of each device before the day.

    It is the one with the greatest own time. Of several it is the first in the order of the job, because the others
    are duplicates.
    """
    longest = query.start - _FIRST
    day = [quote(columns.day)] if columns.has_own_time else []
    side = _Side(
        start=query.start - min(_DURATION, longest),
        end=query.start,
        order=[f"{_OWN_TIME} DESC", *day, "id"],
        nearest=f"{_OWN_TIME} >= {{nearest}}",
        nearest_instant=query.start - min(_NEAREST, longest),
    )
    return _statement(columns, query, side)


def after(columns: Columns, query: DayQuery) -> Statement | None:
    """Return the statement for the first candidate of each device after the day, in the order of the job.

    Returns None if the job was queued before the day had ended.
    """
    longest = query.queued_at - query.end
    if longest <= timedelta():
        return None
    side = _Side(
        start=query.end,
        end=query.end + min(_DURATION, longest),
        order=[quote(columns.day), "id"],
        nearest=f"{quote(columns.day)} < {{nearest}}",
        nearest_instant=query.end + min(_NEAREST, longest),
    )
    return _statement(columns, query, side)


def _statement(columns: Columns, query: DayQuery, side: _Side) -> Statement:
    """Return the statement for the first candidate of each device on one side of the day."""
    times = dict.fromkeys((quote(columns.day), _OWN_TIME))
    conditions = [f"{time} >= {{start}} AND {time} < {{end}}" for time in times]
    values: dict[str, object] = {
        "start": side.start.isoformat(sep=" "),
        "end": side.end.isoformat(sep=" "),
        "max_accuracy": min(int(query.max_accuracy_m), _MAX_INTEGER),
    }
    converted = ", ".join(
        [
            f"textsend(device), (extract(epoch FROM {_OWN_TIME}) * 1000000)::int8",
            *(columns.coordinate(name) for name in ("latitude", "longitude")),
            columns.integer("accuracy"),
        ]
    )
    if query.device_id:
        values["device_id"] = query.device_id
        conditions += ["device_id::text = {device_id}", columns.candidate_condition()]
        candidates = _candidates(conditions, side.order)
        return Statement.of(_OF_ONE_DEVICE.format(converted=converted, candidates=candidates), values)
    values["nearest"] = side.nearest_instant.isoformat(sep=" ")
    conditions.append(columns.candidate_condition())
    order, distinct = ["device", *side.order], "DISTINCT ON (device) "
    nearest = _candidates([*conditions, side.nearest], order, distinct)
    others = _candidates([*conditions, _OTHERS.format(device=_DEVICE)], order, distinct)
    return Statement.of(_OF_ALL_DEVICES.format(converted=converted, nearest=nearest, others=others), values)


def _candidates(conditions: list[str], order: list[str], distinct: str = "") -> str:
    return _CANDIDATES.format(
        distinct=distinct,
        device=_DEVICE,
        own_time=_OWN_TIME,
        conditions=" AND ".join(conditions),
        order=", ".join(order),
    )
