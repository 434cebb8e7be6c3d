"""How the jobs of all devices fare, taken from the list: it survives every process."""

from datetime import timedelta

from shared.errors import CheckFailed
from shared.job_index.index import Index
from shared.job_index.markers import milliseconds
from shared.jobs.store import Clock
from shared.models import Status

STUCK = timedelta(hours=1)  # a sweep has asked for the job six times by then


class JobStats:
    """The numbers of one index."""

    def __init__(self, index: Index, clock: Clock) -> None:
        self._index = index
        self._clock = clock

    def numbers(self) -> dict[str, int | float | None]:
        """By name; None for what no job gives."""
        found = self._index.job_counts()
        queued, processing, completed, failed = (found.jobs[status] for status in Status if status in found.jobs)
        oldest = found.oldest_queued_ms.get(Status.QUEUED)
        return {
            "jobs_total": queued + processing + completed + failed,
            "jobs_queued": queued,
            "jobs_processing": processing,
            "jobs_completed": completed,
            "jobs_failed": failed,
            "success_rate": round(completed / (completed + failed), 4) if completed + failed else None,
            "queue_size": queued,
            "oldest_queued_age_seconds": None if oldest is None else self._age(oldest),
            "average_completion_seconds": round(found.total_duration_ms / completed / 1000, 3) if completed else None,
        }

    def by_state(self) -> dict[str, int]:
        """How many jobs are in each state that callers see."""
        found = self._index.job_counts().jobs
        return {status: found[status] for status in Status if status in found}

    def check_stuck_jobs(self) -> None:
        """Nothing, or Failing: every job that has not ended is younger than STUCK."""
        oldest = self._index.job_counts().oldest_queued_ms
        unended = [oldest[status] for status in (Status.QUEUED, Status.PROCESSING) if status in oldest]
        if unended and self._age(min(unended)) > STUCK.total_seconds():
            raise CheckFailed("jobs are stuck")

    def _age(self, queued_ms: int) -> float:
        return max(0, milliseconds(self._clock()) - queued_ms) / 1000
