"""Submissions: parsing of the bodies that submit receives, and of the data of request events.

shared/openapi/ has pydantic models of both for the documents of the API. They take too long to import at the start of a
function. A property test compares what model and parser accept.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any, TypeVar

from shared.analysis_parameters import BOUNDS, parse_parameter
from shared.errors import InvalidRequest
from shared.models import FIELD_ERRORS, Home, parse_day, parse_device_id, parse_job_id, parse_time_zone

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A request for the calculation of a day. The settings provide the values of fields that are None."""

    date: date
    device_id: str = ""  # selects all devices
    timezone: str | None = None
    home: Home | None = None
    away_threshold_km: float | None = None
    analysis: Mapping[str, Any] = field(default_factory=dict)  # the parameters that the caller has set, by name

    @property
    def explicit_fields(self) -> tuple[str, ...]:
        """The sorted names of the fields that the caller has set instead of the settings."""
        names = [name for name in ("away_threshold_km", "home", "timezone") if getattr(self, name) is not None]
        return tuple(sorted([*names, *(f"analysis.{name}" for name in self.analysis)]))


def parse_body(body: object) -> Submission:
    """Parse the decoded body of a submission. Raises InvalidRequest, also for an unknown field."""
    fields = _parse_object(body)
    submission = _parse_submission(fields)
    for name in fields:
        if name not in Submission.__dataclass_fields__:
            raise InvalidRequest("Unknown field", name)  # its value may be a coordinate
    home, analysis = fields.get("home"), fields.get("analysis")
    if isinstance(home, dict) and len(home) > len(Home.__dataclass_fields__):
        raise InvalidRequest(FIELD_ERRORS["home"], "home")
    if isinstance(analysis, dict):
        for name in analysis:
            if name not in BOUNDS:
                raise InvalidRequest("Unknown field", f"analysis.{name}")
    return submission


def parse_event_data(data: object) -> tuple[Submission, str | None]:
    """Parse the data of a request event. Unknown fields are ignored.

    Returns the submission, and the job ID if the data contains one. Raises InvalidRequest.
    """
    fields = _parse_object(data)
    return _parse_submission(fields), _parse_field(fields, "job_id", parse_job_id)


def _parse_object(data: object) -> dict[str, object]:
    if not isinstance(data, dict):
        raise InvalidRequest("Request body must be a JSON object")
    return data


def _parse_submission(fields: Mapping[str, object]) -> Submission:
    day = _parse_field(fields, "date", parse_day)
    if day is None:
        raise InvalidRequest("Missing required field: date", "date")
    return Submission(
        date=day,
        device_id=_parse_field(fields, "device_id", parse_device_id) or "",
        timezone=_parse_field(fields, "timezone", parse_time_zone),
        home=_parse_home(fields.get("home")),
        away_threshold_km=_parse_field(fields, "away_threshold_km", lambda value: _parse_number(value, 0, math.inf)),
        analysis=_parse_analysis(fields.get("analysis")),
    )


def _parse_field(fields: Mapping[str, object], name: str, parse: Callable[[object], T]) -> T | None:
    """Parse a field. Returns None if it is absent or null."""
    value = fields.get(name)
    if value is None:
        return None
    try:
        return parse(value)
    except ValueError:
        raise InvalidRequest(FIELD_ERRORS[name], name, value) from None


def _parse_home(value: object) -> Home | None:
    """Parse the coordinates. An error names the invalid one, but never has its value."""
    if value is None:
        return None
    if not isinstance(value, dict):
        raise InvalidRequest(FIELD_ERRORS["home"], "home")
    coordinates = {}
    for name, limit in (("latitude", 90), ("longitude", 180)):
        try:
            coordinates[name] = _parse_number(value.get(name), -limit, limit)
        except ValueError:
            raise InvalidRequest(FIELD_ERRORS["home"], f"home.{name}") from None
    return Home(**coordinates)


def _parse_analysis(value: object) -> dict[str, float]:
    """Parse the parameters of the analysis that are present. Unknown ones are ignored."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidRequest(FIELD_ERRORS["analysis"], "analysis", value)
    fields = {f"analysis.{name}": parameter for name, parameter in value.items()}
    parsed = {name: _parse_field(fields, f"analysis.{name}", partial(parse_parameter, name)) for name in BOUNDS}
    return {name: parameter for name, parameter in parsed.items() if parameter is not None}


def _parse_number(value: object, minimum: float, maximum: float) -> float:
    """Return a finite number in [minimum, maximum]. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not minimum <= value <= maximum:
        raise ValueError("expected a number in the range")
    try:
        number = float(value)
    except OverflowError:  # an integer of more than 300 digits
        raise ValueError("expected a finite number") from None
    if math.isinf(number):
        raise ValueError("expected a finite number")
    return number
