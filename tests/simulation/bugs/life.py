"""Bugs in the life of a job: creation, claim, lease, commit."""

from tests.simulation.planted import Bug

_JOBS = "shared/jobs/store.py"
_STORAGE = "shared/storage/bucket.py"

BUGS = (
    Bug(
        "commit-without-if-match",
        _STORAGE,
        'return self._put_conditionally(key, body, {"IfMatch": etag})',
        "return self._put_conditionally(key, body, {})",
        "of two attempts the later writes over the earlier one's record",
    ),
    Bug(
        "create-overwrites",
        _STORAGE,
        'return self._put_conditionally(key, body, {"IfNoneMatch": "*"})',
        "return self._put_conditionally(key, body, {})",
        "a repeated Idempotency-Key makes its job anew",
    ),
    Bug(
        "lost-answer-not-read-back",
        _STORAGE,
        "        if current.body != body:\n",
        "        if current:\n",
        "a commit whose first answer was lost is taken for somebody else's",
    ),
    Bug(
        "marker-after-record",
        _JOBS,
        "        is_slow = self._clock() - record.queued_at > ORPHAN_AGE / 2",
        '        self._bucket.delete(marker)\n        is_slow = marker != ""',
        "a death between the two leaves a job that no list and no sweep sees",
    ),
    Bug(
        "finished-not-marked",
        _JOBS,
        "        self._write_marker_best_effort(finished)\n",
        "",
        "a finished job is listed as processing until a sweep looks",
    ),
    Bug(
        "claim-not-marked",
        _JOBS,
        "            self._write_marker_best_effort(claim.record)\n",
        "",
        "a job in work is listed as queued until a sweep looks",
    ),
    Bug(
        "loser-told-its-own-record",
        _JOBS,
        "                return existing\n",
        "                return record\n",
        "of two submissions at once with one key, one is told a queued_at that is not the job's",
    ),
    Bug(
        "lease-not-checked-at-claim",
        _JOBS,
        "    return record.lease_expires_at is not None and now < record.lease_expires_at + _CLOCK_SKEW",
        "    return record.lease_expires_at is not None and record.attempt > 99",
        "two attempts run at once",
    ),
    Bug(
        "no-margin-for-skew",
        _JOBS,
        "now < record.lease_expires_at + _CLOCK_SKEW",
        "now < record.lease_expires_at",
        "a pod whose clock is ahead takes a job whose lease has not ended",
    ),
    Bug(
        "owner-not-checked-at-commit",
        _JOBS,
        "self._bucket.replace(_key(record.job_id), _body(record), current.etag)",
        "self._bucket.replace(_key(record.job_id), _body(record), self.load(record.job_id)[1])",
        "an attempt that lost its lease commits all the same",
    ),
    Bug(
        "finished-job-claimed",
        _JOBS,
        "            if record.status.finished:\n                self.write_marker(record)",
        "            if record.attempt > 99:\n                self.write_marker(record)",
        "a duplicate event calculates a finished job again",
    ),
    Bug(
        "lease-kept-on-release",
        _JOBS,
        "record.moved(owner=None, lease_expires_at=None, **released)",
        "record.moved(**released)",
        "the next attempt waits for a lease that nobody uses",
    ),
    Bug(
        "renewal-does-not-renew",
        _JOBS,
        "renewed = self._compare_and_swap(claim, claim.record.moved(lease_expires_at=now + LEASE))",
        "renewed = self._compare_and_swap(claim, claim.record.moved(lease_expires_at=expires_at))",
        "a long job is taken from an attempt that runs",
    ),
)
