"""The bounds of the parameters of the analysis (docs/concepts/day-analysis.md), for settings, requests and records."""

import math
import sys
from collections.abc import Mapping
from typing import TypedDict


class Bounds(TypedDict, total=False):
    """A parameter is at least `ge`, greater than `gt` and at most `le`. All are finite."""

    ge: float
    gt: float
    le: float


BOUNDS: Mapping[str, Bounds] = {
    "home_radius_km": {"ge": 0},
    "dwell_seconds": {"ge": 0, "le": 86_400},
    "dwell_fixes": {"ge": 1, "le": 1_000},
    "gap_seconds": {"ge": 1, "le": 86_400},
    "max_accuracy_m": {"gt": 0},
    "jump_speed_kmh": {"gt": 0},
}
_INTEGERS = {"dwell_fixes"}


def parse_parameter(name: str, value: object) -> float:
    """Return the value of a parameter from decoded JSON; `dwell_fixes` is an integer. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int if name in _INTEGERS else int | float):
        raise ValueError("expected a number")  # noqa: TRY004 - callers handle ValueError
    bounds = BOUNDS[name]
    in_range = bounds.get("ge", -math.inf) <= value <= bounds.get("le", sys.float_info.max)  # false for NaN
    if not in_range or value <= bounds.get("gt", -math.inf):
        raise ValueError("expected a number in the range")
    return value if name in _INTEGERS else float(value)
