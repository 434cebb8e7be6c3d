"""Bodies of requests, for the OpenAPI document. shared/submissions.py parses them; a property test compares the two."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from shared.models import parse_time_zone
from shared.openapi.analysis_models import AnalysisParameters
from shared.openapi.fields import Day, DeviceId

TimeZoneName = Annotated[str, AfterValidator(parse_time_zone)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
ThresholdKm = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Home(BaseModel):
    """The reference location, in WGS84 degrees."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", defer_build=True)
    latitude: Latitude
    longitude: Longitude


def _allow_null(schema: dict[str, Any]) -> None:
    """Allow null, which means absent, as in the other optional fields."""
    string = {name: schema.pop(name) for name in ("type", "pattern")}
    schema["anyOf"] = [string, {"type": "null"}]


class Submission(BaseModel):
    """The body of a submission. The settings provide the values of absent fields."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", defer_build=True)
    date: Day = Field(description="Calendar day in the job's time zone; not in the future")
    device_id: DeviceId = Field(default="", description='"" selects all devices', json_schema_extra=_allow_null)
    timezone: TimeZoneName | None = Field(default=None, description="IANA time zone; default DAY_TIMEZONE")
    home: Home | None = Field(default=None, description="Default HOME_LATITUDE and HOME_LONGITUDE")
    away_threshold_km: ThresholdKm | None = Field(default=None, description="Default AWAY_THRESHOLD_KM")
    analysis: AnalysisParameters | None = Field(default=None, description="Parameters that differ from the settings")

    @model_validator(mode="before")
    @classmethod
    def _remove_nulls(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value is not None or key not in cls.model_fields}
