"""The input of an analysis: the rows of a day, the rows around it, and the parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.unit.analysis import reference
from tests.unit.analysis.places import HOME, Position
from tests.unit.analysis.reference import Row

DEFAULTS: Mapping[str, Any] = {
    "home_radius_km": 0.3,
    "dwell_seconds": 180,
    "dwell_fixes": 2,
    "gap_seconds": 1_800,
    "max_accuracy_m": 10_000,
    "jump_speed_kmh": 300,
}


@dataclass(frozen=True, kw_only=True)
class Day:
    """Rows in the order of the job, and what else the analysis depends on; `window` is in microseconds since 1970."""

    rows: Sequence[Row]
    before: Sequence[Row] = ()
    after: Sequence[Row] = ()
    window: tuple[int, int]
    home: Position = HOME
    away_threshold_km: float = 0.5
    parameters: Mapping[str, Any] = field(default_factory=dict)  # those that are not the defaults
    day_column: str = "timestamp"

    @property
    def all_parameters(self) -> dict[str, Any]:
        return {**DEFAULTS, **self.parameters}

    def analyse_by_reference(self) -> dict[str, Any]:
        return reference.analyse(
            self.rows,
            self.before,
            self.after,
            home=self.home,
            away_threshold_km=self.away_threshold_km,
            parameters=self.all_parameters,
            window=self.window,
            day_column=self.day_column,
        )

    def context_fixes(self) -> tuple[dict[str, reference.Fix], dict[str, reference.Fix]]:
        """Return the context fix of each device before the window, and after it."""
        return reference.context_fixes(self.before, self.after, self.window, self.all_parameters)
