"""Aggregates over the columns of all jobs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from shared.job_index.segments import STATUSES, Segment
from shared.models import PUBLIC_STATUSES, Status

_COMPLETED = STATUSES.index(Status.COMPLETED)


@dataclass(frozen=True)
class StatusCounts:
    """The number of jobs and the oldest `queued_at` (Unix milliseconds) per status.

    `total_duration_ms` is the sum over the completed jobs of the time from `queued_at` to `completed_at`.
    """

    jobs: Mapping[Status, int]
    oldest_queued_ms: Mapping[Status, int]
    total_duration_ms: int


def count_by_status(segments: Iterable[Segment]) -> StatusCounts:
    """Count the jobs of some segments. 100,000 jobs take about a millisecond."""
    jobs: dict[Status, int] = dict.fromkeys(PUBLIC_STATUSES, 0)
    oldest: dict[Status, int] = {}
    total_duration_ms = 0
    for segment in segments:
        for code, count in enumerate(np.bincount(segment.status, minlength=len(PUBLIC_STATUSES)).tolist()):
            if count:
                status = STATUSES[code]
                jobs[status] += count
                last_row = np.flatnonzero(segment.status == code)[-1]  # rows are newest first
                queued_ms = -int(segment.neg_queued_ms[last_row])
                oldest[status] = min(queued_ms, oldest.get(status, queued_ms))
        completed = segment.status == _COMPLETED
        total_duration_ms += int((segment.completed_ms[completed] + segment.neg_queued_ms[completed]).sum())
    return StatusCounts(jobs, oldest, total_duration_ms)
