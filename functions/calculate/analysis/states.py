"""The states of usable fixes: evidence, hysteresis and dwell time."""

from dataclasses import dataclass

import numpy as np

from functions.calculate.analysis.device_fixes import HOME, UNKNOWN, Signs, StateFixes, group_ends, group_starts, spread
from functions.calculate.analysis.screening import sort_keys
from functions.calculate.fixes.blocks import Flags, Integers

RUN_LIMIT = 65_536  # usable fixes after the first of a run that may confirm it
_UNDISTURBED_US = 600_000_000


@dataclass(frozen=True)
class StateRules:
    """The parameters of states."""

    away_threshold_km: float
    home_radius_km: float  # at most away_threshold_km
    dwell_us: int
    dwell_fixes: int
    run_limit: int = RUN_LIMIT

    def evidence(self, fixes: StateFixes, margins: int = 1) -> Signs:
        """Return AWAY, HOME or 0 for each fix; `margins` multiplies the accuracy."""
        margin = fixes.accuracy_km * margins
        is_away = fixes.km - margin > self.away_threshold_km
        is_home = fixes.km + margin <= self.home_radius_km
        return is_away.view(np.int8) - is_home.view(np.int8)


@dataclass(frozen=True)
class States:
    """The states of fixes. Those of each device are final before the row in `ends`, and undefined from there."""

    state: Signs
    evidence: Signs
    ends: Integers

    @property
    def is_contradicting(self) -> Flags:
        """The fixes with evidence for another state than theirs."""
        flags: Flags = (self.evidence != UNKNOWN) & (self.evidence != self.state)
        return flags


def determine_states(
    fixes: StateFixes, starts: Integers, initial: Signs, is_resumed: Flags, rules: StateRules, *, is_end: bool
) -> States:
    """Determine the states of candidates that are no jumps, sorted by device.

    `starts` has the first row of each device, `initial` the state in which the device arrives there, and `is_resumed`
    whether that row has its state already. Without `is_end` more fixes can follow. Then the last fix of each device may
    be a jump, so it is not usable yet, and the fixes from the first of a run that may be confirmed are not final.
    """
    last = group_ends(starts, len(fixes)) - 1
    evidence = rules.evidence(fixes)
    considered = evidence.copy()
    considered[starts[is_resumed]] = 0
    if not is_end:
        considered[last] = 0
    runs = _Runs.find(fixes, _of_changing_devices(considered, starts, initial), starts, last, rules)
    is_decided = runs.is_confirmed(initial)
    state = _fill(len(fixes), starts, initial, runs.first[is_decided], considered)
    ends = last + 1 if is_end else last.copy()
    if not is_end and len(runs.first):
        is_open = np.append(runs.device[1:] != runs.device[:-1], True)  # the last run of each device
        is_open &= ~is_decided & (state[runs.first] != considered[runs.first])
        is_open &= runs.first + rules.run_limit >= last[runs.device]  # the fix before `last` is the last one considered
        ends[runs.device[is_open]] = runs.first[is_open]
    return States(state, evidence, ends)


def _of_changing_devices(evidence: Signs, starts: Integers, initial: Signs) -> Signs:
    """Return the evidence of the devices that have some for another state than the initial one, and 0 for others."""
    is_other = (evidence != UNKNOWN) & (evidence != spread(initial, starts, len(evidence)))
    changes = np.logical_or.reduceat(is_other, starts)
    return evidence if changes.all() else evidence * spread(changes, starts, len(evidence))


def _fill(length: int, starts: Integers, initial: Signs, changes: Integers, considered: Signs) -> Signs:
    """Return the state of each row: from the initial ones, changed to the evidence at `changes`."""
    is_change = np.zeros(length, np.bool_)
    values = np.empty(length, np.int8)
    is_change[starts] = is_change[changes] = True
    values[starts] = initial
    values[changes] = considered[changes]
    rows = np.flatnonzero(is_change)
    return spread(values[rows], rows, length)


@dataclass(frozen=True)
class _Runs:
    """Sequences of equal evidence, apart from fixes without evidence.

    Sequences for the current state confirm nothing new: they take part, and change no state.
    """

    first: Integers  # row of the first fix
    device: Integers  # index into the devices' starts
    confirmed: Flags

    @classmethod
    def find(cls, fixes: StateFixes, evidence: Signs, starts: Integers, last: Integers, rules: StateRules) -> "_Runs":
        rows = np.flatnonzero(evidence)
        if not rows.size:
            return cls(rows, rows, np.zeros(0, np.bool_))
        signs, slots = evidence[rows], fixes.slot[rows]
        begins = group_starts((signs[1:] != signs[:-1]) | (slots[1:] != slots[:-1]))
        times = sort_keys(fixes.slot[rows], fixes.time_us[rows])
        sure = np.append(np.flatnonzero(_sure_and_undisturbed(fixes, evidence, last, rules)[rows]), len(rows))
        while True:
            ends = group_ends(begins, len(rows))
            dwelt = np.maximum(begins + rules.dwell_fixes - 1, np.searchsorted(times, times[begins] + rules.dwell_us))
            confirming = np.minimum(dwelt, sure[np.searchsorted(sure, begins)])
            limits = rows[begins] + rules.run_limit
            confirmed = confirming < ends
            confirmed &= rows[np.minimum(confirming, len(rows) - 1)] <= limits
            successors = np.searchsorted(rows, limits, side="right")  # the evidence after a run that is given up
            successors = successors[~confirmed & (successors < ends)]
            if not successors.size:
                first = rows[begins]
                return cls(first, np.searchsorted(starts, first, side="right") - 1, confirmed)
            begins = np.sort(np.append(begins, successors))

    def is_confirmed(self, initial: Signs) -> Flags:
        """Return which runs set the state: the confirmed ones, and the first one of a device in unknown state."""
        if not len(self.first):
            return self.confirmed
        is_first = np.append(True, self.device[1:] != self.device[:-1])
        is_decided: Flags = self.confirmed | (is_first & (initial[self.device] == UNKNOWN))
        return is_decided


def _sure_and_undisturbed(fixes: StateFixes, evidence: Signs, last: Integers, rules: StateRules) -> Flags:
    """Return which fixes confirm a run alone. The last fix of each device has no next one."""
    is_undisturbed = np.zeros(len(fixes), np.bool_)
    is_undisturbed[:-1] = fixes.time_us[1:] - fixes.time_us[:-1] >= _UNDISTURBED_US
    is_undisturbed[last] = True
    rows = np.flatnonzero(is_undisturbed)
    is_undisturbed[rows] = rules.evidence(fixes.take(rows), margins=2) == evidence[rows]
    return is_undisturbed


def state_name(state: int) -> str:
    """Return the name of a state in the document."""
    return {UNKNOWN: "unknown", HOME: "home"}.get(state, "away")
