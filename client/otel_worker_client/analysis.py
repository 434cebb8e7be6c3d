"""The analysis of a day as dataclasses: the time at home and away, trips, gaps and distances of each device.

Times are aware datetimes, durations are minutes, and distances are kilometres.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from otel_worker_client.json_models import JsonModel


@dataclass(frozen=True)
class AnalysisParameters(JsonModel):
    """The parameters that an analysis was made with."""

    home_radius_km: float
    away_threshold_km: float
    dwell_seconds: float
    dwell_fixes: int
    gap_seconds: float
    max_accuracy_m: float
    jump_speed_kmh: float
    day_column: str


@dataclass(frozen=True)
class FixCounts(JsonModel):
    """The number of fixes of a device; `rejected` has the number for each reason that occurred."""

    read: int
    usable: int
    rejected: Mapping[str, int]


@dataclass(frozen=True)
class DistancesFromHome(JsonModel):
    """Distances of a device from home; None without usable fixes."""

    median: float | None
    p95: float | None
    time_median: float | None
    time_p95: float | None
    time_weighted_mean: float | None
    farthest: float | None
    farthest_at: datetime | None


@dataclass(frozen=True)
class PathLengths(JsonModel):
    """Lengths of the path of a device; `robust` is without the movement within the accuracy of the fixes."""

    robust: float
    raw: float
    across_gaps: float  # the part of `raw` that is across gaps


@dataclass(frozen=True)
class Trip(JsonModel):
    """A trip as far as it is in the window; the times of a departure or return outside it are None."""

    departed_after: datetime | None  # the last fix before the trip
    departed_at: datetime | None  # the first fix of the trip
    returned_after: datetime | None  # the last fix of the trip
    returned_at: datetime | None  # the first fix after the trip
    minutes: float
    unknown_minutes: float  # the part of `minutes` that is in gaps
    farthest_km: float | None
    farthest_at: datetime | None
    path_length_km: float


@dataclass(frozen=True)
class Gap(JsonModel, attributes={"from": "start", "to": "end"}):
    """An interval without fixes; `counted_as` is "unknown", "home" or "away"."""

    start: datetime
    end: datetime
    minutes: float
    counted_as: str


@dataclass(frozen=True)
class DeviceSummary(
    JsonModel,
    objects={"fixes": FixCounts, "distance_from_home_km": DistancesFromHome, "path_length_km": PathLengths},
):
    """The analysis of one device without its trips and gaps."""

    device_id: str
    fixes: FixCounts
    first_fix_at: datetime | None
    last_fix_at: datetime | None
    window_minutes: float
    home_minutes: float
    away_minutes: float
    unknown_minutes: float
    inferred_minutes: float  # the part of `home_minutes` and `away_minutes` that is in gaps
    coverage: float | None  # known share of the window, 0 to 1; None for a window of no length
    distance_from_home_km: DistancesFromHome
    path_length_km: PathLengths
    trip_count: int
    gap_count: int


@dataclass(frozen=True)
class DeviceAnalysis(DeviceSummary, arrays={"trips": Trip, "gaps": Gap}):
    """The analysis of one device; the counts include trips and gaps that are not shown."""

    trips: tuple[Trip, ...]
    gaps: tuple[Gap, ...]


@dataclass(frozen=True)
class Analysis(JsonModel, objects={"parameters": AnalysisParameters}, arrays={"devices": DeviceAnalysis}):
    """The analysis of a day; `device_count` includes devices that are not shown."""

    method: int
    parameters: AnalysisParameters
    window_start: datetime
    window_end: datetime
    device_count: int
    devices: tuple[DeviceAnalysis, ...]
