"""Bugs in the lifecycle of a job: creation, claim, lease, commit."""

from tests.planted import Bug

_BUCKET = "shared.storage.bucket:Bucket"
_STORE = "shared.jobs.store"

BUGS = (
    Bug(
        "commit-without-if-match",
        f"{_BUCKET}.replace",
        old="etag",
        new="''",
        breaks="the later of two attempts overwrites the record of the earlier one",
    ),
    Bug(
        "create-overwrites",
        f"{_BUCKET}.create",
        old="'*'",
        new="''",
        breaks="a repeated Idempotency-Key overwrites its job",
    ),
    Bug(
        "lost-response-not-resolved",
        f"{_BUCKET}._resolve_lost_response",
        old="(...).body != body",
        new="True",
        breaks="a commit whose first response was lost counts as a conflict",
    ),
    Bug(
        "marker-after-record",
        f"{_STORE}:JobStore._try_create",
        old="is_slow = ...",
        new="self._bucket.delete(marker)\nis_slow = True",
        breaks="a crash between marker and record leaves a job that no list and no sweep finds",
    ),
    Bug(
        "finish-without-marker",
        f"{_STORE}:JobStore._finish",
        old="self._write_marker_best_effort(...)",
        new="None",
        breaks="a finished job is listed as processing until the next sweep",
    ),
    Bug(
        "claim-without-marker",
        f"{_STORE}:JobStore.claim",
        old="self._write_marker_best_effort(...)",
        new="None",
        breaks="a processing job is listed as queued until the next sweep",
    ),
    Bug(
        "create-returns-rejected-record",
        f"{_STORE}:JobStore.create",
        old="return existing",
        new="return record",
        breaks="of two concurrent submissions with one key, one returns a queued_at that is not the job's",
    ),
    Bug(
        "lease-not-checked-at-claim",
        f"{_STORE}:has_active_lease",
        old="now < ...",
        new="False",
        breaks="two attempts run at once",
    ),
    Bug(
        "no-clock-skew-margin",
        f"{_STORE}:has_active_lease",
        old="record.lease_expires_at + ...",
        new="record.lease_expires_at",
        breaks="a pod whose clock is ahead claims a job before its lease has expired",
    ),
    Bug(
        "owner-not-checked-at-commit",
        f"{_STORE}:JobStore._compare_and_swap",
        old="current.etag",
        new="self.load(record.job_id)[1]",
        breaks="an attempt that has lost its lease commits",
    ),
    Bug(
        "finished-job-claimed",
        f"{_STORE}:JobStore.claim",
        old="record.status.is_finished",
        new="False",
        breaks="a duplicate event calculates a finished job again",
    ),
    Bug(
        "lease-kept-on-release",
        f"{_STORE}:JobStore.release",
        old="record.copy_with(owner=None, lease_expires_at=None, **released)",
        new="record.copy_with(**released)",
        breaks="the next attempt waits for a lease that no attempt uses",
    ),
    Bug(
        "renewal-keeps-expiry",
        f"{_STORE}:JobStore.renew",
        old="now + LEASE",
        new="claim.record.lease_expires_at",
        breaks="a long job is claimed from an attempt that runs",
    ),
)
