"""A plain reference of the analysis of a day (docs/concepts/day-analysis.md), with lists of fixes for each device.

`analyse` returns the document of the analysis. It imports nothing of the project, and it is written for reading: it
keeps all fixes and goes over them as often as a rule needs.

The definitions leave these points open; the reference decides:

- A known interval is one that counts as home or away. An interval of unknown state has no weight in the time-weighted
  statistics, even if it is no gap.
- Seconds of a parameter are rounded to whole microseconds, halves to even, before they are compared with durations.
- Minutes are rounded from microseconds exactly, halves up, like the minutes of the CSV. Kilometres and coverage are
  rounded as Python's `round` does.
- The sums and the mean of no known time are null. `farthest` is null if all usable fixes contradict their state.
- Trips and gaps of devices that are not shown do not compete for the 1,000 places of the document.
- The fix that decides whether a run is given up, the 65,536th after its first, can still confirm it. The context after
  the day is counted here like a usable fix.
- A context fix is selected by its own time: in the 12 hours before the window, or in the 12 hours after it. The caller
  selects by day column and by the time of the submission.
- The percentiles are exact. Those of an engine with a histogram differ by up to 2^-12 of their value.
"""

from tests.unit.analysis.reference.document import analyse
from tests.unit.analysis.reference.fixes import Fix, Place, Row, context_fixes

__all__ = ["Fix", "Place", "Row", "analyse", "context_fixes"]
