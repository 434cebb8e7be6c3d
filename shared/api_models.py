"""Models of requests, and the types and fields that requests, responses and events share.

Only submit, calculate and the documents of the API import this module: pydantic takes long to import.
`defer_build`: pydantic builds the validator of a model at its first use, so a function starts without the others.
"""

from datetime import date, datetime
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from shared.errors import InvalidRequest
from shared.models import (
    DEVICE_ID,
    FIELD_ERRORS,
    JOB_ID,
    parse_day,
    parse_device_id,
    parse_job_id,
    parse_time_zone,
    rfc3339,
)

M = TypeVar("M", bound=BaseModel)

Day = Annotated[date, BeforeValidator(parse_day)]
DeviceId = Annotated[str, AfterValidator(parse_device_id), WithJsonSchema({"type": "string", "pattern": DEVICE_ID})]
TimeZoneName = Annotated[str, AfterValidator(parse_time_zone)]
JobId = Annotated[str, AfterValidator(parse_job_id), WithJsonSchema({"type": "string", "pattern": JOB_ID})]
Instant = Annotated[datetime, PlainSerializer(rfc3339, when_used="json")]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
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

    @model_validator(mode="before")
    @classmethod
    def _remove_nulls(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value is not None or key not in cls.model_fields}


class ResultFields(BaseModel):
    """The fields of shared.models.Result, with their descriptions."""

    model_config = ConfigDict(frozen=True, defer_build=True)
    total_distance_km: float = Field(description="Sum of the distances from home over all fixes, in kilometres")
    total_locations: int = Field(description="Number of usable fixes")
    max_distance_km: float = Field(description="Maximum distance from home, in kilometres")
    min_distance_km: float = Field(description="Minimum distance from home, in kilometres")
    avg_distance_km: float = Field(description="Average distance from home over all fixes, in kilometres")
    path_length_km: float = Field(description="Path length, for each device separately, in kilometres")
    away_minutes: float = Field(description="Time away from home, for each device separately, in minutes")
    rejected_locations: int = Field(description="Number of fixes without a valid position")
    csv_path: str = Field(description="Key of the CSV in its bucket")
    csv_size_bytes: int = Field(description="Size of the CSV in bytes")
    csv_sha256: Sha256 | None = None
    processing_time_ms: int = Field(description="Duration of the calculation, in milliseconds")
    worker_version: str | None = Field(
        default=None, description="Release of otel-worker that calculated the job; null for early records"
    )


def parse(model: type[M], data: object) -> M:
    """Validate decoded JSON. Raises InvalidRequest with a message of the API's contract."""
    if not isinstance(data, dict):
        raise InvalidRequest("Request body must be a JSON object")
    try:
        return model.model_validate(data)
    except ValidationError as exc:
        raise _invalid(exc, data) from None


def _invalid(exc: ValidationError, data: dict[str, object]) -> InvalidRequest:
    errors = exc.errors(include_url=False, include_context=False)
    # Report a missing field first, an unknown field last.
    errors.sort(key=lambda error: {"missing": 0, "extra_forbidden": 2}.get(error["type"], 1))
    path = [str(part) for part in errors[0]["loc"]]
    field, error_type = ".".join(path), errors[0]["type"]
    if path[0] == "home":
        return InvalidRequest(FIELD_ERRORS["home"], field if field in ("home.latitude", "home.longitude") else "home")
    if error_type == "missing":
        return InvalidRequest(f"Missing required field: {field}", field)
    if error_type == "extra_forbidden":
        return InvalidRequest("Unknown field", field)  # its value may be a coordinate
    return InvalidRequest(FIELD_ERRORS[field], field, data[field])
