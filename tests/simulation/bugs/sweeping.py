"""Bugs in the sweep: what it asks for, what it gives up, what it folds."""

from tests.simulation.planted import Bug

_CATALOGUE = "shared/job_index/manifest.py"
_COMPACTION = "functions/calculate/sweep/compaction.py"
_RETENTION = "functions/calculate/sweep/retention.py"
_SWEEP = "functions/calculate/sweep/reconcile.py"

BUGS = (
    Bug(
        "sweep-does-not-publish",
        _SWEEP,
        "                self._event_publisher.republish_request(record)\n",
        "",
        "a job whose event is gone stays where it is",
    ),
    Bug(
        "sweep-gives-up-early",
        "shared/jobs/store.py",
        "    if record.expired_leases >= _MAX_EXPIRED_LEASES:",
        "    if record.expired_leases >= 1:",
        "one death fails a job",
    ),
    Bug(
        "sweep-trusts-markers",
        _SWEEP,
        "        return markers.entry_of(",
        "        return entry if self else markers.entry_of(",
        "a job whose marker is missing is never listed as it is",
    ),
    Bug(
        "creation-taken-for-abandoned",
        _SWEEP,
        "    if entry.status is Status.QUEUED and run.now - entry.queued_at < job_store.ORPHAN_AGE:\n",
        "    if entry.status is Status.QUEUED and run.now < entry.queued_at:\n",
        "the marker of a job that is being created goes",
    ),
    Bug(
        "markers-deleted-by-prefix",
        _COMPACTION,
        "for key in self.log.keys.get(position, ()))",
        'for key in self._bucket.list_keys(f"t/{position[1]}."))',
        "a marker that was put since the tail was listed goes unread",
    ),
    Bug(
        "markers-of-the-slower-sweep-deleted",
        _COMPACTION,
        "the next sweep deletes the new segments\n                return\n",
        "the next sweep deletes the new segments\n",
        "what the faster sweep did not see goes unread",
    ),
    Bug(
        "current-without-if-match",
        _CATALOGUE,
        "        bucket.replace(CURRENT, body, old.etag)",
        "        bucket.put(CURRENT, body)",
        "of two sweeps the slower undoes what the faster has folded",
    ),
    Bug(
        "named-segment-deleted",
        _CATALOGUE,
        " and key not in manifest.segment_keys",
        "",
        "a segment goes that the list needs",
    ),
    Bug(
        "coming-segment-deleted",
        _CATALOGUE,
        "int(match[1]) <= manifest.generation and",
        "int(match[1]) <= manifest.generation + 1 and",
        "a segment goes that a sweep has put and is about to name",
    ),
    Bug(
        "unfinished-job-sealed",
        _COMPACTION,
        "        rows = np.flatnonzero(hot.finished())\n        sealed",
        "        rows = np.arange(len(hot))\n        sealed",
        "a job that has not ended is listed as it is for ever",
    ),
    Bug(
        "late-job-dropped",
        _COMPACTION,
        "            if segment:\n",
        "            if segment is None:\n",
        "a job that ended after younger ones were sealed leaves the list",
    ),
    Bug(
        "stray-is-whatever-is-met",
        _RETENTION,
        "            return listed.key != current and attempt <= job.attempt\n",
        "            return attempt <= job.attempt\n",
        "CSVs that records name go",
    ),
    Bug(
        "csv-of-a-running-attempt-is-stray",
        _RETENTION,
        "csv_keys.key(job)\n",
        '""\n',
        "the CSV goes just before its attempt commits",
    ),
    Bug(
        "jobs-go-too-early",
        _RETENTION,
        "self._delete_old_jobs(compaction, now - self._job_age)",
        "self._delete_old_jobs(compaction, now)",
        "a job is deleted before its time",
    ),
)
