"""Requests, as shared/http/service.py hands them to handlers."""

from collections.abc import Mapping

from werkzeug.datastructures import MultiDict

from shared.http.messages import Request
from shared.telemetry.context import Trace
from tests.simulation.world import World


def call(
    world: World,
    *,
    path: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    trace: Trace | None = None,
) -> Request:
    """A request, in a new trace unless one is given."""
    trace = trace or Trace(f"{world.rng.getrandbits(128) | 1:032x}", f"{world.rng.getrandbits(64) | 1:016x}")
    return Request(path or {}, MultiDict(query or {}), headers or {}, body, trace)
