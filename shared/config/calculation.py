"""The settings of what a job calculates. submit resolves them into the task of a job."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from shared.analysis_parameters import BOUNDS
from shared.config import types
from shared.config.types import setting

if TYPE_CHECKING:
    from shared.models import AnalysisParameters, Home


@dataclass(frozen=True)
class CalculationSettings:
    """Home, the day, and the parameters of the analysis (docs/concepts/day-analysis.md)."""

    HOME_LATITUDE: float = setting(types.finite_number, 40.736097, "Latitude of home, in WGS84 degrees.", ge=-90, le=90)
    HOME_LONGITUDE: float = setting(
        types.finite_number, -74.039373, "Longitude of home, in WGS84 degrees.", ge=-180, le=180
    )
    AWAY_THRESHOLD_KM: float = setting(
        types.finite_number, 0.5, "Home threshold: a fix farther than this from home counts as away. Kilometres.", ge=0
    )
    DAY_TIMEZONE: str = setting(types.time_zone, "UTC", "Time zone in which a day begins and ends, an IANA name.")
    DAY_COLUMN: Literal["created_at", "timestamp"] = setting(
        types.choice("created_at", "timestamp"),
        "created_at",
        "Column that dates a fix: created_at (time of arrival, as in the older worker) or timestamp (time of the "
        "fix). DAY_COLUMN=timestamp is the better choice for a new installation.",
    )

    HOME_RADIUS_KM: float = setting(
        types.finite_number,
        0.3,
        "Distance from home within which a fix is evidence of being at home; AWAY_THRESHOLD_KM if that is less. "
        "Kilometres.",
        **BOUNDS["home_radius_km"],
    )
    DWELL_SECONDS: float = setting(
        types.finite_number,
        180.0,
        "Dwell time: how long evidence of a new state (home or away) must last before the state changes.",
        **BOUNDS["dwell_seconds"],
    )
    DWELL_FIXES: int = setting(
        types.whole_number,
        2,
        "Number of fixes with evidence of a new state that change the state after DWELL_SECONDS.",
        **BOUNDS["dwell_fixes"],
    )
    GAP_SECONDS: float = setting(
        types.finite_number,
        1_800.0,
        "Maximum interval between two fixes of a device whose time is known. A longer one is a gap.",
        **BOUNDS["gap_seconds"],
    )
    MAX_ACCURACY_M: float = setting(
        types.finite_number,
        10_000.0,
        "Accuracy beyond which the analysis rejects a fix. Metres.",
        **BOUNDS["max_accuracy_m"],
    )
    JUMP_SPEED_KMH: float = setting(
        types.finite_number,
        300.0,
        "Speed of a detour to a single fix and back beyond which the analysis rejects the fix. Kilometres per hour.",
        **BOUNDS["jump_speed_kmh"],
    )

    @property
    def home(self) -> "Home":
        from shared.models import Home  # noqa: PLC0415 - status and list need no home

        return Home(latitude=self.HOME_LATITUDE, longitude=self.HOME_LONGITUDE)

    @property
    def analysis(self) -> "AnalysisParameters":
        from shared.models import AnalysisParameters  # noqa: PLC0415 - status and list need no parameters

        return AnalysisParameters(
            home_radius_km=self.HOME_RADIUS_KM,
            dwell_seconds=self.DWELL_SECONDS,
            dwell_fixes=self.DWELL_FIXES,
            gap_seconds=self.GAP_SECONDS,
            max_accuracy_m=self.MAX_ACCURACY_M,
            jump_speed_kmh=self.JUMP_SPEED_KMH,
        )
