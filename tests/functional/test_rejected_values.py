"""A 400 repeats the rejected value in `details`, but never a coordinate or a header."""

import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from shared.analysis_parameters import BOUNDS
from shared.openapi.event_models import RequestedData
from shared.openapi.operations import OPERATIONS
from shared.openapi.request_models import Submission
from tests.builders import JOB_ID, TRACEPARENT
from tests.contract.world import World
from tests.functional.calculate_function import Calculate, request_event
from tests.functional.submit_function import Submit

INFINITY = float("inf")
VALUES: dict[str, Any] = {
    "a negative float": -2.5,
    "a negative integer": -20260125,
    "infinity": INFINITY,
    "minus infinity": -INFINITY,
    "true": True,
    "false": False,
    "an empty list": [],
    "a list": [1.5, None, False],
    "a list with infinity": [[INFINITY]],
    "an empty object": {},
    "an object": {"a": {"b": [-2.5]}},
    "a string": "\u00fc \ud800",
}
LONG: dict[str, Any] = {
    "a string": "x" * 5000,
    "a list": ["x"] * 500,
    "a number": -(10**4000),
    "an object": {"x" * 99: 1},
}
COORDINATES: tuple[Any, ...] = (
    {"latitude": 12.000123},
    [{"LON": 12.000123}],
    {"a": [{"lng": "12.000123"}]},
    {"home": {"lat": 12.000123, "Longitude": 12.000123}},
)
# All fields of both models, with those of analysis, except home, which contains coordinates.
FIELDS = [
    (kind, name)
    for kind, model in (("submission", Submission), ("event", RequestedData))
    for name in sorted({*model.model_fields, *(f"analysis.{name}" for name in BOUNDS)} - {"home", "analysis"})
]


def body_with(name: str, value: str) -> str:
    """Return the body of a request with a field and its value in JSON."""
    if name.startswith("analysis."):
        return f'{{"date": "2026-01-25", "analysis": {{"{name.removeprefix("analysis.")}": {value}}}}}'
    date = "" if name == "date" else '"date": "2026-01-25", '
    return f'{{{date}"{name}": {value}}}'


def reject(kind: str, name: str, value: object) -> tuple[dict[str, Any], str]:
    """Send an invalid value and return the details and text of the response. Infinity is sent as 1e999."""
    body = body_with(name, json.dumps(value).replace("Infinity", "1e999"))
    if kind == "submission":
        response = Submit().post(body)
    else:
        event = request_event({})
        attributes = {f"ce-{key}": event[key] for key in ("specversion", "type", "source", "id")}
        response = Calculate().client.post("/", data=body, headers=attributes | {"content-type": "application/json"})
    return details(response), response.text


def details(response: TestResponse) -> dict[str, Any]:
    """Return the details of a 400, whose body must be strict JSON."""
    assert response.status_code == 400, response.text
    parsed: dict[str, Any] = json.loads(response.data, parse_constant=pytest.fail)["error"]["details"]
    return parsed


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize(("kind", "name"), FIELDS)
def test_rejected_value_is_repeated(kind: str, name: str, value: object) -> None:
    repeated = json.loads(json.dumps(value), parse_constant=str)
    assert reject(kind, name, value)[0] == {"field": name, "value": repeated}


@pytest.mark.parametrize("value", LONG.values(), ids=LONG)
@pytest.mark.parametrize(("kind", "name"), FIELDS)
def test_long_value_is_truncated(kind: str, name: str, value: object) -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    assert reject(kind, name, value)[0] == {"field": name, "value": text[:100]}


@pytest.mark.parametrize(("kind", "name"), FIELDS)
def test_deeply_nested_value_is_rejected(kind: str, name: str) -> None:
    depths = (1 << power for power in range(4, 13))
    for value in ("[" * depth + "]" * depth for depth in depths):
        body = body_with(name, value).encode()
        client = Submit().client if kind == "submission" else Calculate().client
        path = "/api/distance/calculate" if kind == "submission" else "/"
        assert client.post(path, data=body, headers={"content-type": "application/json"}).status_code == 400


@pytest.mark.parametrize("value", COORDINATES)
@pytest.mark.parametrize(("kind", "name"), FIELDS)
def test_nested_coordinates_are_not_repeated(kind: str, name: str, value: object) -> None:
    rejected, text = reject(kind, name, value)
    assert rejected == {"field": name}
    assert "000123" not in text


@pytest.mark.parametrize(
    "value", [-12.000123, True, [12.000123], "12.000123", {"latitude": 912.000123, "longitude": 0}]
)
@pytest.mark.parametrize("kind", ["submission", "event"])
def test_home_is_not_repeated(kind: str, value: object) -> None:
    rejected, text = reject(kind, "home", value)
    assert rejected["field"] in ("home", "home.latitude")
    assert "value" not in rejected
    assert "000123" not in text


def test_value_of_unknown_field_is_not_repeated() -> None:
    rejected, text = reject("submission", "latitude", 12.000123)
    assert rejected == {"field": "latitude"}
    assert "000123" not in text
    assert reject("submission", "x" * 5000, 1)[0] == {"field": "x" * 100}


QUERIES = [
    (operation.path, parameter.name)
    for operation in OPERATIONS
    for parameter in operation.parameters
    if operation.name in ("list_jobs", "list_days") and parameter.location == "query"
]
REQUIRED: dict[str, Any] = {"from": "2026-01-25", "to": "2026-01-25"}  # unknown to the list of jobs


@pytest.mark.parametrize("value", ["a b", "NaN", "x" * 5000, "-1.5", "\u00fc"])
@pytest.mark.parametrize(("path", "name"), QUERIES)
def test_rejected_parameter_is_repeated(path: str, name: str, value: str) -> None:
    response = World().client(3).get(path, query_string=REQUIRED | {name: value})
    if (name, response.status_code) == ("device_id", 200):
        return  # a valid device ID
    assert details(response) == {"field": name, "value": value[:100]}


@pytest.mark.parametrize(("path", "name"), QUERIES)
def test_duplicate_parameter_is_repeated(path: str, name: str) -> None:
    response = World().client(3).get(path, query_string=REQUIRED | {name: ["a", "b"]})
    assert details(response) == {"field": name, "value": ["a", "b"]}


@pytest.mark.parametrize("filename", ["x.csv", "distance_a.txt", "distance_...csv", "a/b", "\u00fc", "x" * 5000])
def test_rejected_filename_is_repeated(filename: str) -> None:
    response = World().client(2).get(f"/api/distance/download/{filename}")
    assert details(response) == {"field": "filename", "value": filename[:100]}


@pytest.mark.parametrize("key", ["a b", "x" * 256, "\u00fc"])
def test_rejected_header_is_named_but_not_repeated(key: str) -> None:
    response = Submit().post(None, Idempotency_Key=key)
    assert details(response) == {"field": "Idempotency-Key"}


def test_event_attributes_are_not_repeated() -> None:
    event = request_event({}, type="otelworker.distance.other.v1", id=JOB_ID, traceparent=TRACEPARENT)
    response = Calculate().deliver(event)
    assert details(response) == {"field": "type"}
    assert "other" not in response.text
