"""The state of one job, and the way to its CSV."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from shared import csv_names
from shared.errors import NotFound
from shared.http import Call, Check, Reply, Service
from shared.index import Filter, Index
from shared.jobs import Jobs
from shared.models import Record, Status, rfc3339

_RETRY_AFTER_SECONDS = "1"
_JOB_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

_SHOWN = (
    *("job_id", "status", "date", "device_id", "queued_at", "started_at", "completed_at"),
    *("error_code", "error_message"),
)

# key and download name to a presigned URL and its end
Presign = Callable[[str, str], tuple[str, datetime]]


def service(jobs: Jobs, index: Index, presign: Presign, checks: dict[str, Check]) -> Service:
    """The function's HTTP surface."""
    reader = StatusReader(jobs, index, presign)
    routes = {
        ("GET", "/api/distance/jobs/<job_id>"): reader.status,
        ("GET", "/api/distance/download/<path:filename>"): reader.download,
    }
    return Service("distance-status", routes, checks)


class StatusReader:
    """Reads the jobs of one store."""

    def __init__(self, jobs: Jobs, index: Index, presign: Presign) -> None:
        self._jobs = jobs
        self._index = index
        self._presign = presign

    def status(self, call: Call) -> Reply:
        """200 with the job in whatever state; NotFound for an unknown or malformed id."""
        job_id = call.path["job_id"]
        if not _JOB_ID.fullmatch(job_id):
            raise NotFound("No such job")
        record = self._jobs.get(job_id.lower())
        waiting = {} if record.status.finished else {"Retry-After": _RETRY_AFTER_SECONDS}
        return Reply(200, {**self._body(record), "trace_id": call.trace.trace_id}, waiting)

    def _body(self, record: Record) -> dict[str, Any]:
        known = record.model_dump(mode="json", exclude_none=True)
        body = {name: known[name] for name in _SHOWN if name in known}
        if record.status is Status.COMPLETED and record.result is not None:
            url, ends = self._presign(record.result.csv_path, csv_names.download_name(record))
            body["result"] = {
                "csv_download_url": url,
                "csv_download_expires_at": rfc3339(ends),
                **record.result.model_dump(mode="json"),
                "date": body["date"],
                "device_id": body["device_id"],
            }
        return body

    def download(self, call: Call) -> Reply:
        """302 to a fresh presigned URL of the CSV that the file name means, or NotFound."""
        for asked in csv_names.asked(call.path["filename"]):
            record = self._named(asked) if asked.job_id else self._newest(asked)
            if record is not None and record.result is not None:
                url, _ = self._presign(record.result.csv_path, csv_names.download_name(record))
                return Reply(302, headers={"Location": url, "Cache-Control": "no-store"})
        raise NotFound("No such file")

    def _named(self, asked: csv_names.Asked) -> Record | None:
        try:
            record = self._jobs.get(asked.job_id or "")
        except NotFound:
            return None
        return record if (record.date, record.device_id) == (asked.date, asked.device_id) else None

    def _newest(self, asked: csv_names.Asked) -> Record | None:
        found = self._index.select(Filter(Status.COMPLETED, asked.date, asked.device_id))
        return self._jobs.get(found[0].job_id) if found else None
