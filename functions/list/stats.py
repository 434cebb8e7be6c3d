"""Statistics of all jobs, read from the index."""

from datetime import timedelta

from shared.errors import CheckFailed
from shared.job_index.index import Index
from shared.job_index.markers import milliseconds
from shared.jobs.store import Clock
from shared.models import Status

STUCK_AGE = timedelta(hours=1)  # a sweep has republished the request six times by then


class JobStats:
    """The statistics of one index."""

    def __init__(self, index: Index, clock: Clock) -> None:
        self._index = index
        self._clock = clock

    def report(self) -> dict[str, int | float | None]:
        """Return the statistics of the health report by name, None for those without a job."""
        counts = self._index.job_counts()
        queued, processing, completed, failed = (counts.jobs[status] for status in Status if status in counts.jobs)
        oldest = counts.oldest_queued_ms.get(Status.QUEUED)
        return {
            "jobs_total": queued + processing + completed + failed,
            "jobs_queued": queued,
            "jobs_processing": processing,
            "jobs_completed": completed,
            "jobs_failed": failed,
            "success_rate": round(completed / (completed + failed), 4) if completed + failed else None,
            "queue_size": queued,
            "oldest_queued_age_seconds": None if oldest is None else self._age_seconds(oldest),
            "average_completion_seconds": round(counts.total_duration_ms / completed / 1000, 3) if completed else None,
        }

    def counts(self) -> dict[str, int]:
        """Return the number of jobs in each public state."""
        counts = self._index.job_counts().jobs
        return {status: counts[status] for status in Status if status in counts}

    def check_stuck_jobs(self) -> None:
        """Raise CheckFailed if a job has been unfinished for longer than STUCK_AGE."""
        oldest = self._index.job_counts().oldest_queued_ms
        unfinished = [oldest[status] for status in (Status.QUEUED, Status.PROCESSING) if status in oldest]
        if unfinished and self._age_seconds(min(unfinished)) > STUCK_AGE.total_seconds():
            raise CheckFailed("jobs are stuck")

    def _age_seconds(self, queued_ms: int) -> float:
        return max(0, milliseconds(self._clock()) - queued_ms) / 1000
