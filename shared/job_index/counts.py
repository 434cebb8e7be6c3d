"""What the columns of all jobs add up to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from shared.job_index.segments import STATUSES, Segment
from shared.models import SHOWN, Status

_COMPLETED = STATUSES.index(Status.COMPLETED)


@dataclass(frozen=True)
class Tally:
    """How many jobs there are in each state, and when (Unix milliseconds) the oldest in each was queued.

    `took_ms` is what the completed ones took in all, from being queued to their end.
    """

    jobs: Mapping[Status, int]
    oldest_ms: Mapping[Status, int]
    took_ms: int


def tally(parts: Iterable[Segment]) -> Tally:
    """The tally of some segments; a hundred thousand jobs take about a millisecond."""
    jobs: dict[Status, int] = dict.fromkeys(SHOWN, 0)
    oldest: dict[Status, int] = {}
    took = 0
    for part in parts:
        for code, count in enumerate(np.bincount(part.status, minlength=len(SHOWN)).tolist()):
            if count:
                status = STATUSES[code]
                jobs[status] += count
                last = -int(part.before_ms[np.flatnonzero(part.status == code)[-1]])  # the newest comes first
                oldest[status] = min(last, oldest.get(status, last))
        completed = part.status == _COMPLETED
        took += int((part.completed_ms[completed] + part.before_ms[completed]).sum())
    return Tally(jobs, oldest, took)
