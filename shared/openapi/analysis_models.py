"""The analysis of a day: its parameters in requests, and its document in results (docs/concepts/day-analysis.md)."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.analysis_parameters import BOUNDS
from shared.openapi.fields import Instant, ResponseBody

HomeRadiusKm = Annotated[float, Field(allow_inf_nan=False, **BOUNDS["home_radius_km"])]
DwellSeconds = Annotated[float, Field(allow_inf_nan=False, **BOUNDS["dwell_seconds"])]
DwellFixes = Annotated[int, Field(**BOUNDS["dwell_fixes"])]
GapSeconds = Annotated[float, Field(allow_inf_nan=False, **BOUNDS["gap_seconds"])]
MaxAccuracyM = Annotated[float, Field(allow_inf_nan=False, **BOUNDS["max_accuracy_m"])]
JumpSpeedKmh = Annotated[float, Field(allow_inf_nan=False, **BOUNDS["jump_speed_kmh"])]
Count = Annotated[int, Field(ge=0)]
Kilometres = Annotated[float, Field(ge=0)]
Minutes = Annotated[float, Field(ge=0)]


class AnalysisParameters(BaseModel):
    """Parameters of the analysis. The settings provide the values of absent ones."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", defer_build=True)
    home_radius_km: HomeRadiusKm | None = Field(default=None, description="Default HOME_RADIUS_KM")
    dwell_seconds: DwellSeconds | None = Field(default=None, description="Default DWELL_SECONDS")
    dwell_fixes: DwellFixes | None = Field(default=None, description="Default DWELL_FIXES")
    gap_seconds: GapSeconds | None = Field(default=None, description="Default GAP_SECONDS")
    max_accuracy_m: MaxAccuracyM | None = Field(default=None, description="Default MAX_ACCURACY_M")
    jump_speed_kmh: JumpSpeedKmh | None = Field(default=None, description="Default JUMP_SPEED_KMH")


class AppliedParameters(ResponseBody):
    """The parameters that an analysis was made with."""

    home_radius_km: HomeRadiusKm = Field(description="Radius of home in kilometres, at most away_threshold_km")
    away_threshold_km: Kilometres = Field(description="Home threshold in kilometres")
    dwell_seconds: DwellSeconds = Field(description="Dwell time in seconds")
    dwell_fixes: DwellFixes = Field(description="Number of fixes that confirm a state after the dwell time")
    gap_seconds: GapSeconds = Field(description="Maximum interval between two fixes that is no gap, in seconds")
    max_accuracy_m: MaxAccuracyM = Field(description="Accuracy beyond which a fix is rejected, in metres")
    jump_speed_kmh: JumpSpeedKmh = Field(description="Speed beyond which a fix is a jump, in km/h")
    day_column: Literal["created_at", "timestamp"] = Field(description="Column that selects the fixes of the day")


class RejectedFixes(ResponseBody):
    """The number of rejected fixes by reason. A reason that did not occur is omitted."""

    missing: Count | None = Field(default=None, description="Latitude or longitude is missing")
    out_of_range: Count | None = Field(default=None, description="Latitude or longitude is out of range")
    null_island: Count | None = Field(default=None, description="Latitude and longitude are 0")
    invalid_accuracy: Count | None = Field(default=None, description="The accuracy is negative")
    inaccurate: Count | None = Field(default=None, description="The accuracy exceeds max_accuracy_m")
    outside_window: Count | None = Field(default=None, description="The time of the fix is outside the window")
    duplicate: Count | None = Field(default=None, description="The time equals that of the previous fix")
    out_of_order: Count | None = Field(default=None, description="The time is before that of the previous fix")
    jump: Count | None = Field(default=None, description="The fix implies an impossible detour")


class FixCounts(ResponseBody):
    """The number of fixes of a device."""

    read: Count = Field(description="Number of fixes in the database")
    usable: Count = Field(description="Number of fixes that the analysis uses")
    rejected: RejectedFixes


