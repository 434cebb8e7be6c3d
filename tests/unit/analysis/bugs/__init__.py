"""Bugs of the analysis that its days must detect. Each one breaks a rule of docs/concepts/day-analysis.md."""

from collections.abc import Sequence

from tests.planted import Bug
from tests.unit.analysis import hand_made
from tests.unit.analysis.bugs import distances, intervals, jumps, rows, shape, states, trips, weights
from tests.unit.analysis.hand_made.builders import HandMadeDay

# Bugs, and the days that are about the same rules.
GROUPS: Sequence[tuple[Sequence[Bug], Sequence[HandMadeDay]]] = (
    (rows.BUGS, hand_made.rejections.DAYS),
    (jumps.BUGS, hand_made.jumps.DAYS),
    (intervals.BUGS, (*hand_made.windows.DAYS, *hand_made.context.DAYS, *hand_made.gaps.DAYS)),
    (states.BUGS, hand_made.states.DAYS),
    (trips.BUGS, hand_made.trips.DAYS),
    (distances.BUGS, hand_made.distances.DAYS),
    (weights.BUGS, hand_made.distances.DAYS),
    (shape.BUGS, hand_made.shape.DAYS),
)
BUGS = tuple(bug for bugs, _ in GROUPS for bug in bugs)
