"""Handle requests for one job: its status, the download of its CSV, and its deletion."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from shared.errors import CorruptRecord, NotFound
from shared.http.messages import Request, Response
from shared.http.service import Check, Options, Service
from shared.job_index.markers import Entry, Filter, milliseconds
from shared.jobs import audit, csv_keys, deletion
from shared.jobs.store import Clock, JobStore, utc_now
from shared.models import JOB_ID, Record, Status, rfc3339
from shared.openapi import routes as documents
from shared.storage.bucket import Bucket
from shared.telemetry import spans

_RETRY_AFTER_SECONDS = "1"
_MAX_TRIES = 3
_JOB_ID = re.compile(JOB_ID.strip("^$"))

# Maps a key, a download name and an HTTP method to a presigned URL and its expiry.
Presign = Callable[[str, str, str], tuple[str, datetime]]
# Returns the newest job that a filter admits.
FindNewest = Callable[[Filter], Entry | None]


def service(
    jobs: JobStore,
    csvs: Bucket,
    find_newest: FindNewest,
    presign: Presign,
    *,
    checks: dict[str, Check],
    csv_age: timedelta | None = None,
    clock: Clock = utc_now,
    options: Options = Options(),  # noqa: B008 - immutable
) -> Service:
    """Build the HTTP service of status."""
    handler = JobHandler(jobs, csvs, find_newest, presign, csv_age=csv_age, clock=clock)
    routes = {
        ("GET", "/api/distance/jobs/<job_id>"): handler.status,
        ("DELETE", "/api/distance/jobs/<job_id>"): handler.delete,
        ("GET", "/api/distance/download/<path:filename>"): handler.download,
    }
    return Service("distance-status", routes, checks, public_routes=documents.ROUTES, options=options)


class JobHandler:
    """Handle requests for the jobs of one store. A CSV older than `csv_age` counts as deleted."""

    def __init__(
        self,
        jobs: JobStore,
        csvs: Bucket,
        find_newest: FindNewest,
        presign: Presign,
        *,
        csv_age: timedelta | None,
        clock: Clock,
    ) -> None:
        self._jobs = jobs
        self._csvs = csvs
        self._find_newest = find_newest
        self._presign = presign
        self._csv_age = csv_age
        self._clock = clock

    def status(self, request: Request) -> Response:
        """Return 200 with the job in any state. Raises NotFound for an unknown or malformed id."""
        record = self._jobs.get(_job_id(request))
        _annotate_span(record)
        headers = {} if record.status.is_finished else {"Retry-After": _RETRY_AFTER_SECONDS}
        return Response(200, self._job(record, request.trace.trace_id), headers)

    def delete(self, request: Request) -> Response:
        """Delete the job in any state, with its CSVs and its index entry. Returns 204, or raises NotFound."""
        job_id = _job_id(request)
        try:
            deletion.delete(self._jobs, self._csvs, job_id)
        except CorruptRecord:
            # The record belongs to the newest job of its id in the list. If there is none, any position will do.
            entry = self._find_newest(Filter(job_id=job_id))
            position = entry.position if entry else (milliseconds(self._clock()), job_id)
            self._jobs.mark_deleted(position)
            deletion.complete_corrupt(self._jobs, self._csvs, position)
        return Response(204)

    def _job(self, record: Record, trace_id: str) -> dict[str, Any]:
        """Return the body `Job` of shared/openapi/response_models.py. Fields without a value are omitted."""
        started_at, completed_at = record.started_at, record.completed_at
        fields = {
            "job_id": record.job_id,
            "status": record.status,
            "date": record.date.isoformat(),
            "device_id": record.device_id,
            "timezone": record.timezone,
            "queued_at": rfc3339(record.queued_at),
            "started_at": None if started_at is None else rfc3339(started_at),
            "completed_at": None if completed_at is None else rfc3339(completed_at),
            "result": self._result(record),
            "error_code": record.error_code,
            "error_message": record.error_message,
            "job_trace_id": record.trace_id,
            "trace_id": trace_id,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def _result(self, record: Record) -> dict[str, Any] | None:
        if record.status is not Status.COMPLETED or record.result is None:
            return None
        return {
            **record.result.summary(),
            "csv_download_path": csv_keys.download_path(record.result.csv_path),
            **self._csv_download(record, record.result.csv_path),
            "date": record.date.isoformat(),
            "device_id": record.device_id,
            "analysis": record.result.analysis,
        }

    def _csv_download(self, record: Record, csv_path: str) -> dict[str, str | None]:
        if self._is_csv_expired(record):
            return {"csv_download_url": None, "csv_download_expires_at": None}
        url, expires_at = self._presign(csv_path, csv_keys.download_filename(record), "GET")
        return {"csv_download_url": url, "csv_download_expires_at": rfc3339(expires_at)}

    def _is_csv_expired(self, record: Record) -> bool:
        """Whether the CSV is older than its retention. The next sweep deletes it, if it has not done so."""
        completed_at = record.completed_at
        if self._csv_age is None or completed_at is None:
            return False
        return self._clock() - completed_at > self._csv_age

    def download(self, request: Request) -> Response:
        """Return 302 to a presigned URL, for the request's method, of the CSV with this file name.

        Raises NotFound if there is no such CSV, and InvalidRequest for an invalid file name.
        """
        for reference in csv_keys.parse_filename(request.path["filename"]):
            record = self._job_with_id(reference) if reference.job_id else self._newest_job(reference)
            if record is not None and record.result is not None and not self._is_csv_expired(record):
                _annotate_span(record)
                url, _ = self._presign(record.result.csv_path, csv_keys.download_filename(record), request.method)
                return Response(302, headers={"Location": url, "Cache-Control": "no-store"})
        raise NotFound("No such file")

    def _job_with_id(self, reference: csv_keys.CsvReference) -> Record | None:
        try:
            record = self._jobs.get(reference.job_id or "")
        except NotFound:
            return None
        return record if (record.date, record.device_id) == (reference.date, reference.device_id) else None

    def _newest_job(self, reference: csv_keys.CsvReference) -> Record | None:
        for _ in range(_MAX_TRIES):
            entry = self._find_newest(Filter(Status.COMPLETED, reference.date, reference.device_id))
            if entry is None:
                return None
            try:
                return self._jobs.get(entry.job_id)
            except NotFound:
                continue  # deleted since it was listed
        return None


def _annotate_span(record: Record) -> None:
    """Add the job's attributes to the current span, and a link to the trace of its submission."""
    spans.current_span().set({**audit.span_attributes(record), "distance.status": record.status})
    spans.current_span().link(record.traceparent, "job")


def _job_id(request: Request) -> str:
    """Return the job id of the path in lower case. Raises NotFound if it is malformed."""
    job_id = request.path["job_id"]
    if not _JOB_ID.fullmatch(job_id):
        raise NotFound("No such job")
    return job_id.lower()
