"""The state of one job, the way to its CSV, and its deletion."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

from shared.errors import NotFound
from shared.http.messages import Request, Response
from shared.http.schemas import Job
from shared.http.service import Check, Options, Service
from shared.job_index.markers import Entry, Filter
from shared.jobs import audit, csv_keys, deletion
from shared.jobs.store import Clock, JobStore, utc_now
from shared.models import JOB_ID, Record, Status
from shared.openapi import routes as documents
from shared.storage.bucket import Bucket
from shared.telemetry import spans

_RETRY_AFTER_SECONDS = "1"
_TRIES = 3
_JOB_ID = re.compile(JOB_ID.strip("^$"))
_SHOWN = set(Record.model_fields) & set(Job.model_fields) - {"result"}

# key, download name and HTTP method to a presigned URL and its end
Presign = Callable[[str, str, str], tuple[str, datetime]]
# a filter to the newest job that it admits
Newest = Callable[[Filter], Entry | None]


def service(
    jobs: JobStore,
    csvs: Bucket,
    newest: Newest,
    presign: Presign,
    *,
    checks: dict[str, Check],
    csv_age: timedelta | None = None,
    clock: Clock = utc_now,
    options: Options = Options(),  # noqa: B008 - immutable
) -> Service:
    """The function's HTTP surface."""
    reader = StatusReader(jobs, csvs, newest, presign, csv_age=csv_age, clock=clock)
    routes = {
        ("GET", "/api/distance/jobs/<job_id>"): reader.status,
        ("DELETE", "/api/distance/jobs/<job_id>"): reader.delete,
        ("GET", "/api/distance/download/<path:filename>"): reader.download,
    }
    return Service("distance-status", routes, checks, public_routes=documents.ROUTES, options=options)


class StatusReader:
    """Reads, and deletes, the jobs of one store; a CSV older than `csv_age` counts as gone."""

    def __init__(
        self, jobs: JobStore, csvs: Bucket, newest: Newest, presign: Presign, *, csv_age: timedelta | None, clock: Clock
    ) -> None:
        self._jobs = jobs
        self._csvs = csvs
        self._newest = newest
        self._presign = presign
        self._csv_age = csv_age
        self._clock = clock

    def status(self, call: Request) -> Response:
        """200 with the job in whatever state; NotFound for an unknown or malformed id."""
        record = self._jobs.get(_job_id(call))
        _tell(record)
        waiting = {} if record.status.finished else {"Retry-After": _RETRY_AFTER_SECONDS}
        return Response(200, self._job(record, call.trace.trace_id).body(), waiting)

    def delete(self, call: Request) -> Response:
        """204 when the job, its CSVs and its place in the list are gone, whatever state it was in; or NotFound."""
        deletion.delete(self._jobs, self._csvs, _job_id(call))
        return Response(204)

    def _job(self, record: Record, trace_id: str) -> Job:
        known = record.model_dump(include=_SHOWN, exclude_none=True)
        if record.status is Status.COMPLETED and record.result is not None:
            known["result"] = {
                **self._way_to_csv(record),
                **record.result.model_dump(),
                "csv_download_path": csv_keys.download_path(record.result.csv_path),
                "date": record.date,
                "device_id": record.device_id,
            }
        return Job(**known, job_trace_id=record.trace_id, trace_id=trace_id)

    def _way_to_csv(self, record: Record) -> dict[str, str | datetime | None]:
        if record.result is None or self._is_too_old(record):
            return {"csv_download_url": None, "csv_download_expires_at": None}
        url, ends = self._presign(record.result.csv_path, csv_keys.download_filename(record), "GET")
        return {"csv_download_url": url, "csv_download_expires_at": ends}

    def _is_too_old(self, record: Record) -> bool:
        """Whether the CSV has gone, or will as soon as a sweep comes by."""
        ended = record.completed_at
        return self._csv_age is not None and ended is not None and self._clock() - ended > self._csv_age

    def download(self, call: Request) -> Response:
        """302 to a fresh presigned URL, for the request's method, of the CSV that the file name means, or NotFound."""
        for reference in csv_keys.parse_filename(call.path["filename"]):
            record = self._named(reference) if reference.job_id else self._newest_of(reference)
            if record is not None and record.result is not None and not self._is_too_old(record):
                _tell(record)
                url, _ = self._presign(record.result.csv_path, csv_keys.download_filename(record), call.method)
                return Response(302, headers={"Location": url, "Cache-Control": "no-store"})
        raise NotFound("No such file")

    def _named(self, reference: csv_keys.CsvReference) -> Record | None:
        try:
            record = self._jobs.get(reference.job_id or "")
        except NotFound:
            return None
        return record if (record.date, record.device_id) == (reference.date, reference.device_id) else None

    def _newest_of(self, reference: csv_keys.CsvReference) -> Record | None:
        for _ in range(_TRIES):
            found = self._newest(Filter(Status.COMPLETED, reference.date, reference.device_id))
            if found is None:
                return None
            try:
                return self._jobs.get(found.job_id)
            except NotFound:
                continue  # deleted in this moment: the list does not show it any more
        return None


def _tell(record: Record) -> None:
    """Whose state it is, on the span of the call; from there the trace of the job itself is a step away."""
    spans.current_span().set({**audit.span_attributes(record), "distance.status": record.status})
    spans.current_span().link(record.traceparent, "job")


def _job_id(call: Request) -> str:
    """The id in the path, or NotFound where it is none."""
    job_id = call.path["job_id"]
    if not _JOB_ID.fullmatch(job_id):
        raise NotFound("No such job")
    return job_id.lower()
