"""Bugs that the simulation must catch, each a promise of docs/job.md broken in a line or two."""

from simulation.planted import Bug

_CALCULATION = "functions/calculate/calculation.py"
_DELIVERY = "functions/calculate/delivery.py"
_SUBMISSION = "functions/calculate/submission.py"
_SWEEP = "functions/calculate/sweep.py"
_LIST = "functions/list/handler.py"
_NAMES = "shared/csv_names.py"
_HTTP = "shared/http.py"
_INDEX = "shared/index.py"
_JOBS = "shared/jobs.py"
_STORAGE = "shared/storage.py"
_UPLOADS = "shared/uploads.py"

BUGS = (
    Bug(
        "commit-without-if-match",
        _STORAGE,
        'return self._conditional(key, body, {"IfMatch": etag})',
        "return self._conditional(key, body, {})",
        "of two attempts the later writes over the earlier one's record",
    ),
    Bug(
        "create-overwrites",
        _STORAGE,
        'return self._conditional(key, body, {"IfNoneMatch": "*"})',
        "return self._conditional(key, body, {})",
        "a repeated Idempotency-Key makes its job anew",
    ),
    Bug(
        "lost-answer-not-read-back",
        _STORAGE,
        "        if there.body != body:\n",
        "        if there:\n",
        "a creation whose first answer was lost takes its own marker away",
    ),
    Bug(
        "marker-after-record",
        _JOBS,
        """        self._index.put(marker)
        try:
            self._bucket.create(_key(record.job_id), _body(record))
""",
        """        try:
            self._bucket.create(_key(record.job_id), _body(record))
            self._index.put(marker)
""",
        "a death between the two leaves a job that no list and no sweep sees",
    ),
    Bug(
        "marker-dropped-before-put",
        _JOBS,
        """            self._index.put(record.markers[-1])
            self._index.drop(earlier)
""",
        """            self._index.drop(earlier)
            self._index.put(record.markers[-1])
""",
        "a death between the two takes a finished job out of the list",
    ),
    Bug(
        "finished-not-marked",
        _JOBS,
        "        self._show(finished, earlier)\n",
        "",
        "a finished job is listed as processing until somebody looks",
    ),
    Bug(
        "loser-told-its-own-record",
        _JOBS,
        "            return there\n        return record",
        "            return record\n        return record",
        "of two submissions at once with one key, one is told a queued_at that is not the job's",
    ),
    Bug(
        "lease-not-checked-at-claim",
        _JOBS,
        "if record.lease_expires_at is not None and now < record.lease_expires_at + _SKEW:",
        "if record.lease_expires_at is None and record.attempt:",
        "two attempts run at once",
    ),
    Bug(
        "no-margin-for-skew",
        _JOBS,
        "now < record.lease_expires_at + _SKEW:",
        "now < record.lease_expires_at:",
        "a pod whose clock is ahead takes a job whose lease has not ended",
    ),
    Bug(
        "owner-not-checked-at-commit",
        _JOBS,
        "self._bucket.replace(_key(record.job_id), _body(record), held.etag)",
        "self._bucket.replace(_key(record.job_id), _body(record), self._read(record.job_id).etag)",
        "an attempt that lost its lease commits all the same",
    ),
    Bug(
        "finished-job-claimed",
        _JOBS,
        "            if record.status.finished:\n                self.relist(record)",
        "            if record.attempt > 99:\n                self.relist(record)",
        "a duplicate event calculates a finished job again",
    ),
    Bug(
        "lease-kept-on-release",
        _JOBS,
        "        self._swap(claim, claim.record.moved(lease_expires_at=self._clock() - _SKEW))",
        "        self._swap(claim, claim.record.moved(lease_expires_at=self._clock() + LEASE))",
        "the next attempt waits for a lease that nobody uses",
    ),
    Bug(
        "renewal-does-not-renew",
        _JOBS,
        "renewed = self._swap(claim, claim.record.moved(lease_expires_at=now + LEASE))",
        "renewed = self._swap(claim, claim.record.moved(lease_expires_at=ends))",
        "a long job is taken from an attempt that runs",
    ),
    Bug(
        "lease-not-renewed",
        _CALCULATION,
        "            jobs.renew(claim)\n",
        "",
        "a long job is taken from an attempt that runs",
    ),
    Bug(
        "little-data-is-no-data",
        _CALCULATION,
        "if not day.total_locations:",
        "if day.total_locations < 4:",
        "a day with three fixes fails",
    ),
    Bug(
        "block-left-out",
        _CALCULATION,
        "        for block in blocks:\n",
        "        next(blocks, None)\n        for block in blocks:\n",
        "numbers and CSV lack the first fixes of the day",
    ),
    Bug(
        "attempts-share-a-csv",
        _NAMES,
        'return f"csv/{record.job_id}/{record.attempt}/{stem}_{record.job_id}.csv"',
        'return f"csv/{record.job_id}/1/{stem}_{record.job_id}.csv"',
        "a late attempt replaces the CSV of the one that won",
    ),
    Bug(
        "half-a-csv-is-visible",
        _UPLOADS,
        "            if kind is None:\n                self._finish()",
        "            if kind is not SystemExit:\n                self._finish()",
        "an attempt that fails midway leaves what it has written",
    ),
    Bug(
        "last-part-forgotten",
        _UPLOADS,
        "        if last:\n            self._send(last)",
        "        if not last:\n            self._send(last)",
        "the CSV ends at its last full part",
    ),
    Bug(
        "dead-letter-answers-500",
        _DELIVERY,
        '            _LOG.error("dead letter not taken", extra={"cause": exc.cause})  # the sweep ends its job\n',
        "            raise RuntimeError from exc\n",
        "the broker has nowhere to go with a dead letter",
    ),
    Bug(
        "dead-letter-of-a-held-job-is-409",
        _DELIVERY,
        '            _LOG.warning("dead letter without a job to fail", extra={"cause": type(exc).__name__})\n',
        "            raise\n",
        "the broker tries a dead letter again and again",
    ),
    Bug(
        "held-is-204",
        _DELIVERY,
        "        except JobFinished:\n",
        '        except (JobFinished, __import__("shared.errors").errors.JobHeld):\n',
        "the broker forgets an event whose attempt may still die",
    ),
    Bug(
        "unavailable-is-400",
        _HTTP,
        '(errors.Unavailable, 503, "SERVICE_UNAVAILABLE")',
        '(errors.Unavailable, 400, "SERVICE_UNAVAILABLE")',
        "an outage sends events to the dead-letter sink at once",
    ),
    Bug(
        "sweep-does-not-publish",
        _SWEEP,
        "        self._ask_again(record)\n",
        "        return\n",
        "a job whose event is gone stays where it is",
    ),
    Bug(
        "sweep-leaves-old-markers",
        _SWEEP,
        "        if record.status is not entry.status:\n            self._jobs.relist(record)\n",
        "",
        "a job whose marker is missing is never listed as it is",
    ),
    Bug(
        "sweep-gives-up-early",
        _SWEEP,
        "if record.attempt >= _MAX_ATTEMPTS:",
        "if record.attempt >= 1:",
        "one death fails a job",
    ),
    Bug(
        "told-another-time",
        _SUBMISSION,
        '"queued_at": rfc3339(record.queued_at),',
        '"queued_at": rfc3339(now),',
        "a repeated submission is told another queued_at than the status shows",
    ),
    Bug(
        "key-reused-unseen",
        _SUBMISSION,
        "        if not _same(record, task, _given(submission)):\n",
        "        if not _same(record, task, _given(submission)) and record.attempt > 99:\n",
        "the same Idempotency-Key with another body is told the first body's job",
    ),
    Bug(
        "count-of-the-page",
        _LIST,
        '"total_count": len(found),',
        '"total_count": len(found[offset:after]),',
        "total_count is that of the page",
    ),
    Bug(
        "walk-skips-one",
        _LIST,
        '"next_offset": after if after < len(found) else None,',
        '"next_offset": after + 1 if after < len(found) else None,',
        "a walk by next_offset leaves jobs out",
    ),
    Bug(
        "first-marker-counts",
        _INDEX,
        "if known is None or entry.status.rank > known.status.rank:",
        "if known is None:",
        "a job is listed in the earliest state that has a marker",
    ),
)
BY_NAME = {bug.name: bug for bug in BUGS}
