"""Invariants of each write to the storage."""

import json
from hashlib import sha256
from typing import Any

from tests.simulation.bucket_state import BucketState, SimulatedObject
from tests.simulation.oracle import DELETED, RANK, Oracle, TrackedJob, has_lease, ms_of
from tests.simulation.world import Invocation

_IMMUTABLE_FIELDS = (
    "job_id",
    "date",
    "device_id",
    "timezone",
    "home",
    "away_threshold_km",
    "analysis",
    "queued_at",
    "explicit_fields",
)
_RESULT_FIELDS = ("status", "completed_at", "result", "error_code", "error_message", "attempt")
_ERROR_CODES = {"NO_DATA", "UNDELIVERABLE", "TOO_MANY_ATTEMPTS"}
_ATTEMPT_LIMITS = {"expired_leases": 5, "released_attempts": 100, "redispatch_count": 24}
_LEASE_MARGIN_MS = 3_000  # a claim waits 5 s after the lease, and its clock may be 2 s ahead
_STALL_MS = 10_000  # an attempt with shorter steps has time to renew its lease
_MIN_TOMBSTONE_AGE_MS = 6 * 86_400_000  # tombstones expire after 7 days, rounded to days


class WriteChecks:
    """Checks each change of the two buckets and updates the oracle."""

    def __init__(self, oracle: Oracle, records: BucketState, csvs: BucketState) -> None:
        self._oracle = oracle
        self._world = oracle.world
        self._csvs = csvs
        self._csv_writers: dict[str, Invocation] = {}
        records.on_change = self._on_record_change
        csvs.on_change = self._on_csv_change

    def _on_record_change(self, key: str, old: SimulatedObject | None, new: bytes | None) -> None:
        if key.startswith("t/"):
            self._on_marker_change(key, old, new)
        if not key.startswith("jobs/") or (old is not None and old.body == new):
            return
        job_id = key[5:-5]
        job = self._oracle.jobs.get(job_id)
        if new is None:
            self._check_purge(job)
            return
        record = json.loads(new)
        rank = RANK[record["status"]]
        if job is None or (job.rank == DELETED and rank < DELETED):
            job = self._check_creation(job_id, job, record)
        elif rank == DELETED:
            self._check_tombstone(job, record)
        else:
            self._check_transition(job, job.record, record)
        invocation = self._world.current.invocation
        if invocation is not None:
            invocation.transitions[job.position] = rank
        if record.get("owner") != job.record.get("owner"):
            job.lease_holder = invocation if record.get("owner") else None
        job.rank = rank
        if rank < DELETED:
            job.record = record
        if rank == 2:
            self._check_finished(job)

    def _on_marker_change(self, key: str, old: SimulatedObject | None, new: bytes | None) -> None:
        if old is not None and new is not None:
            return
        job_id, rank, content = key[2:].split(".", 2)
        status, queued_ms, day, device, *_ = content.split("~")
        job, oracle = self._oracle.jobs.get(job_id), self._oracle
        if status == "deleted":
            oracle.removals += 1
        else:
            oracle.marker_counts[job_id] += 1 if new is not None else -1
        # Of several creations with the same id at most one remains in the list.
        positions = oracle.marked_positions.setdefault(job_id, set())
        positions.add(queued_ms)
        oracle.removals += len(positions) > 1
        if new is None:
            oracle.marker_deleted_ms[job_id] = self._world.now
            # Its record was never written, or the marker of a deleted job arrived late.
            oracle.removals += job is None or job.rank == DELETED
        elif rank == "0":
            oracle.marked_tasks.setdefault(job_id, set()).add(f"{day} {device}")

    def _check_creation(self, job_id: str, deleted: TrackedJob | None, record: dict[str, Any]) -> TrackedJob:
        """Check a new record, which may replace the tombstone of the job `deleted`."""
        if record["status"] != "queued" or record["job_id"] != job_id:
            self._world.report_violation(f"{job_id} is created as {record['status']} {record['job_id']}")
        if deleted is not None:
            self._world.counts["recreated"] += 1
            invocation = self._world.current.invocation
            if invocation is not None and invocation.handler != "submit":
                self._world.report_violation(f"{invocation.handler} creates {job_id} again after its deletion")
            self._oracle.previous_jobs.append(deleted)
            if record["queued_at"] <= deleted.record["queued_at"] or record["attempt"] < deleted.record["attempt"]:
                self._world.report_violation(f"{job_id} is created again with queued_at or attempt of the deleted job")
        job = self._oracle.jobs[job_id] = TrackedJob(job_id, record)
        if job_id in self._oracle.pending_deletions:
            self._oracle.allow_deletion(job)
        return job

    def _check_tombstone(self, job: TrackedJob, tombstone: dict[str, Any]) -> None:
        self._world.counts["deleted"] += 1
        self._oracle.removals += 1
        if not self._oracle.may_be_deleted(job):
            self._world.report_violation(f"{job.job_id} is deleted without a request")
        if set(tombstone) != {"version", "status", "job_id", "queued_at", "deleted_at", "attempt", "token"}:
            self._world.report_violation(f"the tombstone of {job.job_id} has the fields {sorted(tombstone)}")
        if any(tombstone[name] != job.record[name] for name in ("job_id", "queued_at", "attempt")):
            self._world.report_violation(f"the tombstone of {job.job_id} belongs to another job")

    def _check_purge(self, job: TrackedJob | None) -> None:
        """Check that only expired tombstones are deleted."""
        if job is None:
            self._world.report_violation("a record of an unknown job is deleted")
        if job.rank != DELETED or self._world.now - ms_of(job.record["queued_at"]) < _MIN_TOMBSTONE_AGE_MS:
            self._world.report_violation(f"the record of {job.job_id} is deleted")
        del self._oracle.jobs[job.job_id]
        self._oracle.previous_jobs.append(job)

    def _check_transition(self, job: TrackedJob, old: dict[str, Any], new: dict[str, Any]) -> None:
        report_violation, job_id = self._world.report_violation, job.job_id
        if any(old.get(name) != new.get(name) for name in _IMMUTABLE_FIELDS):
            report_violation(f"the task of {job_id} changed")
        if RANK[new["status"]] < job.rank:
            report_violation(f"{job_id} went back from {old['status']} to {new['status']}")
        if job.rank == 2 and any(old.get(name) != new.get(name) for name in _RESULT_FIELDS):
            report_violation(f"the result of {job_id} changed from {old['status']} to {new['status']}")
        if job.rank < 2 <= RANK[new["status"]] and self._has_other_lease_holder(job):
            report_violation(f"{job_id} was ended while another attempt held its lease")
        if new["attempt"] < old["attempt"]:
            report_violation(f"the attempt number of {job_id} decreased")
        if job.rank == 1 and new.get("owner") not in (None, old.get("owner")):
            self._check_takeover(job, old, new)

    def _check_takeover(self, job: TrackedJob, old: dict[str, Any], new: dict[str, Any]) -> None:
        """Check that a new attempt claims a job only after the lease has expired."""
        self._world.counts["takeovers"] += 1
        expires_at = old.get("lease_expires_at")
        if expires_at is not None and self._world.now < ms_of(expires_at) + _LEASE_MARGIN_MS:
            self._world.report_violation(f"{job.job_id} was claimed before the lease expired")
        if new["attempt"] == old["attempt"]:
            self._world.report_violation(f"two attempts of {job.job_id} have the same number")
        if job.lease_holder and self._is_active(job.lease_holder):
            self._world.report_violation(f"{job.job_id} was claimed from an attempt that was still active")

    def _has_other_lease_holder(self, job: TrackedJob) -> bool:
        invocation = self._world.current.invocation
        return invocation is not None and invocation is not job.lease_holder and has_lease(job.record, self._world.now)

    def _is_active(self, holder: Invocation) -> bool:
        """Return whether an attempt has made a step every few seconds without meeting a fault."""
        longest_gap_ms = max(holder.longest_gap_ms, self._world.now - holder.last_step_ms)
        return holder.pod.alive and not holder.faulted and longest_gap_ms < _STALL_MS

    def _check_finished(self, job: TrackedJob) -> None:
        if job.record["status"] == "failed":
            self._check_failed(job)
        else:
            self._check_completed(job)
        if job.due_ms is not None and self._world.now > job.due_ms and self._world.faults.only_deaths:
            self._world.report_violation(
                f"{job.job_id} ended later than three minutes after the sweep that followed a crash"
            )

    def _check_failed(self, job: TrackedJob) -> None:
        record, code = job.record, job.record.get("error_code")
        if code not in _ERROR_CODES or record.get("result"):
            self._world.report_violation(f"{job.job_id} failed with {code}")
        if code == "TOO_MANY_ATTEMPTS" and all(record[name] < limit for name, limit in _ATTEMPT_LIMITS.items()):
            self._world.report_violation(f"{job.job_id} failed with {code} after {record['attempt']} attempts")
        if code == "NO_DATA" and self._oracle.expected(record).numbers is not None:
            self._world.report_violation(f"{job.job_id} failed with NO_DATA although there is data")

    def _check_completed(self, job: TrackedJob) -> None:
        result, expected = job.record["result"], self._oracle.expected(job.record)
        csv = self._csvs.objects.get(result["csv_path"])
        if expected.numbers is None or any(result[name] != value for name, value in expected.numbers.items()):
            self._world.report_violation(f"{job.job_id} was completed with wrong numbers")
        if csv is None or csv.body != expected.csv or len(csv.body) != result["csv_size_bytes"]:
            self._world.report_violation(f"{job.job_id} was completed without its complete CSV")
        if sha256(csv.body).hexdigest() != result["csv_sha256"]:
            self._world.report_violation(f"{job.job_id} was completed with a wrong csv_sha256")

    def _on_csv_change(self, key: str, old: SimulatedObject | None, new: bytes | None) -> None:
        job = self._oracle.jobs.get(key.split("/")[1])
        if job is None:
            self._world.report_violation(f"a CSV of an unknown job: {key}")
        if new is None:
            if job.rank == 2 and key == (job.record.get("result") or {}).get("csv_path"):
                self._check_csv_deletion(job, old)
            return
        candidates = [job, *(previous for previous in self._oracle.previous_jobs if previous.job_id == job.job_id)]
        if all(new != self._oracle.expected(candidate.record).csv for candidate in candidates):
            self._world.report_violation(f"an incomplete CSV of {job.job_id} is visible")
        invocation = self._world.current.invocation
        if invocation is not None and self._csv_writers.setdefault(key, invocation) is not invocation:
            self._world.report_violation(f"two attempts of {job.job_id} wrote the same CSV")

    def _check_csv_deletion(self, job: TrackedJob, old: SimulatedObject | None) -> None:
        age = self._oracle.csv_age
        expired = age is not None and old is not None and self._oracle.may_exceed_age(old.modified_ms, age)
        if not expired and not self._oracle.may_be_deleted(job):
            self._world.report_violation(f"the CSV of {job.job_id} was deleted")
