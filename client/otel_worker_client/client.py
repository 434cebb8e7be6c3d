"""The client: a method for each route of the service."""

import os
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

from otel_worker_client import downloads, health, responses
from otel_worker_client.endpoints import Credentials, Endpoint, Token, endpoint
from otel_worker_client.errors import (
    ConfigurationError,
    JobFailedError,
    NotFinishedError,
    NotFoundError,
    ServiceUnavailableError,
    ValidationError,
)
from otel_worker_client.models import Days, Devices, Job, Page
from otel_worker_client.transport import Transport

T = TypeVar("T")
DEFAULT_URL = "http://127.0.0.1:8080"
_JOBS = "/api/distance/jobs"
_MAX_KEY_LENGTH = 255
_NO_CONTENT = 204
_MAX_POLL_SECONDS = 10.0


class Client:
    """A client of one installation, safe for use by several threads.

    `url` is the URL of a gateway, or of distance-submit together with `status_url` and `list_url` for the other
    services. `timeout` is in seconds, for a call with all its attempts; the default allows for a cold start. `token` is
    a bearer token, or a function that returns a valid one; `api_key` is an API key.

    The constructor raises ConfigurationError. Methods raise subclasses of OtelWorkerError (see errors.py), exceptions
    of the token function and, for `download`, OSError of the file system.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        timeout: float = 30,
        *,
        status_url: str | None = None,
        list_url: str | None = None,
        token: Token | None = None,
        api_key: str | None = None,
    ) -> None:
        self._submit = endpoint("submit", "url (OTEL_WORKER_URL, DISTANCE_SERVICE_ENDPOINT)", url)
        self._status = endpoint("status", "status_url (DISTANCE_STATUS_ENDPOINT)", status_url or url)
        self._list = endpoint("list", "list_url (DISTANCE_LIST_ENDPOINT)", list_url or url)
        if not 0 < timeout <= threading.TIMEOUT_MAX:  # false for NaN
            raise ConfigurationError("timeout (DISTANCE_SERVICE_TIMEOUT): a positive number of seconds is expected")
        self._transport = Transport(timeout, Credentials(token, api_key))

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Return a client configured by OTEL_WORKER_URL, OTEL_WORKER_TOKEN and OTEL_WORKER_API_KEY."""
        url, token, api_key = (environ.get(f"OTEL_WORKER_{name}", "").strip() for name in ("URL", "TOKEN", "API_KEY"))
        return cls(url or DEFAULT_URL, token=token or None, api_key=api_key or None)

    def submit(
        self,
        date: str,
        device_id: str = "",
        *,
        timezone: str | None = None,
        home: tuple[float, float] | None = None,
        away_threshold_km: float | None = None,
        analysis: Mapping[str, float] | None = None,
        idempotency_key: str | None = None,
    ) -> Job:
        """Submit a job for `date` (YYYY-MM-DD) and return it; `home` is latitude and longitude in degrees.

        `analysis` has parameters of the analysis by their names in the API, for example `{"dwell_seconds": 300}`.
        Calls with the same idempotency key return the same job. Without one, each call creates a job.
        """
        home_body = None if home is None else {"latitude": home[0], "longitude": home[1]}
        fields = {"timezone": timezone, "home": home_body, "away_threshold_km": away_threshold_km}
        fields |= {"analysis": None if analysis is None else dict(analysis)}
        fields = {name: value for name, value in fields.items() if value is not None}
        body = {"date": date, "device_id": device_id, **fields}
        headers = {"Idempotency-Key": _idempotency_key(idempotency_key or str(uuid.uuid4()))}

        def parse(body: Mapping[str, Any]) -> Job:
            return Job.from_json(body, date=date, device_id=device_id)

        return self._call(parse, self._submit, "POST", "/api/distance/calculate", json=body, headers=headers)

    def job(self, job_id: str) -> Job:
        """Return the current state of the job, with a new presigned URL of its CSV."""
        return self._call(Job.from_json, self._status, "GET", _job_path(job_id))

    def wait(self, job_id: str, timeout: float = 180, on_poll: Callable[[Job], None] = lambda _: None) -> Job:
        """Poll the job and return it once it is completed; `on_poll` is called with each response.

        Raises JobFailedError if it fails, and NotFinishedError after `timeout` seconds; the job continues then.
        """
        clock = self._transport.clock
        deadline, pause, status = clock.now() + timeout, 0.0, "unknown"
        while True:
            retry_after = ""
            try:
                response = self._transport.call(self._status, "GET", _job_path(job_id))
            except ServiceUnavailableError:
                if clock.now() > deadline:
                    raise
            else:
                job = responses.decode(self._status, response, Job.from_json)
                on_poll(job)
                if job.status == "failed":
                    raise JobFailedError(job.error_message, code=job.error_code, trace_id=job.job_trace_id)
                if job.finished:
                    return job
                retry_after, status = response.headers.get("Retry-After", ""), job.status
            pause = min(max(float(retry_after) if retry_after.isdecimal() else 1.0, pause * 1.5), _MAX_POLL_SECONDS)
            if clock.now() + pause > deadline:
                raise NotFinishedError(f"job {job_id} is still {status} after {timeout:.0f} s")
            clock.sleep(pause)

    def page(
        self,
        *,
        limit: int = 50,
        offset: int = 0,
        status: str = "",
        date: str = "",
        device_id: str = "",
        results: bool = True,
    ) -> Page:
        """Return a page of the jobs that match the filters, newest first.

        A filter "" matches every job: the device "" is not that of jobs of all devices, as it is in `days`.

        With `results`, completed jobs have their numbers without URLs of the CSV; they are missing while the records
        cannot be read.
        """
        filters = {"status": status, "date": date, "device_id": device_id, "results": "" if results else "false"}
        query = {"limit": limit, "offset": offset, **{name: text for name, text in filters.items() if text}}
        return self._call(Page.from_json, self._list, "GET", _JOBS, query=query)

    def jobs(self, *, status: str = "", date: str = "", device_id: str = "", results: bool = True) -> Iterator[Job]:
        """Yield every job that matches the filters of `page` once, newest first."""
        offset: int | None = 0
        yielded: set[str] = set()
        while offset is not None:
            page = self.page(limit=500, offset=offset, status=status, date=date, device_id=device_id, results=results)
            yield from (job for job in page.jobs if job.job_id not in yielded)
            yielded.update(job.job_id for job in page.jobs)  # new jobs shift others to the next page
            offset = page.next_offset

    def days(self, device_id: str, from_date: str, to_date: str) -> Days:
        """Return the days of a range that have a completed job of the device, with the numbers of the newest one.

        `from_date` and `to_date` (YYYY-MM-DD) are included; the range has at most 366 days. The device "" selects jobs
        of all devices, which also count as days of each device that their analysis has.
        """
        query = {"device_id": device_id, "from": from_date, "to": to_date}
        return self._call(Days.from_json, self._list, "GET", "/api/distance/days", query=query)

    def devices(self) -> Devices:
        """Return the devices that have fixes; the list is at most an hour old."""
        return self._call(Devices.from_json, self._list, "GET", "/api/distance/devices")

    def stats(self) -> dict[str, int]:
        """Return the number of jobs in each state, and the `total`."""

        def counts(body: Mapping[str, Any]) -> dict[str, int]:
            return {"total": body["total"], **{name: count for name, count in body.items() if isinstance(count, int)}}

        return self._call(counts, self._list, "GET", "/api/distance/stats")

    def delete(self, job_id: str) -> None:
        """Delete the job and its CSVs, in any state."""
        response = self._transport.call(self._status, "DELETE", _job_path(job_id))
        if response.status_code != _NO_CONTENT:
            raise responses.route_not_found(self._status, response)

    def download(self, job: Job | str, into: Path = Path()) -> Path:
        """Download the verified CSV of a completed job to the folder or path `into`; return its path."""
        job_id = job if isinstance(job, str) else job.job_id
        return downloads.download(lambda: self.job(job_id), self._transport, into)

    def csv(self, filename: str) -> Iterator[bytes]:
        """Return the chunks of a CSV; the request is sent by this call, before the first chunk is read."""
        path = f"/api/distance/download/{quote(filename, safe='')}"
        response = self._transport.call(self._status, "GET", path, redirects=True)
        return downloads.open_csv(self._transport, self._status, response)

    def healthy(self) -> bool:
        """Return whether each service is at its URL, accepts the credentials, and is ready."""
        return health.check(self._transport, self._submit, self._status, self._list)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, parse: Callable[[Mapping[str, Any]], T], to: Endpoint, method: str, path: str, **options: Any) -> T:
        """Send a request and parse the response."""
        return responses.decode(to, self._transport.call(to, method, path, **options), parse)


def _job_path(job_id: str) -> str:
    if not job_id:
        raise NotFoundError("No such job")
    return f"{_JOBS}/{quote(job_id, safe='')}"


def _idempotency_key(key: str) -> str:
    if len(key) > _MAX_KEY_LENGTH or not all("!" <= character <= "~" for character in key):
        raise ValidationError("Idempotency-Key must be 1 to 255 visible ASCII characters")
    return key
