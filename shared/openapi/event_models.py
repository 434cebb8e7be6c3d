"""The data of events, for the AsyncAPI document."""

from pydantic import BaseModel, ConfigDict

from shared.event_types import COMPLETED, FAILED, REQUESTED
from shared.openapi.analysis_models import AnalysisParameters
from shared.openapi.fields import Day, DeviceId, JobId, ResultFields
from shared.openapi.request_models import Home, Submission


class EventHome(Home):
    """The home in an event. Unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore")


class EventAnalysisParameters(AnalysisParameters):
    """Parameters of the analysis in an event. Unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore")


class RequestedData(Submission):
    """The data of a request event: a submission, with a job ID if submit published it. Unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore")
    job_id: JobId | None = None
    home: EventHome | None = None
    analysis: EventAnalysisParameters | None = None


class CompletedData(ResultFields):
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


EVENT_DATA: dict[str, type[BaseModel]] = {REQUESTED: RequestedData, COMPLETED: CompletedData, FAILED: FailedData}
