"""A CloudEvent on its way through the broker: headers and body as they came, in binary or structured mode."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from cloudevents.conversion import to_binary
from cloudevents.exceptions import GenericException
from cloudevents.http import CloudEvent, from_http

# What a header of binary mode holds as it is (CloudEvents HTTP binding 3.1.3.2); the rest is percent-encoded.
_PLAIN = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
_CARRIED = ("content-type", "traceparent", "tracestate")


class NotAnEvent(Exception):
    """The request or reply is no CloudEvent."""


@dataclass(frozen=True)
class Message:
    """Header names are in lower case; only the event's own headers and its trace are kept, no credentials."""

    headers: Mapping[str, str]
    body: bytes
    type: str

    def with_extensions(self, extensions: Mapping[str, str]) -> "Message":
        """The same event with more attributes, in binary mode: only there are they added without touching the data."""
        headers, body = self.headers, self.body
        if not _binary(headers):
            trace = {name: text for name, text in headers.items() if name in _CARRIED[1:]}
            marshalled, body = to_binary(_event(headers, body), data_marshaller=lambda data: data or b"")
            headers = {name: quote(str(text), safe=_PLAIN) for name, text in marshalled.items()} | trace
        return Message({**headers, **{f"ce-{name}": text for name, text in extensions.items()}}, body, self.type)


def message(headers: Mapping[str, str], body: bytes) -> Message:
    """The event of a request or reply, or NotAnEvent."""
    lower = {name.lower(): text for name, text in headers.items()}
    event = _event(lower, body)
    for name in ("id", "source", "type"):
        if not isinstance(event.get(name), str) or not event.get(name):
            raise NotAnEvent(name)
    carried = {name: text for name, text in lower.items() if name in _CARRIED or name.startswith("ce-")}
    return Message(carried, body, str(event["type"]))


def _binary(headers: Mapping[str, str]) -> bool:
    return "ce-specversion" in headers


def _event(headers: Mapping[str, str], body: bytes) -> CloudEvent:
    structured = headers.get("content-type", "").lower().startswith("application/cloudevents+json")
    if not _binary(headers) and not structured:
        raise NotAnEvent("neither binary nor structured mode")
    try:
        return from_http(dict(headers), body, data_unmarshaller=lambda data: data)
    except (GenericException, ValueError, TypeError, AttributeError, RecursionError) as exc:
        raise NotAnEvent(type(exc).__name__) from exc
