"""A request as handlers get it, and what they answer with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug.datastructures import MultiDict

from shared.telemetry.context import Trace


@dataclass(frozen=True)
class Call:
    """One request: the variables of its path, its query, headers (lower case), body, trace and method."""

    path: Mapping[str, str]
    query: MultiDict[str, str]
    headers: Mapping[str, str]
    body: bytes
    trace: Trace
    method: str = "GET"


@dataclass(frozen=True)
class Reply:
    """One answer; a mapping is sent as JSON, bytes as they are."""

    status: int
    body: Mapping[str, Any] | bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Reply]
