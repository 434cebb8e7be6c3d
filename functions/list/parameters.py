"""The query parameters of the routes. Each function raises InvalidRequest for an invalid or repeated one."""

import re
from collections.abc import Callable
from datetime import date
from typing import NamedTuple, TypeVar

from werkzeug.datastructures import MultiDict

from shared.errors import InvalidRequest
from shared.http.page_limits import DEFAULT_LIMIT, MAX_DAYS, MAX_LIMIT
from shared.job_index.markers import Filter
from shared.models import FIELD_ERRORS, PUBLIC_STATUSES, Status, parse_day, parse_device_id

T = TypeVar("T")


class PageParameters(NamedTuple):
    """The parameters of a page of jobs."""

    job_filter: Filter
    limit: int
    offset: int
    with_results: bool


class DayParameters(NamedTuple):
    """The parameters of a range of days, both included. The device "" stands for all devices."""

    device_id: str
    first: date
    last: date


def parse_page(query: MultiDict[str, str]) -> PageParameters:
    """Return the parameters of a page of jobs."""
    parameters = _single_parameters(query, "status", "date", "device_id", "limit", "offset", "results")
    job_filter, with_results = _filter(parameters), _with_results(parameters)
    return PageParameters(job_filter, *_limit_and_offset(parameters), with_results)


def parse_days(query: MultiDict[str, str]) -> DayParameters:
    """Return the parameters of a range of at most MAX_DAYS days."""
    parameters = _single_parameters(query, "device_id", "from", "to")
    device_id = _optional(parameters, "device_id", parse_device_id) or ""
    first, last = _required_day(parameters, "from"), _required_day(parameters, "to")
    if last < first:
        raise InvalidRequest("from must not be after to", "from", first.isoformat())
    if (last - first).days >= MAX_DAYS:
        raise InvalidRequest(f"from and to must span at most {MAX_DAYS} days", "to", last.isoformat())
    return DayParameters(device_id, first, last)


def _single_parameters(query: MultiDict[str, str], *names: str) -> dict[str, str]:
    """Return the query parameters. Raises InvalidRequest if one of `names` is repeated."""
    for name in names:
        if len(query.getlist(name)) > 1:
            raise InvalidRequest(f"{name} must be given once", name, query.getlist(name))
    return query.to_dict()


def _filter(parameters: dict[str, str]) -> Filter:
    status = parameters.get("status") or None
    if status is not None and status not in PUBLIC_STATUSES:
        raise InvalidRequest("status must be one of: queued, processing, completed, failed", "status", status)
    # The rules for dates and device ids are those of a submission.
    day = _optional(parameters, "date", parse_day)
    device_id = _optional(parameters, "device_id", parse_device_id)
    return Filter(Status(status) if status else None, day, device_id)


def _optional(parameters: dict[str, str], name: str, parser: Callable[[str], T]) -> T | None:
    """Return the value of a parameter, None if it is absent or empty."""
    text = parameters.get(name)
    if not text:
        return None
    try:
        return parser(text)
    except ValueError:
        raise InvalidRequest(FIELD_ERRORS[name], name, text) from None


def _required_day(parameters: dict[str, str], name: str) -> date:
    text = parameters.get(name)
    if not text:
        raise InvalidRequest(f"Missing required parameter: {name}", name)
    try:
        return parse_day(text)
    except ValueError:
        raise InvalidRequest(FIELD_ERRORS["date"], name, text) from None


def _limit_and_offset(parameters: dict[str, str]) -> tuple[int, int]:
    texts = parameters.get("limit", str(DEFAULT_LIMIT)), parameters.get("offset", "0")
    for name, text in zip(("limit", "offset"), texts, strict=True):
        if not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise InvalidRequest("limit and offset must be integers", name, text)
    limit, offset = map(int, texts)
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidRequest(f"limit must be between 1 and {MAX_LIMIT}", "limit", limit)
    if offset < 0:
        raise InvalidRequest("offset must be non-negative", "offset", offset)
    return limit, offset


def _with_results(parameters: dict[str, str]) -> bool:
    text = parameters.get("results", "true")
    if text not in ("true", "false"):
        raise InvalidRequest("results must be true or false", "results", text)
    return text == "true"
