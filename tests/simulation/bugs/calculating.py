"""Bugs in a calculation: its blocks, its CSV, its lease."""

from tests.simulation.planted import Bug

_CALCULATION = "functions/calculate/calculation.py"
_LEFTOVERS = "shared/jobs/csv_cleanup.py"
_NAMES = "shared/jobs/csv_keys.py"
_UPLOADS = "shared/storage/multipart.py"

BUGS = (
    Bug(
        "lease-not-renewed",
        _CALCULATION,
        "heartbeat=lambda: jobs.renew(claim))",
        "heartbeat=lambda: None)",
        "a long job is taken from an attempt that runs",
    ),
    Bug(
        "little-data-is-no-data",
        _CALCULATION,
        "if not statistics.total_locations:",
        "if statistics.total_locations < 4:",
        "a day with three fixes fails",
    ),
    Bug(
        "block-left-out",
        _CALCULATION,
        '        for block in stages.iterate("fetch", blocks):\n',
        '        next(blocks, None)\n        for block in stages.iterate("fetch", blocks):\n',
        "numbers and CSV lack the first fixes of the day",
    ),
    Bug(
        "attempts-share-a-csv",
        _NAMES,
        "{record.attempt if attempt is None else attempt}/",
        "1/",
        "a late attempt replaces the CSV of the one that won",
    ),
    Bug(
        "half-a-csv-is-visible",
        _UPLOADS,
        "            if kind is None:\n                self._complete()",
        "            if kind is not SystemExit:\n                self._complete()",
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
        "digest-of-half-a-csv",
        _UPLOADS,
        "        self._digest.update(part)\n",
        '        self._digest.update(part if number == 1 else b"")\n',
        "downloads of a CSV of several parts are refused",
    ),
    Bug(
        "upload-not-aborted",
        _UPLOADS,
        "            if kind is not None:\n                self._abort()",
        "            if kind is SystemExit:\n                self._abort()",
        "parts of an attempt that failed stay in the bucket for a while",
    ),
    Bug(
        "winner-cleared-away",
        _LEFTOVERS,
        "_keys_of_attempts(record) if key != current]",
        "_keys_of_attempts(record)]",
        "the CSV that the record names goes with the others",
    ),
)
