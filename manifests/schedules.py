"""Schedules of a PingSource: cron with five fields, or six that begin with seconds, as Knative's parser reads them."""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAMED = {"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}


class _Bounds(NamedTuple):
    what: str
    first: int
    last: int
    names: Sequence[str] = ()


_FIELDS = (
    _Bounds("second", 0, 59),
    _Bounds("minute", 0, 59),
    _Bounds("hour", 0, 23),
    _Bounds("day of the month", 1, 31),
    _Bounds("month", 1, 12, _MONTHS),
    _Bounds("day of the week", 0, 6, _DAYS),
)


def wrong_schedule(text: str) -> str:
    """What is wrong with a schedule, or ""."""
    if text.startswith("@"):
        return "" if text in _NAMED else f"{text} is no schedule that Knative knows"
    fields = text.split()
    if len(fields) not in (5, 6):
        return f"{len(fields)} fields: minute, hour, day of the month, month and day of the week are expected"
    bounds = _FIELDS[-len(fields) :]
    wrong = chain.from_iterable(
        (_wrong_range(part, bound) for part in field.split(",") if part)
        for field, bound in zip(fields, bounds, strict=True)
    )
    return next((found for found in wrong if found), "")


def _wrong_range(text: str, bounds: _Bounds) -> str:
    """What is wrong with one of `*`, `5`, `1-5`, `*/15`, `10-50/10`."""
    span, slash, step = text.partition("/")
    if slash and not (step.isdecimal() and int(step)):
        return f"{bounds.what} {text}: the step is no positive number"
    if span in ("*", "?"):
        return ""
    first, dash, last = span.partition("-")
    numbers = [_number(part, bounds) for part in ((first, last) if dash else (first,))]
    if None in numbers:
        return f"{bounds.what} {text}: {bounds.first} to {bounds.last} are expected"
    return f"{bounds.what} {text}: it ends before it begins" if numbers != sorted(numbers, key=lambda n: n or 0) else ""


def _number(text: str, bounds: _Bounds) -> int | None:
    if text.lower() in bounds.names:
        return bounds.names.index(text.lower()) + bounds.first
    number = int(text) if text.isdecimal() else -1
    return number if bounds.first <= number <= bounds.last else None
