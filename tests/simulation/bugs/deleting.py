"""Bugs in deletion: what is left, and what comes back."""

from tests.simulation.planted import Bug

_DELETION = "shared/jobs/deletion.py"
_INDEX = "shared/job_index/index.py"
_JOBS = "shared/jobs/store.py"
_LEFTOVERS = "shared/jobs/csv_cleanup.py"
_SWEEP = "functions/calculate/sweep/reconcile.py"

BUGS = (
    Bug(
        "deletion-not-announced",
        _DELETION,
        "    position = jobs.mark_deleted(job_id)\n",
        "    position = None\n",
        "a deletion that dies midway is never completed",
    ),
    Bug(
        "deletion-not-completed",
        _SWEEP,
        "            self._complete_deletion(entry)\n            return None",
        "            return None",
        "a deletion that died midway leaves a job that no list shows",
    ),
    Bug(
        "another-life-deleted",
        _JOBS,
        "            if markers.position_of(job) != position:\n",
        "            if position == (0, job_id):\n",
        "the deletion of a job takes the next one of the same key with it",
    ),
    Bug(
        "same-place-again",
        _JOBS,
        "            queued_at = max(record.queued_at, existing.queued_at + timedelta(milliseconds=1))\n",
        "            queued_at = existing.queued_at\n",
        "a job made again is not to be told from the deleted one",
    ),
    Bug(
        "deleted-job-restarts-its-count",
        _JOBS,
        "record.moved(queued_at=queued_at, attempt=existing.attempt, previous_attempts=existing.attempt)",
        "record.moved(queued_at=queued_at)",
        "an attempt of a job made again writes under the key of one before",
    ),
    Bug(
        "tombstone-forgotten-at-once",
        _JOBS,
        "{now:%Y-%m-%d}/{job_id}",
        "{now.replace(year=2020):%Y-%m-%d}/{job_id}",
        "what is still under way finds nothing where the job stood",
    ),
    Bug(
        "csv-of-a-deleted-job-stays",
        _LEFTOVERS,
        "    _delete(csvs, sorted(keys))\n",
        "    _delete(csvs, sorted(keys)[1:])\n",
        "somebody who wants the traces gone is told that they are",
    ),
    Bug(
        "sealed-job-not-hidden",
        _INDEX,
        "                if entry.status is Status.DELETED:\n                    deleted.add(entry.position)\n",
        "                if entry.status is Status.FAILED:\n                    deleted.add(entry.position)\n",
        "a deleted job is listed until a sweep has folded it away",
    ),
)
