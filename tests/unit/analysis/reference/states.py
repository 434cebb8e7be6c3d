"""The state of each fix: at home or away, with hysteresis, accuracy margins and dwell time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tests.unit.analysis.reference.fixes import Fix, Place, distance_km

State = Literal["unknown", "home", "away"]

UNDISTURBED_US = 600_000_000
RUN_FIXES = 65_536


@dataclass(frozen=True)
class Thresholds:
    """What decides a state: kilometres from home, and the dwell of a run in microseconds and fixes."""

    away_km: float
    home_km: float
    dwell_us: int
    dwell_fixes: int

    @classmethod
    def of(cls, away_threshold_km: float, parameters: Mapping[str, Any]) -> "Thresholds":
        home_km = min(parameters["home_radius_km"], away_threshold_km)
        return cls(away_threshold_km, home_km, microseconds(parameters["dwell_seconds"]), parameters["dwell_fixes"])

    def evidence(self, km: float, margin_km: float) -> State:
        """Return the state that a distance from home proves; "unknown" if it proves none."""
        if km - margin_km > self.away_km:
            return "away"
        if km + margin_km <= self.home_km:
            return "home"
        return "unknown"


@dataclass(frozen=True)
class StatedFix:
    """A usable fix or a context fix, with its distance from home, its evidence and its final state."""

    fix: Fix
    km: float
    evidence: State
    state: State
    in_window: bool

    @property
    def time_us(self) -> int:
        return self.fix.time_us

    @property
    def is_contradicting(self) -> bool:
        return self.evidence not in ("unknown", self.state)


def microseconds(seconds: float) -> int:
    return round(seconds * 1_000_000)


def state_fixes(
    before: Fix | None, usable: Sequence[Fix], after: Fix | None, home: Place, thresholds: Thresholds
) -> list[StatedFix]:
    """Return the fixes of a device, context included, with their states."""
    fixes = [*([before] if before else []), *usable, *([after] if after else [])]
    km = [distance_km(fix, home) for fix in fixes]
    evidence = [thresholds.evidence(km[index], fix.accuracy_km) for index, fix in enumerate(fixes)]
    states = _final_states(fixes, km, evidence, thresholds)
    return [
        StatedFix(fix, km[index], evidence[index], states[index], fix is not before and fix is not after)
        for index, fix in enumerate(fixes)
    ]


def _final_states(
    fixes: Sequence[Fix], km: Sequence[float], evidence: Sequence[State], thresholds: Thresholds
) -> list[State]:
    states: list[State] = []
    state: State = "unknown"
    run: list[int] = []  # the indexes of the evidence for the other state
    for index in range(len(fixes)):
        if run and index > run[0] + RUN_FIXES:
            run = []
        if state == "unknown":
            state = evidence[index]
        elif evidence[index] == state:
            run = []
        elif evidence[index] != "unknown":
            run.append(index)
            if _has_dwelt(fixes, run, thresholds) or _is_sure_and_undisturbed(fixes, km, index, thresholds):
                state = evidence[index]
                states[run[0] :] = [state] * (index - run[0])
                run = []
        states.append(state)
    return states


def _has_dwelt(fixes: Sequence[Fix], run: Sequence[int], thresholds: Thresholds) -> bool:
    lasted_us = fixes[run[-1]].time_us - fixes[run[0]].time_us
    return len(run) >= thresholds.dwell_fixes and lasted_us >= thresholds.dwell_us


def _is_sure_and_undisturbed(fixes: Sequence[Fix], km: Sequence[float], index: int, thresholds: Thresholds) -> bool:
    margin_km = fixes[index].accuracy_km
    is_sure = thresholds.evidence(km[index], 2 * margin_km) == thresholds.evidence(km[index], margin_km)
    is_last = index == len(fixes) - 1
    return is_sure and (is_last or fixes[index + 1].time_us - fixes[index].time_us >= UNDISTURBED_US)
