"""CloudEvents in transit: parsed from binary or structured mode, sent on in binary mode as Knative's brokers do."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from cloudevents.exceptions import GenericException
from cloudevents.http import from_http

# Characters that a binary-mode header carries as they are (CloudEvents HTTP binding 3.1.3.2); others are
# percent-encoded.
_UNESCAPED = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
_TRACE_HEADERS = ("traceparent", "tracestate")


class InvalidEvent(Exception):
    """The request or reply is not a valid CloudEvent."""


@dataclass(frozen=True)
class Message:
    """A CloudEvent in binary mode.

    `headers` has lower-case names and contains only the event's attributes and its trace context, no credentials.
    """

    headers: Mapping[str, str]
    body: bytes
    type: str

    def with_extensions(self, extensions: Mapping[str, str]) -> "Message":
        """Return a copy with additional attributes."""
        return replace(self, headers={**self.headers, **{f"ce-{name}": text for name, text in extensions.items()}})

    def with_default_trace(self, cause: "Message") -> "Message":
        """Return a copy with the trace context of `cause`, or this message if it has its own."""
        if "traceparent" in self.headers:
            return self
        return replace(self, headers={**_trace_headers(cause.headers), **self.headers})


def parse_message(headers: Mapping[str, str], body: bytes) -> Message:
    """Return the event of a request or reply; raises InvalidEvent."""
    lower = {name.lower(): text for name, text in headers.items()}
    if not has_cloudevent_headers(lower):
        raise InvalidEvent("neither binary nor structured mode")
    try:
        event = from_http(lower, body, data_unmarshaller=lambda data: data)
        for name in ("id", "source", "type"):
            if not isinstance(event.get(name), str) or not event.get(name):
                raise InvalidEvent(name)
        if _is_binary(lower):
            attributes = {
                name: text for name, text in lower.items() if name == "content-type" or name.startswith("ce-")
            }
        else:
            attributes, body = _to_binary(json.loads(body))
    except (GenericException, ValueError, TypeError, AttributeError, RecursionError) as exc:
        raise InvalidEvent(type(exc).__name__) from exc
    return Message({**_trace_headers(lower), **attributes}, body, str(event["type"]))


def has_cloudevent_headers(headers: Mapping[str, str]) -> bool:
    """Return whether the headers declare a CloudEvent, valid or not."""
    lower = {name.lower(): text for name, text in headers.items()}
    return _is_binary(lower) or _is_structured(lower)


def _trace_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in _TRACE_HEADERS if name in headers}


def _is_binary(headers: Mapping[str, str]) -> bool:
    return "ce-specversion" in headers


def _is_structured(headers: Mapping[str, str]) -> bool:
    return headers.get("content-type", "").lower().startswith("application/cloudevents+json")


def _to_binary(envelope: dict[str, Any]) -> tuple[dict[str, str], bytes]:
    """Convert a structured event to headers and body; ValueError if HTTP cannot carry it."""
    data, encoded = envelope.pop("data", None), envelope.pop("data_base64", None)
    content_type = envelope.pop("datacontenttype", None)
    headers = dict(_header(name, value) for name, value in envelope.items() if value is not None)
    if content_type is not None:
        if not content_type.isascii() or not content_type.isprintable():
            raise ValueError(content_type)
        headers["content-type"] = content_type
    if encoded is not None:
        return headers, base64.b64decode(encoded, validate=True)
    if data is None:
        return headers, b""
    is_text = isinstance(data, str) and content_type is not None and "json" not in content_type
    return headers, (data if is_text else json.dumps(data)).encode()


def _header(name: str, value: object) -> tuple[str, str]:
    if not name.isascii() or not name.isalnum() or not isinstance(value, str | int):
        raise ValueError(name)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"ce-{name.lower()}", quote(text, safe=_UNESCAPED)
