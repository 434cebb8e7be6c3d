"""Types and fields that the models of requests, responses and events share.

pydantic takes long to import. Only the documents of the API need it, and are imported when they are requested.
"""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from shared.models import DEVICE_ID, JOB_ID, parse_day, parse_device_id, parse_job_id, rfc3339

Day = Annotated[date, BeforeValidator(parse_day)]
DeviceId = Annotated[str, AfterValidator(parse_device_id), WithJsonSchema({"type": "string", "pattern": DEVICE_ID})]
JobId = Annotated[str, AfterValidator(parse_job_id), WithJsonSchema({"type": "string", "pattern": JOB_ID})]
Instant = Annotated[datetime, PlainSerializer(rfc3339, when_used="json")]
CsvSizeBytes = Annotated[int, Field(description="Size of the CSV in bytes")]
ProcessingTimeMs = Annotated[int, Field(description="Duration of the calculation, in milliseconds")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


def _adapt_schema(schema: dict[str, Any]) -> None:
    """Remove null from optional fields, which are omitted instead, and allow fields of later versions."""
    schema.pop("additionalProperties", None)
    for name, field in schema["properties"].items():
        if name in schema.get("required", ()):
            continue
        field.pop("default", None)
        types = [option for option in field.pop("anyOf", ()) if option != {"type": "null"}]
        field.update({"anyOf": types} if len(types) > 1 else dict(*types))


class ResponseBody(BaseModel):
    """Base class of response bodies. A field that is not set is omitted."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, json_schema_extra=_adapt_schema)


class StatisticsFields(BaseModel):
    """The fields of shared.models.DayStatistics, with their descriptions."""

    model_config = ConfigDict(frozen=True, defer_build=True)
    total_distance_km: float = Field(description="Sum of the distances from home over all fixes, in kilometres")
    total_locations: int = Field(description="Number of usable fixes")
    max_distance_km: float = Field(description="Maximum distance from home, in kilometres")
    min_distance_km: float = Field(description="Minimum distance from home, in kilometres")
    avg_distance_km: float = Field(description="Average distance from home over all fixes, in kilometres")
    path_length_km: float = Field(description="Path length, for each device separately, in kilometres")
    away_minutes: float = Field(description="Time away from home, for each device separately, in minutes")
    rejected_locations: int = Field(description="Number of fixes without a valid position")


class ResultFields(StatisticsFields):
    """The fields of shared.models.Result without the analysis, with their descriptions."""

    csv_path: str = Field(description="Key of the CSV in its bucket")
    csv_size_bytes: CsvSizeBytes
    csv_sha256: Sha256 | None = None
    processing_time_ms: ProcessingTimeMs
    worker_version: str | None = Field(
        default=None, description="Release of otel-worker that calculated the job; null for early records"
    )
