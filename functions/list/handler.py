"""Handle requests for all jobs: pages of jobs, newest first, their counts, and the known devices."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from werkzeug.datastructures import MultiDict

from functions.list.results import JobOutcome, ResultReader
from functions.list.stats import JobStats
from shared.errors import InvalidRequest
from shared.http.health import AnyCheck, Check
from shared.http.messages import Handler, Request, Response
from shared.http.page_limits import DEFAULT_LIMIT, MAX_LIMIT
from shared.http.service import Options, Service
from shared.job_index import devices
from shared.job_index.index import Index
from shared.job_index.markers import Entry, Filter
from shared.jobs.store import Clock, JobStore, utc_now
from shared.models import FIELD_ERRORS, PUBLIC_STATUSES, Status, parse_day, parse_device_id, rfc3339
from shared.openapi import routes as documents
from shared.storage.bucket import Bucket

T = TypeVar("T")


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
    lister = JobLister(index, results or ResultReader(JobStore(bucket)))
    routes: dict[tuple[str, str], Handler] = {
        ("GET", "/api/distance/jobs"): lister.list_page,
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
        parameters = _single_parameters(request.query)
        job_filter, with_results = _filter(parameters), _with_results(parameters)
        limit, offset = _limit_and_offset(parameters)
        page = self._index.page(job_filter, offset, limit)
        outcomes = self._results.read(page.entries) if with_results else {}
        after = offset + limit
        body = {
            "jobs": [_summary(entry, outcomes.get(entry.position, {})) for entry in page.entries],
            "total_count": page.total,
            "limit": limit,
            "offset": offset,
            "next_offset": after if after < page.total else None,
            "trace_id": request.trace.trace_id,
        }
        return Response(200, body)


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


def _single_parameters(query: MultiDict[str, str]) -> dict[str, str]:
    """Return the query parameters. Raises InvalidRequest if a known one is repeated."""
    for name in ("status", "date", "device_id", "limit", "offset", "results"):
        if len(query.getlist(name)) > 1:
            raise InvalidRequest(f"{name} must be given once", name, query.getlist(name))
    return query.to_dict()


def _filter(parameters: dict[str, str]) -> Filter:
    status = parameters.get("status") or None
    if status is not None and status not in PUBLIC_STATUSES:
        raise InvalidRequest("status must be one of: queued, processing, completed, failed", "status", status)
    # The rules for dates and device ids are those of a submission.
    day = _optional(parameters, "date", parse_day)
    device_id = _optional(parameters, "device_id", parse_device_id)
    return Filter(Status(status) if status else None, day, device_id)


def _optional(parameters: dict[str, str], name: str, parser: Callable[[str], T]) -> T | None:
    """Return the value of a parameter, None if it is absent or empty. Raises InvalidRequest."""
    text = parameters.get(name)
    if not text:
        return None
    try:
        return parser(text)
    except ValueError:
        raise InvalidRequest(FIELD_ERRORS[name], name, text) from None


def _limit_and_offset(parameters: dict[str, str]) -> tuple[int, int]:
    texts = parameters.get("limit", str(DEFAULT_LIMIT)), parameters.get("offset", "0")
    for name, text in zip(("limit", "offset"), texts, strict=True):
        if not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise InvalidRequest("limit and offset must be integers", name, text)
    limit, offset = map(int, texts)
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidRequest(f"limit must be between 1 and {MAX_LIMIT}", "limit", limit)
    if offset < 0:
        raise InvalidRequest("offset must be non-negative", "offset", offset)
    return limit, offset


def _with_results(parameters: dict[str, str]) -> bool:
    text = parameters.get("results", "true")
    if text not in ("true", "false"):
        raise InvalidRequest("results must be true or false", "results", text)
    return text == "true"


def _summary(entry: Entry, outcome: JobOutcome) -> dict[str, Any]:
    """Return a row, the model `JobSummary` of shared/openapi/response_models.py."""
    completed_at = entry.completed_at
    return {
        "job_id": entry.job_id,
        "status": entry.status,
        "date": entry.date,
        "device_id": entry.device_id,
        "queued_at": rfc3339(entry.queued_at),
        **({} if completed_at is None else {"completed_at": rfc3339(completed_at)}),
        **outcome,
    }
