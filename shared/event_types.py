"""The types of CloudEvents that otel-worker sends and receives; shared/openapi/event_models.py has their data.

Producer, metric labels and the AsyncAPI document derive from this table.
"""

from typing import NamedTuple


class EventType(NamedTuple):
    """A type of event: the value of `type` (`name`), and the `source` of those that otel-worker sends."""

    name: str
    source: str
    summary: str


_SUBMIT, _CALCULATE = "/otel-worker/submit", "/otel-worker/calculate"
_TYPES = (
    EventType("otelworker.distance.requested.v1", _SUBMIT, "Calculate a day; any producer may send it"),
    EventType("otelworker.distance.completed.v1", _CALCULATE, "The statistics of a day and its CSV key"),
    EventType("otelworker.distance.failed.v1", _CALCULATE, "The reason why a job failed"),
)
EVENT_TYPES = {event.name: event for event in _TYPES}
REQUESTED, COMPLETED, FAILED = EVENT_TYPES
