"""Bugs in the list: tail, segments, pages, counts."""

from tests.simulation.planted import Bug

_INDEX = "shared/job_index/index.py"
_LIST = "functions/list/handler.py"
_MARKERS = "shared/job_index/markers.py"
_RESULTS = "functions/list/results.py"
_SEGMENTS = "shared/job_index/segments.py"

BUGS = (
    Bug(
        "tail-after-current",
        _INDEX,
        "        log = MarkerLog(self._bucket)\n        manifest = self._manifest()\n",
        "        manifest = self._manifest()\n        log = MarkerLog(self._bucket)\n",
        "what is folded between the two readings is in neither",
    ),
    Bug(
        "first-marker-counts",
        _MARKERS,
        "            if previous is None or entry.status.rank > previous.status.rank:",
        "            if previous is None:",
        "a job is listed in the earliest state that has a marker",
    ),
    Bug(
        "stale-marker-counts",
        _INDEX,
        "                if entry.status.rank <= hot.entry(row).status.rank:\n",
        "                if entry.status.rank == hot.entry(row).status.rank:\n",
        "a late marker takes a job back",
    ),
    Bug(
        "sealed-not-counted",
        _INDEX,
        "        total = sum(map(len, unsealed)) + len(sealed)\n",
        "        total = sum(map(len, unsealed))\n",
        "total_count lacks the older jobs",
    ),
    Bug(
        "filter-not-applied-to-hot",
        _INDEX,
        "        if not job_filter.is_empty:\n",
        "        if job_filter.is_empty:\n",
        "a filtered list shows what it should not",
    ),
    Bug(
        "walk-skips-one",
        _LIST,
        "next_offset=after if after < found.total else None,",
        "next_offset=after + 1 if after < found.total else None,",
        "a walk by next_offset leaves jobs out",
    ),
    Bug(
        "behind-the-sealed-forgotten",
        _INDEX,
        "        rest = merge([*older, *sealed.slice(skipped, stop)])\n",
        "        rest = merge([*sealed.slice(skipped, stop)])\n",
        "jobs that are older than a sealed one and not sealed are on no page",
    ),
    Bug(
        "changed-row-twice",
        _SEGMENTS,
        "            if row is not None:\n                kept[row] = False\n        return merge",
        "            if row is None:\n                kept[row] = False\n        return merge",
        "a job that moved is listed twice",
    ),
    Bug(
        "devices-not-claimed",
        "functions/calculate/sweep/devices.py",
        "        etag = devices.write(self._bucket, claim, stored.etag)\n",
        "        etag = stored.etag\n",
        "every sweep asks the database for its devices while that fails",
    ),
    Bug(
        "one-failure-ends-results",
        _RESULTS,
        "        failures: list[str] = []\n",
        "        failures = self.__dict__.setdefault('failures', list[str]())\n",
        "after a record that could not be read no row has a result any more",
    ),
)
