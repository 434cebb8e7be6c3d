"""Days made by hand, each named after the rule and the edge that it shows (docs/concepts/day-analysis.md).

The expected values are computed by hand from the rules. Home is at 0 km, and positions are on its meridian.
"""

from collections.abc import Sequence

from tests.unit.analysis.hand_made import context, distances, gaps, jumps, rejections, shape, states, trips, windows
from tests.unit.analysis.hand_made.builders import HandMadeDay

DAYS: Sequence[HandMadeDay] = (
    *rejections.DAYS,
    *jumps.DAYS,
    *windows.DAYS,
    *context.DAYS,
    *gaps.DAYS,
    *states.DAYS,
    *trips.DAYS,
    *distances.DAYS,
    *shape.DAYS,
)
