"""Pages of jobs, newest first."""

import re

from werkzeug.datastructures import MultiDict

from functions.list.devices import DeviceLister
from functions.list.numbers import JobStats
from functions.list.results import JobOutcome, ResultReader
from shared.errors import InvalidRequest
from shared.http.health import AnyCheck, Check
from shared.http.messages import Handler, Request, Response
from shared.http.schemas import DEFAULT_LIMIT, LARGEST_LIMIT, JobSummary, Page, Stats
from shared.http.service import Options, Service
from shared.job_index.index import Index
from shared.job_index.markers import Entry, Filter
from shared.jobs.store import Clock, JobStore, utc_now
from shared.models import SHOWN, Status, Submission, parse
from shared.openapi import routes as documents
from shared.storage.bucket import Bucket


def service(
    bucket: Bucket,
    checks: dict[str, AnyCheck],
    clock: Clock = utc_now,
    results: ResultReader | None = None,
    options: Options = Options(),  # noqa: B008 - immutable
) -> Service:
    """The function's HTTP surface, over a bucket of jobs; `results` are the bucket's."""
    index = Index(bucket)
    counted = JobStats(index, clock)
    every = {**checks, "jobs": Check(counted.check_stuck_jobs, critical=False)}
    routes: dict[tuple[str, str], Handler] = {
        ("GET", "/api/distance/jobs"): Lister(index, results or ResultReader(JobStore(bucket))).page,
        ("GET", "/api/distance/devices"): DeviceLister(bucket).every,
        ("GET", "/api/distance/stats"): lambda call: _stats(counted, call),
    }
    return Service(
        "distance-list", routes, every, public_routes=documents.ROUTES, stats=counted.numbers, options=options
    )


class Lister:
    """Lists the jobs of one index, with their results."""

    def __init__(self, index: Index, results: ResultReader) -> None:
        self._index = index
        self._results = results

    def page(self, call: Request) -> Response:
        """200 with the page of jobs that the query asks for."""
        given = _once_each(call.query)
        wanted, limit, offset, with_results = _filter(given), *_window(given), _with_results(given)
        found = self._index.page(wanted, offset, limit)
        ends = self._results.of(found.entries) if with_results else {}
        after = offset + limit
        page = Page(
            jobs=[_row(entry, ends.get(entry.position, {})) for entry in found.entries],
            total_count=found.total,
            limit=limit,
            offset=offset,
            next_offset=after if after < found.total else None,
            trace_id=call.trace.trace_id,
        )
        return Response(200, page.body())


def _stats(counted: JobStats, call: Request) -> Response:
    """200 with how many jobs there are in each state."""
    counts = counted.by_state()
    return Response(200, Stats(**counts, total=sum(counts.values()), trace_id=call.trace.trace_id).body())


def _once_each(query: MultiDict[str, str]) -> dict[str, str]:
    """The parameters that are ours, none of them twice."""
    for name in ("status", "date", "device_id", "limit", "offset", "results"):
        if len(query.getlist(name)) > 1:
            raise InvalidRequest(f"{name} must be given once", name, query.getlist(name))
    return query.to_dict()


def _filter(given: dict[str, str]) -> Filter:
    status = given.get("status") or None
    if status is not None and status not in SHOWN:
        raise InvalidRequest("status must be one of: queued, processing, completed, failed", "status", status)
    # A date or a device id is what a submission takes for one.
    day = given.get("date")
    device_id = given.get("device_id")
    checked = parse(Submission, {"date": day or "2000-01-01", "device_id": device_id or ""})
    return Filter(Status(status) if status else None, checked.date if day else None, device_id or None)


def _window(given: dict[str, str]) -> tuple[int, int]:
    texts = given.get("limit", str(DEFAULT_LIMIT)), given.get("offset", "0")
    for name, text in zip(("limit", "offset"), texts, strict=True):
        if not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise InvalidRequest("limit and offset must be integers", name, text)
    limit, offset = map(int, texts)
    if not 1 <= limit <= LARGEST_LIMIT:
        raise InvalidRequest(f"limit must be between 1 and {LARGEST_LIMIT}", "limit", limit)
    if offset < 0:
        raise InvalidRequest("offset must be non-negative", "offset", offset)
    return limit, offset


def _with_results(given: dict[str, str]) -> bool:
    text = given.get("results", "true")
    if text not in ("true", "false"):
        raise InvalidRequest("results must be true or false", "results", text)
    return text == "true"


def _row(entry: Entry, end: JobOutcome) -> JobSummary:
    ended = {} if entry.completed_at is None else {"completed_at": entry.completed_at}
    return JobSummary(
        job_id=entry.job_id,
        status=entry.status,
        date=entry.date,
        device_id=entry.device_id,
        queued_at=entry.queued_at,
        **ended,
        **end,
    )
