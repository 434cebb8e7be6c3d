"""The AsyncAPI document holds what is sent and what is taken, and its own references."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cloudevents.conversion import to_structured
from cloudevents.http import CloudEvent
from jsonschema import Draft202012Validator, ValidationError

from shared import events
from shared.models import RequestedData, Status
from shared.openapi.asyncapi import MESSAGES, document
from tests.builders import record
from tests.contract.test_event_docs import MADE, NO_DATA, TRACE, example
from tests.contract.world import World

DOCUMENT = document()
HEADINGS = {"requested": "## Requested", "completed": "## Completed", "failed": "## Failed"}


def resolved(reference: str) -> Any:
    found: Any = DOCUMENT
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return found


def references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        yield from (text for name, text in part.items() if name == "$ref")
        for each in part.values():
            yield from references(each)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def valid(name: str, payload: object, headers: object) -> None:
    message = DOCUMENT["components"]["messages"][name]
    whole = {**message["payload"], "components": DOCUMENT["components"]}
    Draft202012Validator(whole).validate(payload)
    Draft202012Validator(message["headers"]).validate(headers)


def test_every_reference_leads_somewhere_and_every_message_is_somebodys() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert all(resolved(reference) for reference in references(DOCUMENT))
    told = [one["$ref"] for operation in DOCUMENT["operations"].values() for one in operation["messages"]]
    assert {reference.rsplit("/", 1)[-1] for reference in told} == set(MESSAGES) == set(HEADINGS)


@pytest.mark.parametrize(("name", "heading"), HEADINGS.items())
def test_what_is_sent_is_valid_and_is_the_example(name: str, heading: str) -> None:
    event = MADE[heading]
    headers, body = events.binary(event)
    valid(name, json.loads(body), headers)
    sent, shown = example(heading)
    (example_of_it,) = DOCUMENT["components"]["messages"][name]["examples"]
    assert json.loads(shown) == example_of_it["payload"] == json.loads(body)
    assert (sent["ce-type"], sent["ce-source"]) == (MESSAGES[name].kind, MESSAGES[name].source)


def test_a_failed_event_without_its_reason_is_not_valid() -> None:
    _, body = events.binary(events.outcome(record(status=Status.FAILED, **NO_DATA), TRACE))
    payload = json.loads(body)
    del payload["error_code"]
    with pytest.raises(ValidationError):
        valid("failed", payload, {})


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
    ],
)
def test_what_is_taken_is_what_the_schema_takes(payload: dict[str, Any]) -> None:
    schema = {"$ref": f"#/components/schemas/{RequestedData.__name__}", "components": DOCUMENT["components"]}
    formats = Draft202012Validator.FORMAT_CHECKER
    allowed = Draft202012Validator(schema, format_checker=formats).is_valid(payload)
    event = CloudEvent({"type": events.REQUESTED, "source": "/night-shift", "id": "1"}, payload)
    headers, body = to_structured(event)
    refused = World().client(1).post("/", data=body, headers=headers).status_code == 400
    assert refused is not allowed
