"""Requests and responses of handlers, independent of the web framework."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug.datastructures import MultiDict

from shared.telemetry.context import Trace


@dataclass(frozen=True)
class Request:
    """An HTTP request: path variables, query, headers (names in lower case), body, trace and method."""

    path: Mapping[str, str]
    query: MultiDict[str, str]
    headers: Mapping[str, str]
    body: bytes
    trace: Trace
    method: str = "GET"


@dataclass(frozen=True)
class Response:
    """An HTTP response. A mapping is serialized as JSON, bytes are sent unchanged."""

    status: int
    body: Mapping[str, Any] | bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Response]
