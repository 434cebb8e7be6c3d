"""Bugs in the sweep: redispatch, giving up, compaction, retention."""

from tests.planted import Bug

_COMPACTION = "functions.calculate.sweep.compaction:Compaction"
_MANIFEST = "shared.job_index.manifest"
_RECONCILE = "functions.calculate.sweep.reconcile"
_RETENTION = "functions.calculate.sweep.retention:Retention"

BUGS = (
    Bug(
        "sweep-does-not-publish",
        f"{_RECONCILE}:Sweep._resolve_if_stuck",
        old="self._event_publisher.republish_request(...)",
        new="None",
        breaks="a job whose event is lost never ends",
    ),
    Bug(
        "sweep-gives-up-early",
        "shared.jobs.attempt_limits:exceeded",
        old="record.expired_leases >= ...",
        new="record.expired_leases >= 1",
        breaks="a single crash fails a job",
    ),
    Bug(
        "sweep-trusts-markers",
        f"{_RECONCILE}:Sweep._reconcile",
        old="return markers.entry_of(...)",
        new="return entry",
        breaks="a job whose marker is missing is never listed in its current state",
    ),
    Bug(
        "creation-treated-as-abandoned",
        f"{_RECONCILE}:_defer_if_being_created",
        old="run.now - entry.queued_at < ...",
        new="False",
        breaks="the marker of a job that is being created is deleted",
    ),
    Bug(
        "markers-deleted-by-prefix",
        f"{_COMPACTION}.commit",
        old="self.log.keys.get(...)",
        new="self._bucket.list_keys(f't/{position[1]}.')",
        breaks="a marker that was written after the log was listed is deleted unread",
    ),
    Bug(
        "markers-deleted-after-conflict",
        f"{_COMPACTION}.commit",
        old="return",
        new="pass",
        breaks="a marker that the successful sweep did not read is deleted",
    ),
    Bug(
        "manifest-without-if-match",
        f"{_MANIFEST}:replace",
        old="bucket.replace(CURRENT, body, ...)",
        new="bucket.put(CURRENT, body)",
        breaks="the slower of two sweeps undoes the compaction of the faster one",
    ),
    Bug(
        "named-segment-deleted",
        f"{_MANIFEST}:is_garbage",
        old="key not in ...",
        new="True",
        breaks="a segment that the manifest names is deleted",
    ),
    Bug(
        "uncommitted-segment-deleted",
        f"{_MANIFEST}:is_garbage",
        old="int(...) <= ...",
        new="True",
        breaks="a segment that a sweep is about to commit is deleted",
    ),
    Bug(
        "unfinished-job-sealed",
        f"{_COMPACTION}._seal",
        old="np.flatnonzero(hot.finished_mask())",
        new="np.arange(len(hot))",
        breaks="the list never shows the end of a job that was sealed before",
    ),
    Bug(
        "late-job-dropped",
        f"{_COMPACTION}._seal",
        old="if segment: ...",
        new="pass",
        breaks="a job that ended after younger ones were sealed disappears from the list",
    ),
    Bug(
        "committed-csv-is-orphan",
        f"{_RETENTION}._is_orphan",
        old="listed.key != ...",
        new="True",
        breaks="CSVs that records name are deleted",
    ),
    Bug(
        "csv-of-running-attempt-is-orphan",
        f"{_RETENTION}._is_orphan",
        old="csv_keys.key(job)",
        new="''",
        breaks="the CSV is deleted just before its attempt commits",
    ),
    Bug(
        "jobs-deleted-early",
        f"{_RETENTION}.run",
        old="now - self._job_age",
        new="now",
        breaks="a job is deleted before it reaches the retention age",
    ),
)
