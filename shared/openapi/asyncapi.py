"""The AsyncAPI 3.0 document of the events, from the models of their data."""

import functools
from typing import Any

from shared.event_types import EVENT_TYPES, REQUESTED, EventType
from shared.openapi import schemas
from shared.openapi.event_models import EVENT_DATA
from shared.openapi.examples import example
from shared.version import VERSION

_DESCRIPTION = """\
Three types of CloudEvents 1.0 over HTTP, in binary or structured mode. A duplicate has the same source and id. Headers
are those of binary mode. calculate replies to the broker with the outcome event. It publishes the outcome event of a
job that fails by a dead letter or by the sweep."""
_TRACE = {"type": "string", "description": "W3C trace context"}


def message_name(event_type: str) -> str:
    """Return the name of a message: "requested" for otelworker.distance.requested.v1."""
    return event_type.split(".")[2]


@functools.cache
def document() -> dict[str, Any]:
    """Return the document. The caller must not modify it."""
    messages = {message_name(event_type): _message(event) for event_type, event in EVENT_TYPES.items()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "otel-worker",
            "version": VERSION,
            "description": _DESCRIPTION,
            "license": {"name": "Apache 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "events": {
                "address": "/",
                "description": "The broker, and calculate, which receives request events from it",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
            }
        },
        "operations": {
            "calculate": _operation("receive", "calculate receives request events", "requested"),
            "request": _operation("send", "submit publishes the request event of a job", "requested"),
            "tell": _operation("send", "calculate publishes the outcome of a job", "completed", "failed"),
        },
        "components": {
            "messages": messages,
            "schemas": schemas.schemas_of(EVENT_DATA.values()),
        },
    }


def _operation(action: str, summary: str, *messages: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": "#/channels/events"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/events/messages/{name}"} for name in messages],
    }


def _message(event: EventType) -> dict[str, Any]:
    name = message_name(event.name)
    # Any producer may send a request event. Only calculate sends outcomes.
    source = {"type": "string", "minLength": 1} if event.name == REQUESTED else {"const": event.source}
    return {
        "name": event.name,
        "title": name,
        "summary": event.summary,
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "required": ["ce-specversion", "ce-type", "ce-source", "ce-id"],
            "properties": {
                "ce-specversion": {"const": "1.0"},
                "ce-type": {"const": event.name},
                "ce-source": source,
                "ce-id": {"type": "string", "minLength": 1},
                "ce-subject": {"type": "string", "description": "ID of the job"},
                "ce-time": {"type": "string", "format": "date-time"},
                "ce-traceparent": _TRACE,
                "traceparent": _TRACE,
            },
        },
        "payload": schemas.ref(EVENT_DATA[event.name]),
        "examples": [{"name": name, "payload": example(name, "event")}],
    }
