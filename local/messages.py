"""A CloudEvent on its way through the broker: in binary mode, as Knative's brokers send it, whichever it came in."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from cloudevents.exceptions import GenericException
from cloudevents.http import from_http

# What a header of binary mode holds as it is (CloudEvents HTTP binding 3.1.3.2); the rest is percent-encoded.
_PLAIN = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
_TRACE = ("traceparent", "tracestate")


class NotAnEvent(Exception):
    """The request or reply is no CloudEvent."""


@dataclass(frozen=True)
class Message:
    """Header names are in lower case; only the event's own headers and its trace are kept, no credentials."""

    headers: Mapping[str, str]
    body: bytes
    type: str

    def with_extensions(self, extensions: Mapping[str, str]) -> "Message":
        """The same event with more attributes."""
        return replace(self, headers={**self.headers, **{f"ce-{name}": text for name, text in extensions.items()}})

    def in_trace_of(self, cause: "Message") -> "Message":
        """The same event, in the trace of `cause` if it names none itself."""
        if "traceparent" in self.headers:
            return self
        return replace(self, headers={**_trace(cause.headers), **self.headers})


def message(headers: Mapping[str, str], body: bytes) -> Message:
    """The event of a request or reply, or NotAnEvent."""
    lower = {name.lower(): text for name, text in headers.items()}
    if not claims(lower):
        raise NotAnEvent("neither binary nor structured mode")
    try:
        event = from_http(lower, body, data_unmarshaller=lambda data: data)
        for name in ("id", "source", "type"):
            if not isinstance(event.get(name), str) or not event.get(name):
                raise NotAnEvent(name)
        if _binary(lower):
            own = {name: text for name, text in lower.items() if name == "content-type" or name.startswith("ce-")}
        else:
            own, body = _opened(json.loads(body))
    except (GenericException, ValueError, TypeError, AttributeError, RecursionError) as exc:
        raise NotAnEvent(type(exc).__name__) from exc
    return Message({**_trace(lower), **own}, body, str(event["type"]))


def claims(headers: Mapping[str, str]) -> bool:
    """Whether a request or reply says that it is an event."""
    lower = {name.lower(): text for name, text in headers.items()}
    return _binary(lower) or _structured(lower)


def _trace(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in _TRACE if name in headers}


def _binary(headers: Mapping[str, str]) -> bool:
    return "ce-specversion" in headers


def _structured(headers: Mapping[str, str]) -> bool:
    return headers.get("content-type", "").lower().startswith("application/cloudevents+json")


def _opened(envelope: dict[str, Any]) -> tuple[dict[str, str], bytes]:
    """Headers and body that say in binary mode what the envelope does; ValueError where HTTP can't carry it."""
    data, packed = envelope.pop("data", None), envelope.pop("data_base64", None)
    kind = envelope.pop("datacontenttype", None)
    headers = dict(_header(name, value) for name, value in envelope.items() if value is not None)
    if kind is not None:
        if not kind.isascii() or not kind.isprintable():
            raise ValueError(kind)
        headers["content-type"] = kind
    if packed is not None:
        return headers, base64.b64decode(packed, validate=True)
    if data is None:
        return headers, b""
    is_text = isinstance(data, str) and kind is not None and "json" not in kind
    return headers, (data if is_text else json.dumps(data)).encode()


def _header(name: str, value: object) -> tuple[str, str]:
    if not name.isascii() or not name.isalnum() or not isinstance(value, str | int):
        raise ValueError(name)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"ce-{name.lower()}", quote(text, safe=_PLAIN)
