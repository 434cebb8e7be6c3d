"""The events: AsyncAPI 3.0, from the models of their data."""

import functools
from typing import Any, NamedTuple

from pydantic import BaseModel

from shared.events import COMPLETED, FAILED, REQUESTED
from shared.models import CompletedData, FailedData, RequestedData
from shared.openapi import schemas
from shared.openapi.examples import example
from shared.version import VERSION

_ABOUT = """\
Three CloudEvents 1.0 over HTTP, in binary or structured mode. A repeat has the same source and id. Headers are those of
binary mode. calculate replies to the broker with outcomes; for a job that a dead letter or the sweep fails, it
publishes one."""
_SUBMIT, _CALCULATE = "/otel-worker/submit", "/otel-worker/calculate"


class Message(NamedTuple):
    """One type of event: its data, and the source that we send it with."""

    kind: str
    data: type[BaseModel]
    source: str
    summary: str


MESSAGES = {
    "requested": Message(REQUESTED, RequestedData, _SUBMIT, "Calculate this day; any producer may send it"),
    "completed": Message(COMPLETED, CompletedData, _CALCULATE, "The numbers of a day, and the key of its CSV"),
    "failed": Message(FAILED, FailedData, _CALCULATE, "Why a day has no numbers"),
}
_TRACE = {"type": "string", "description": "W3C trace context"}


@functools.cache
def document() -> dict[str, Any]:
    """The whole; not to be changed."""
    messages = {name: _message(name, one) for name, one in MESSAGES.items()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "otel-worker",
            "version": VERSION,
            "description": _ABOUT,
            "license": {"name": "Apache 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "events": {
                "address": "/",
                "description": "The broker; and calculate, to which it delivers what is requested",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
            }
        },
        "operations": {
            "calculate": _operation("receive", "calculate takes what is requested", "requested"),
            "request": _operation("send", "submit requests the day of a new job", "requested"),
            "tell": _operation("send", "calculate tells how a job ended", "completed", "failed"),
        },
        "components": {"messages": messages, "schemas": schemas.of(one.data for one in MESSAGES.values())},
    }


def _operation(action: str, summary: str, *messages: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": "#/channels/events"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/events/messages/{name}"} for name in messages],
    }


def _message(name: str, one: Message) -> dict[str, Any]:
    # Whoever requests says where from; outcomes are calculate's alone.
    source = {"type": "string", "minLength": 1} if name == "requested" else {"const": one.source}
    return {
        "name": one.kind,
        "title": name,
        "summary": one.summary,
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "required": ["ce-specversion", "ce-type", "ce-source", "ce-id"],
            "properties": {
                "ce-specversion": {"const": "1.0"},
                "ce-type": {"const": one.kind},
                "ce-source": source,
                "ce-id": {"type": "string", "minLength": 1},
                "ce-subject": {"type": "string", "description": "The job's id"},
                "ce-time": {"type": "string", "format": "date-time"},
                "ce-traceparent": _TRACE,
                "traceparent": _TRACE,
            },
        },
        "payload": schemas.ref(one.data),
        "examples": [{"name": name, "payload": example(name, "event")}],
    }
