"""The AsyncAPI document describes the events that are sent and accepted, and its references are valid."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cloudevents.conversion import to_structured
from cloudevents.http import CloudEvent
from jsonschema import Draft202012Validator, ValidationError

from shared import events
from shared.event_types import EVENT_TYPES
from shared.models import Status
from shared.openapi.asyncapi import document, message_name
from shared.openapi.event_models import RequestedData
from tests.builders import record
from tests.contract.test_event_docs import EVENTS, NO_DATA, TRACE, example
from tests.contract.world import World

DOCUMENT = document()
MESSAGES = {message_name(event_type): event for event_type, event in EVENT_TYPES.items()}
HEADINGS = {"requested": "## Requested", "completed": "## Completed", "failed": "## Failed"}


def resolved(reference: str) -> Any:
    target: Any = DOCUMENT
    for name in reference.removeprefix("#/").split("/"):
        target = target[name]
    return target


def references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        yield from (text for name, text in part.items() if name == "$ref")
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for item in part:
            yield from references(item)


def validate(name: str, payload: object, headers: object) -> None:
    message = DOCUMENT["components"]["messages"][name]
    schema = {**message["payload"], "components": DOCUMENT["components"]}
    Draft202012Validator(schema).validate(payload)
    Draft202012Validator(message["headers"]).validate(headers)


def test_references_resolve_and_each_message_has_an_operation() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert all(resolved(reference) for reference in references(DOCUMENT))
    referenced = [ref["$ref"] for operation in DOCUMENT["operations"].values() for ref in operation["messages"]]
    assert {reference.rsplit("/", 1)[-1] for reference in referenced} == set(MESSAGES) == set(HEADINGS)


@pytest.mark.parametrize(("name", "heading"), HEADINGS.items())
def test_sent_event_is_valid_and_equals_example(name: str, heading: str) -> None:
    event = EVENTS[heading]
    headers, body = events.encode_binary(event)
    validate(name, json.loads(body), headers)
    example_headers, example_body = example(heading)
    (document_example,) = DOCUMENT["components"]["messages"][name]["examples"]
    assert json.loads(example_body) == document_example["payload"] == json.loads(body)
    assert (example_headers["ce-type"], example_headers["ce-source"]) == MESSAGES[name][:2]


def test_failed_event_without_error_code_is_invalid() -> None:
    _, body = events.encode_binary(events.outcome_event(record(status=Status.FAILED, **NO_DATA), TRACE))
    payload = json.loads(body)
    del payload["error_code"]
    with pytest.raises(ValidationError):
        validate("failed", payload, {})


@pytest.mark.parametrize(
    "payload",
    [
        {"date": "2026-01-25"},
        {"date": "2026-01-25", "device_id": None, "home": {"latitude": 1, "longitude": 2, "name": "x"}, "later": 1},
        {"date": "2026-1-25"},
        {"device_id": "garmin"},
        {"date": "2026-01-25", "device_id": "a..b"},
        {"date": "2026-01-25", "job_id": "none"},
        {"date": "2026-01-25", "home": {"latitude": 91, "longitude": 0}},
        {"date": "2026-01-25", "away_threshold_km": -1},
        {"date": "2026-01-25", "analysis": {"dwell_fixes": 3, "gap_seconds": None, "away_threshold_km": "1"}},
        {"date": "2026-01-25", "analysis": {"dwell_fixes": 0}},
        {"date": "2026-01-25", "analysis": {"max_accuracy_m": 0}},
        {"date": "2026-01-25", "analysis": 1},
    ],
)
def test_calculate_accepts_what_the_schema_accepts(payload: dict[str, Any]) -> None:
    schema = {"$ref": f"#/components/schemas/{RequestedData.__name__}", "components": DOCUMENT["components"]}
    formats = Draft202012Validator.FORMAT_CHECKER
    valid = Draft202012Validator(schema, format_checker=formats).is_valid(payload)
    event = CloudEvent({"type": events.REQUESTED, "source": "/night-shift", "id": "1"}, payload)
    headers, body = to_structured(event)
    rejected = World().client(1).post("/", data=body, headers=headers).status_code == 400
    assert rejected is not valid
