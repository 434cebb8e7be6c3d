"""State of all jobs as the storage shows it, and the invariants of responses and outcome events."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.models import Status
from tests.simulation.bucket_state import BucketState
from tests.simulation.fixes import ExpectedResult, expected
from tests.simulation.world import START, Invocation, World

RANK = {status.value: status.rank for status in Status}
DELETED = RANK["deleted"]
_RECOVERY_MS = 180_000  # limit from the first sweep after a crash to the end of the job
_CLOCK_DIFFERENCE_MS = 4_000  # between the clocks of two pods


@dataclass
class TrackedJob:
    """State of one job. A job that is created again after its deletion is a new TrackedJob with the same id."""

    job_id: str
    record: dict[str, Any]  # the last one before a tombstone
    rank: int = 0
    listed_rank: int = -1  # the lowest rank that lists may show from now on, or -1 if they may omit the job
    deletable_since_ms: int | None = None  # when its deletion was requested, or its age exceeded the limit
    deletion_confirmed: bool = False  # by a 204; lists must not show the job from now on
    acknowledged_ms: int | None = None
    crashed_ms: int = 0
    due_ms: int | None = None
    outcome: tuple[str, dict[str, Any]] | None = None
    lease_holder: Invocation | None = None

    @property
    def position(self) -> tuple[str, str]:
        """The position in the list, which differs between jobs that have the same id."""
        return self.record["queued_at"], self.job_id

    @property
    def csv_path(self) -> str | None:
        """The key of its CSV, or None if the job is not completed."""
        return str(self.record["result"]["csv_path"]) if "result" in self.record else None


@dataclass
class Oracle:
    """All jobs that have had a record."""

    world: World
    csvs: BucketState
    job_age: timedelta | None = None
    csv_age: timedelta | None = None
    jobs: dict[str, TrackedJob] = field(default_factory=dict)
    previous_jobs: list[TrackedJob] = field(default_factory=list)  # purged, or replaced by a job with the same id
    marked_tasks: dict[str, set[str]] = field(default_factory=dict)  # date and device in markers of queued jobs
    marker_counts: Counter[str] = field(default_factory=Counter)  # by job id, without the markers of deletions
    marker_deleted_ms: dict[str, int] = field(default_factory=dict)  # when the last one was deleted, by job id
    marked_positions: dict[str, set[str]] = field(default_factory=dict)  # queue times in markers, by job id
    removals: int = 0  # number of entries that have disappeared from the list
    jobs_by_key: dict[str, str] = field(default_factory=dict)
    pending_deletions: Counter[str] = field(default_factory=Counter)  # number of requests by job id

    def expected(self, record: dict[str, Any]) -> ExpectedResult:
        """Return the result of the reference implementation for a job."""
        home = record["home"]["latitude"], record["home"]["longitude"]
        return expected(
            record["date"], record["device_id"], record["timezone"], home, float(record["away_threshold_km"])
        )

    def may_be_deleted(self, job: TrackedJob) -> bool:
        """Return whether a deletion of the job was requested, or its age may exceed the limit."""
        if self.job_age is not None and self.may_exceed_age(ms_of(job.record["queued_at"]), self.job_age):
            self.allow_deletion(job)
        return job.deletable_since_ms is not None

    def allow_deletion(self, job: TrackedJob) -> None:
        """Note that the job may be deleted from now on."""
        if job.deletable_since_ms is None:
            job.deletable_since_ms = self.world.now

    def may_exceed_age(self, since_ms: int, age: timedelta) -> bool:
        """Return whether a timestamp of one pod may be older than `age` by the clock of another pod."""
        return self.world.now + _CLOCK_DIFFERENCE_MS >= since_ms + age / timedelta(milliseconds=1)

    def record_acknowledgement(self, job_id: str, key: str | None, queued_at: str) -> dict[str, Any] | None:
        """Note and check a 202. Return the job's record, or None if the job may have been deleted since."""
        job = self.jobs.get(job_id)
        if job is None:
            self.world.report_violation(f"202 for {job_id}, which has no record")
        if key is not None and self.jobs_by_key.setdefault(key, job_id) != job_id:
            self.world.report_violation("one Idempotency-Key has two jobs")
        if self.may_be_deleted(job) or any(previous.job_id == job_id for previous in self.previous_jobs):
            return None
        if job.record["queued_at"] != queued_at:
            self.world.report_violation(f"202 for {job_id} with a queued_at that differs from its record")
        job.listed_rank = max(job.listed_rank, 0)
        if job.acknowledged_ms is None:
            job.acknowledged_ms = self.world.now
            self.world.counts["acknowledged"] += 1
        return job.record

    def check_deletion(self, job_id: str, job: TrackedJob | None, status: int) -> None:
        """Check a 204 or 404 to a deletion: the job's record and CSV must not exist any more."""
        if job is None:
            return
        if status == 404 and job.rank < DELETED and job is self.jobs.get(job_id):
            self.world.report_violation(f"404 for the deletion of {job_id}, which exists")
        if status == 204:
            job.deletion_confirmed = True
            if job.rank < DELETED:
                self.world.report_violation(f"204 for the deletion of {job_id}, which exists")
            if job.csv_path in self.csvs.objects:
                self.world.report_violation(f"204 for the deletion of {job_id}, whose CSV exists")

    def record_outcome(self, event_type: str, data: dict[str, Any]) -> None:
        """Note and check an outcome event: it equals the record of a job and other outcome events of the job."""
        job_id = data["job_id"]
        candidates = [job for job in (*self.previous_jobs, self.jobs.get(job_id)) if job and job.job_id == job_id]
        matching = [job for job in candidates if _outcome_event(job.record) == (event_type, data)]
        if not matching:
            self.world.report_violation(f"an outcome event {event_type} of {job_id} differs from the record")
        if matching[-1].outcome not in (None, (event_type, data)):
            self.world.report_violation(f"two outcome events of {job_id} differ")
        matching[-1].outcome = event_type, data
        self.world.counts["outcomes"] += 1

    def check_response(self, invocation: Invocation, status: int) -> None:
        """Check a response. If no step met a fault, lists show what the invocation changed from now on."""
        if invocation.handler == "requested":
            self._check_delivery(invocation, self.jobs.get(invocation.job_id or ""), status)
        if invocation.faulted:
            return
        if len(invocation.uploads) == 1 and not set(invocation.uploads).isdisjoint(self.csvs.uploads):
            self.world.report_violation(f"an attempt of {invocation.job_id} has left an unfinished upload")
        self._expect_in_list(invocation.transitions)

    def ranks(self) -> dict[tuple[str, str], int]:
        """Return the current rank of all jobs by position."""
        return {job.position: job.rank for job in self.jobs.values()}

    def _expect_in_list(self, ranks: dict[tuple[str, str], int]) -> None:
        """Note that lists show these jobs with at least these ranks from now on."""
        for position, rank in ranks.items():
            job = self.jobs.get(position[1])
            if rank < DELETED and job is not None and job.position == position:
                job.listed_rank = max(job.listed_rank, rank)

    def _check_delivery(self, invocation: Invocation, job: TrackedJob | None, status: int) -> None:
        recreated = any(previous.job_id == invocation.job_id for previous in self.previous_jobs)
        if status in (200, 204) and not recreated and (job is None or job.rank < 2):
            self.world.report_violation(f"{status} to a request event whose job has not ended")
        released = invocation.faulted or job is None or job.lease_holder is not invocation or job.rank != 1
        if status == 503 and job and not released and has_lease(job.record, self.world.now):
            self.world.report_violation(f"an attempt of {job.job_id} failed without releasing its lease")

    def record_crash(self, invocation: Invocation) -> None:
        """Note that a pod died: the next sweep has to recover the job, or all jobs if the pod ran a sweep."""
        job = self.jobs.get(invocation.job_id or "")
        for affected in self.jobs.values() if invocation.handler == "sweep" else [job] if job else []:
            affected.crashed_ms, affected.due_ms = self.world.now, None

    def record_sweep(self, started_ms: int, ranks: dict[tuple[str, str], int]) -> None:
        """Note a completed sweep: lists show at least its initial `ranks`, and crashed jobs get a deadline."""
        self._expect_in_list(ranks)
        for job in self.jobs.values():
            if job.rank < 2 and job.due_ms is None and max(job.crashed_ms, job.acknowledged_ms or 0) <= started_ms:
                job.due_ms = started_ms + _RECOVERY_MS


def _outcome_event(record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return type and data of the outcome event that belongs to a record."""
    if "result" in record:
        outcome = {name: value for name, value in record["result"].items() if name != "analysis"}
    else:
        outcome = {name: record.get(name) for name in ("error_code", "error_message")}
    event_type = f"otelworker.distance.{record['status']}.v1"
    return event_type, {**outcome, **{name: record[name] for name in ("job_id", "date", "device_id")}}


def has_lease(record: dict[str, Any], now_ms: int) -> bool:
    """Return whether an attempt holds a lease that has not expired."""
    expires_at = record.get("lease_expires_at")
    return expires_at is not None and ms_of(expires_at) > now_ms


def ms_of(timestamp: str) -> int:
    """Convert an RFC 3339 timestamp to virtual milliseconds."""
    return round((datetime.fromisoformat(timestamp) - START).total_seconds() * 1000)
