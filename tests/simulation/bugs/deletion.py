"""Bugs in deletion: announcement, completion, reuse of the id."""

from tests.planted import Bug

_STORE = "shared.jobs.store:JobStore"

BUGS = (
    Bug(
        "deletion-not-announced",
        "shared.jobs.deletion:delete_at",
        old="jobs.mark_deleted(position)",
        new="None",
        breaks="a deletion that is interrupted is never completed",
    ),
    Bug(
        "deletion-not-completed",
        "functions.calculate.sweep.reconcile:Sweep._reconcile",
        old="self._complete_deletion(...)",
        new="None",
        breaks="a deletion that was interrupted leaves a job that no list shows",
    ),
    Bug(
        "recreated-job-deleted",
        f"{_STORE}.replace_with_tombstone",
        old="markers.position_of(job) != position",
        new="False",
        breaks="the deletion of a job also deletes the next one with the same key",
    ),
    Bug(
        "recreated-at-same-position",
        f"{_STORE}.create",
        old="max(...)",
        new="existing.queued_at",
        breaks="a job that is created again has the position of the deleted one",
    ),
    Bug(
        "recreated-with-first-attempt",
        f"{_STORE}.create",
        old="record.copy_with(queued_at=..., attempt=..., previous_attempts=...)",
        new="record.copy_with(queued_at=queued_at)",
        breaks="an attempt of a job that is created again writes under the key of an earlier one",
    ),
    Bug(
        "tombstone-expires-at-once",
        f"{_STORE}.replace_with_tombstone",
        old="self._bucket.put(...)",
        new="self._bucket.put(f'{TOMBSTONE_EXPIRY_PREFIX}2020-01-01/{job_id}')",
        breaks="an event in progress finds no tombstone for its job",
    ),
    Bug(
        "csv-of-deleted-job-kept",
        "shared.jobs.csv_cleanup:delete_all",
        old="_delete(csvs, sorted(keys))",
        new="_delete(csvs, sorted(keys)[1:])",
        breaks="a confirmed deletion leaves a CSV",
    ),
    Bug(
        "sealed-job-not-hidden",
        "shared.job_index.index:Index._apply_log",
        old="deleted.add(...)",
        new="None",
        breaks="a deleted job is listed until a sweep has compacted its segment",
    ),
)
