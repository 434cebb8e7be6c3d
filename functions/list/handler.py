"""Handle requests for many jobs: pages of jobs, newest first, days with their numbers, counts, and the devices."""

import json
from collections.abc import Mapping
from typing import Any

from functions.list.parameters import DayParameters, parse_days, parse_page
from functions.list.results import JobOutcome, ResultReader
from functions.list.stats import JobStats
from shared.http.health import AnyCheck, Check
from shared.http.messages import Handler, Request, Response
from shared.http.service import Options, Service
from shared.job_index import devices
from shared.job_index.index import Index
from shared.job_index.markers import Entry, Filter
from shared.jobs.store import Clock, JobStore, utc_now
from shared.models import Status, rfc3339
from shared.openapi import routes as documents
from shared.storage.bucket import Bucket


def service(
    bucket: Bucket,
    checks: dict[str, AnyCheck],
    clock: Clock = utc_now,
    results: ResultReader | None = None,
    options: Options = Options(),  # noqa: B008 - immutable
) -> Service:
    """Build the HTTP service of list for a bucket of jobs."""
    index = Index(bucket)
    stats = JobStats(index, clock)
    results = results or ResultReader(JobStore(bucket))
    routes: dict[tuple[str, str], Handler] = {
        ("GET", "/api/distance/jobs"): JobLister(index, results).list_page,
        ("GET", "/api/distance/days"): DayLister(index, results).list_days,
        ("GET", "/api/distance/devices"): DeviceLister(bucket).list_devices,
        ("GET", "/api/distance/stats"): lambda request: _stats(stats, request),
    }
    return Service(
        "distance-list",
        routes,
        {**checks, "jobs": Check(stats.check_stuck_jobs, critical=False)},
        public_routes=documents.ROUTES,
        stats=stats.report,
        options=options,
    )


class JobLister:
    """List the jobs of one index with their results."""

    def __init__(self, index: Index, results: ResultReader) -> None:
        self._index = index
        self._results = results

    def list_page(self, request: Request) -> Response:
        """Return 200 with the requested page. Raises InvalidRequest for an invalid parameter."""
        parameters = parse_page(request.query)
        limit, offset = parameters.limit, parameters.offset
        page = self._index.page(parameters.job_filter, offset, limit)
        outcomes = self._results.read_available(page.entries) if parameters.with_results else {}
        after = offset + limit
        body = {
            "jobs": [_summary(entry, outcomes.get(entry.position)) for entry in page.entries],
            "total_count": page.total,
            "limit": limit,
            "offset": offset,
            "next_offset": after if after < page.total else None,
            "trace_id": request.trace.trace_id,
        }
        return Response(200, body)


class DayLister:
    """List the days of one index that have a completed job, with the numbers of the newest one."""

    def __init__(self, index: Index, results: ResultReader) -> None:
        self._index = index
        self._results = results

    def list_days(self, request: Request) -> Response:
        """Return 200 with the days in order, each by its newest job of the device, or of all devices with its analysis.

        Raises InvalidRequest for an invalid parameter, and Unavailable if a record cannot be read now: without its
        numbers a day would look like one that has none.
        """
        parameters = parse_days(request.query)
        device_id = parameters.device_id
        entries = [entry for each in dict.fromkeys((device_id, "")) for entry in self._newest_jobs(parameters, each)]
        outcomes = self._results.read(entries, device_id)
        days = {}
        for entry in sorted(entries, key=lambda entry: entry.position):  # a newer job replaces an older one
            if row := _day(entry, outcomes.get(entry.position), device_id):
                days[entry.date] = row
        body = {
            "days": [row for _, row in sorted(days.items())],
            "device_id": device_id,
            "from": parameters.first.isoformat(),
            "to": parameters.last.isoformat(),
            "trace_id": request.trace.trace_id,
        }
        return Response(200, body)

    def _newest_jobs(self, parameters: DayParameters, device_id: str) -> list[Entry]:
        """Return the newest completed job of each date that has one, of exactly this device, "" for all devices."""
        job_filter = Filter(Status.COMPLETED, device_id=device_id)
        return self._index.newest_of_days(job_filter, parameters.first, parameters.last)


class DeviceLister:
    """List the devices of one bucket. The stored list is cached until it changes."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._cached: devices.VersionedDevices | None = None

    def list_devices(self, request: Request) -> Response:
        """Return 200 with all devices; the list is empty before the first refresh."""
        self._cached = stored = devices.read(self._bucket, self._cached)
        times = sorted(stored.device_list.devices.items()) if stored.device_list else []
        as_of = stored.device_list.as_of if stored.device_list else None
        body = {
            "devices": [{"device_id": device_id, "last_fix_at": rfc3339(time)} for device_id, time in times],
            "as_of": None if as_of is None else rfc3339(as_of),
            "trace_id": request.trace.trace_id,
        }
        return Response(200, body)


def _stats(stats: JobStats, request: Request) -> Response:
    """Return 200 with the number of jobs in each state."""
    counts = stats.counts()
    return Response(200, {**counts, "total": sum(counts.values()), "trace_id": request.trace.trace_id})


def _summary(entry: Entry, outcome: JobOutcome | None) -> dict[str, Any]:
    """Return a row of a page, the model `JobSummary` of shared/openapi/response_models.py."""
    completed_at = entry.completed_at
    return {
        "job_id": entry.job_id,
        "status": entry.status,
        "date": entry.date,
        "device_id": entry.device_id,
        "queued_at": rfc3339(entry.queued_at),
        **({} if completed_at is None else {"completed_at": rfc3339(completed_at)}),
        **({} if outcome is None else outcome.fields),
    }


def _day(entry: Entry, outcome: JobOutcome | None, device_id: str) -> dict[str, Any] | None:
    """Return the row of a completed job, the model `DaySummary` of shared/openapi/response_models.py.

    A job of all devices has no numbers of a single one, and no row without its analysis.
    """
    result = outcome.fields.get("result") if outcome and entry.device_id == device_id else None
    analysis = outcome.analysis if outcome else None
    if entry.device_id != device_id and analysis is None:
        return None
    return {
        "date": entry.date,
        "job_id": entry.job_id,
        "completed_at": entry.completed_at and rfc3339(entry.completed_at),
        "result": result and _numbers(result),
        "analysis": analysis and json.loads(analysis),
    }


def _numbers(result: Mapping[str, Any]) -> dict[str, int | float]:
    return {name: value for name, value in result.items() if isinstance(value, (int, float))}
