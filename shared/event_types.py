"""The types of CloudEvents that otel-worker sends and receives, and the schemas of their data.

Producer, metric labels and the AsyncAPI document derive from this table.
"""

from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from shared.models import Day, DeviceId, Home, JobId, Result, Submission


class EventHome(Home):
    """The home in an event. Unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore")


class RequestedData(Submission):
    """The data of a request event: a submission, with a job ID if submit published it. Unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore")
    job_id: JobId | None = None
    home: EventHome | None = None


class CompletedData(Result):
    """The data of a completed event."""

    job_id: JobId
    date: Day
    device_id: DeviceId


class FailedData(BaseModel):
    """The data of a failed event."""

    model_config = ConfigDict(frozen=True, defer_build=True)
    job_id: JobId
    date: Day
    device_id: DeviceId
    error_code: str
    error_message: str


class EventType(NamedTuple):
    """A type of event: the value of `type` (`name`), the `source` of those that otel-worker sends, and its data."""

    name: str
    source: str
    data: type[BaseModel]
    summary: str


_SUBMIT, _CALCULATE = "/otel-worker/submit", "/otel-worker/calculate"
_TYPES = (
    EventType("otelworker.distance.requested.v1", _SUBMIT, RequestedData, "Calculate a day; any producer may send it"),
    EventType("otelworker.distance.completed.v1", _CALCULATE, CompletedData, "The statistics of a day and its CSV key"),
    EventType("otelworker.distance.failed.v1", _CALCULATE, FailedData, "The reason why a job failed"),
)
EVENT_TYPES = {event.name: event for event in _TYPES}
REQUESTED, COMPLETED, FAILED = EVENT_TYPES