class DistancesFromHome(ResponseBody):
    """Distances of a device from home, in kilometres; null without usable fixes."""

    median: Kilometres | None = Field(description="Median over the usable fixes")
    p95: Kilometres | None = Field(description="95th percentile over the usable fixes")
    time_median: Kilometres | None = Field(description="Median over the known time")
    time_p95: Kilometres | None = Field(description="95th percentile over the known time")
    time_weighted_mean: Kilometres | None = Field(description="Mean over the known time")
    farthest: Kilometres | None = Field(description="Distance of the farthest fix, selected by distance less accuracy")
    farthest_at: Instant | None = Field(description="Time of the farthest fix")


class PathLengths(ResponseBody):
    """Lengths of the path of a device, in kilometres."""

    robust: Kilometres = Field(description="Without the movement within the accuracy of the fixes")
    raw: Kilometres = Field(description="Sum of the distances between consecutive usable fixes")
    across_gaps: Kilometres = Field(description="Part of raw that is across gaps")


class Trip(ResponseBody):
    """A trip: from a departure from home to the return, as far as it is in the window.

    The times of a departure or return that is not in the window are null.
    """

    departed_after: Instant | None = Field(description="Time of the last fix before the trip")
    departed_at: Instant | None = Field(description="Time of the first fix of the trip")
    returned_after: Instant | None = Field(description="Time of the last fix of the trip")
    returned_at: Instant | None = Field(description="Time of the first fix after the trip")
    minutes: Minutes = Field(description="Duration")
    unknown_minutes: Minutes = Field(description="Part of the duration that is in gaps")
    farthest_km: Kilometres | None = Field(description="Distance of the farthest fix from home")
    farthest_at: Instant | None = Field(description="Time of the farthest fix")
    path_length_km: Kilometres = Field(description="Length of the robust path")


class Gap(ResponseBody):
    """An interval between consecutive fixes that is longer than gap_seconds, as far as it is in the window."""

    model_config = ConfigDict(serialize_by_alias=True)
    start: Instant = Field(alias="from", description="Start of the gap")
    end: Instant = Field(alias="to", description="End of the gap")
    minutes: Minutes = Field(description="Duration")
    counted_as: Literal["unknown", "home", "away"] = Field(description="State that the time of the gap counts for")


class _DeviceFields(ResponseBody):
    device_id: str
    fixes: FixCounts
    first_fix_at: Instant | None = Field(description="Time of the first usable fix; null without usable fixes")
    last_fix_at: Instant | None = Field(description="Time of the last usable fix; null without usable fixes")
    window_minutes: Minutes = Field(description="Duration of the window")
    home_minutes: Minutes = Field(description="Time at home")
    away_minutes: Minutes = Field(description="Time away from home")
    unknown_minutes: Minutes = Field(description="Time for which the state is unknown")
    inferred_minutes: Minutes = Field(description="Part of home_minutes and away_minutes that is in gaps")
    coverage: float | None = Field(
        ge=0, le=1, description="Tracking coverage: known share of the window; null for a window of no length"
    )
    distance_from_home_km: DistancesFromHome
    path_length_km: PathLengths
    trip_count: Count = Field(description="Number of all trips")


class DeviceSummary(_DeviceFields):
    """The analysis of one device without its trips and gaps."""

    gap_count: Count = Field(description="Number of all gaps")


class DeviceAnalysis(_DeviceFields):
    """The analysis of one device."""

    trips: list[Trip] = Field(description="The longest trips, at most 100, in order of time")
    gap_count: Count = Field(description="Number of all gaps")
    gaps: list[Gap] = Field(description="The longest gaps, at most 100, in order of time")


class Analysis(ResponseBody):
    """The analysis of a day: for each device the time at home and away, trips, gaps and distances.

    Of all devices together it contains at most the 1,000 longest trips and gaps.
    """

    method: int = Field(description="Version of the method of analysis: 1")
    parameters: AppliedParameters
    window_start: Instant = Field(description="Start of the day")
    window_end: Instant = Field(description="End of the day, or time of the submission if that is earlier")
    device_count: Count = Field(description="Number of all devices with fixes")
    devices: list[DeviceAnalysis] = Field(description="Devices in order of their ids, at most 100")
