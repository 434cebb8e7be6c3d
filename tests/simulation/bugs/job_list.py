"""Bugs in the list: marker log, segments, pages, counts, days."""

from tests.planted import Bug

_INDEX = "shared.job_index.index"

BUGS = (
    Bug(
        "log-read-after-manifest",
        f"{_INDEX}:Index._snapshot",
        old="log = MarkerLog(...)\nmanifest = self._manifest()",
        new="manifest = self._manifest()\nlog = MarkerLog(self._bucket)",
        breaks="a job that is compacted between the two reads is in neither",
    ),
    Bug(
        "first-marker-wins",
        "shared.job_index.markers:MarkerLog.__init__",
        old="entry.status.rank > ...",
        new="False",
        breaks="a job is listed in the earliest state that has a marker",
    ),
    Bug(
        "stale-marker-wins",
        f"{_INDEX}:Index._apply_log",
        old="entry.status.rank <= ...",
        new="entry.status.rank == hot.entry(row).status.rank",
        breaks="a late marker reverts the state of a listed job",
    ),
    Bug(
        "sealed-jobs-not-counted",
        f"{_INDEX}:Index._page",
        old="... + len(sealed)",
        new="sum(map(len, unsealed))",
        breaks="total_count lacks the older jobs",
    ),
    Bug(
        "filter-not-applied-to-hot",
        f"{_INDEX}:Index._views",
        old="not (...).is_empty",
        new="False",
        breaks="a filtered list shows jobs that do not match",
    ),
    Bug(
        "walk-skips-job",
        "functions.list.handler:JobLister.list_page",
        old="after if after < ... else None",
        new="after + 1 if after < page.total else None",
        breaks="a walk by next_offset skips jobs",
    ),
    Bug(
        "unsealed-older-jobs-dropped",
        f"{_INDEX}:_merge_page",
        old="[*..., *sealed.slice(...)]",
        new="[*sealed.slice(skipped, stop)]",
        breaks="unsealed jobs that are older than a sealed one are on no page",
    ),
    Bug(
        "changed-row-duplicated",
        "shared.job_index.segments:Segment.with_changes",
        old="row is not None",
        new="False",
        breaks="a job that changed its state is listed twice",
    ),
    Bug(
        "devices-without-claim",
        "functions.calculate.sweep.devices:DeviceRefresher._refresh",
        old="devices.write(self._bucket, claim, ...)",
        new="stored.etag",
        breaks="every sweep queries the devices again while the query fails",
    ),
    Bug(
        "results-end-after-failure",
        "functions.list.results:ResultReader._read_records",
        old="failures: list[str] = []",
        new="failures = self.__dict__.setdefault('failures', [])",
        breaks="after one record that could not be read no row has a result",
    ),
    Bug(
        "failed-job-hides-completed-one",
        "functions.list.handler:DayLister._newest_jobs",
        old="Status.COMPLETED",
        new="None",
        breaks="a day whose newest job has failed or is unfinished has no numbers",
    ),
    Bug(
        "days-without-sealed-jobs",
        f"{_INDEX}:Index._newest_of_days",
        old="(*unsealed, *sealed.views())",
        new="unsealed",
        breaks="days lack the jobs of sealed segments",
    ),
    Bug(
        "unavailable-record-is-null",
        "functions.list.handler:DayLister.list_days",
        old="self._results.read(...)",
        new="self._results.read_available(entries)",
        breaks="a day whose record cannot be read now has no numbers",
    ),
)
