"""The service's routes as methods."""

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
from otel_worker_client.models import Devices, Job, Page
from otel_worker_client.transport import Transport

T = TypeVar("T")
DEFAULT_URL = "http://127.0.0.1:8080"
_JOBS = "/api/distance/jobs"
_LONGEST_KEY = 255
_NO_CONTENT = 204
_LONGEST_LOOK_SECONDS = 10.0


class Client:
    """One for any number of threads; `timeout` is in seconds, for a call with all of its tries.

    `url` is a gateway's, or distance-submit's; then `status_url` and `list_url` are those of the others. A cold start
    fits into the default timeout. Where the service asks who calls, a bearer `token`, or a function that has a good one
    at any time, or an `api_key` says it.

    Every method raises OtelWorkerError, of the kinds in errors.py; so does the constructor for a URL or timeout that
    cannot work. Other exceptions are those of the token function and, of `download`, OSError of the file system.
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
        if not 0 < timeout <= threading.TIMEOUT_MAX:  # NaN is neither
            raise ConfigurationError("timeout (DISTANCE_SERVICE_TIMEOUT): a positive number of seconds is expected")
        self._transport = Transport(timeout, Credentials(token, api_key))

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Of the service at OTEL_WORKER_URL, with OTEL_WORKER_TOKEN or OTEL_WORKER_API_KEY if they are set."""
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
        idempotency_key: str | None = None,
    ) -> Job:
        """A job for `date` (YYYY-MM-DD) that is durable from now on; `home` is latitude and longitude in degrees.

        The same key again is the same job. Without one, each call makes a job, and only its own tries are one.
        """
        place = None if home is None else {"latitude": home[0], "longitude": home[1]}
        wanted = {"device_id": device_id, "timezone": timezone, "home": place, "away_threshold_km": away_threshold_km}
        body = {"date": date, **{name: value for name, value in wanted.items() if value is not None}}
        headers = {"Idempotency-Key": _idempotency_key(idempotency_key or str(uuid.uuid4()))}

        def accepted(answer: Mapping[str, Any]) -> Job:
            return Job.read(answer, date=date, device_id=device_id)

        return self._call(accepted, self._submit, "POST", "/api/distance/calculate", json=body, headers=headers)

    def job(self, job_id: str) -> Job:
        """The job as it is now; its CSV's URL is a fresh one."""
        return self._call(Job.read, self._status, "GET", _job_path(job_id))

    def wait(self, job_id: str, timeout: float = 180, tell: Callable[[Job], None] = lambda _: None) -> Job:
        """The job once it is completed; `tell` is given it at each look.

        JobFailedError if it fails, NotFinishedError after `timeout` seconds: it goes on then.
        """
        clock = self._transport.clock
        ends, pause, status = clock.now() + timeout, 0.0, "not to be seen"
        while True:
            after = ""
            try:
                answer = self._transport.call(self._status, "GET", _job_path(job_id))
            except ServiceUnavailableError:
                if clock.now() > ends:
                    raise
            else:
                job = responses.decode(self._status, answer, Job.read)
                tell(job)
                if job.status == "failed":
                    raise JobFailedError(job.error_message, code=job.error_code, trace_id=job.job_trace_id)
                if job.finished:
                    return job
                after, status = answer.headers.get("Retry-After", ""), job.status
            pause = min(max(float(after) if after.isdecimal() else 1.0, pause * 1.5), _LONGEST_LOOK_SECONDS)
            if clock.now() + pause > ends:
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
        """A page of the jobs that the filters admit ("" is none), newest first, with the `results` of those that ended.

        ResultReader there are without a way to the CSV, and may be missing while records can't be read.
        """
        wanted = {"status": status, "date": date, "device_id": device_id, "results": "" if results else "false"}
        query = {"limit": limit, "offset": offset, **{name: text for name, text in wanted.items() if text}}
        return self._call(Page.read, self._list, "GET", _JOBS, query=query)

    def jobs(self, *, status: str = "", date: str = "", device_id: str = "", results: bool = True) -> Iterator[Job]:
        """Every job that the filters admit, newest first, each once."""
        offset: int | None = 0
        seen: set[str] = set()
        while offset is not None:
            page = self.page(limit=500, offset=offset, status=status, date=date, device_id=device_id, results=results)
            yield from (job for job in page.jobs if job.job_id not in seen)
            seen.update(job.job_id for job in page.jobs)  # jobs that arrive meanwhile push others onto the next page
            offset = page.next_offset

    def devices(self) -> Devices:
        """The devices that have fixes, at most an hour old."""
        return self._call(Devices.read, self._list, "GET", "/api/distance/devices")

    def stats(self) -> dict[str, int]:
        """How many jobs are in each state, and the `total`."""

        def counts(body: Mapping[str, Any]) -> dict[str, int]:
            return {"total": body["total"], **{name: count for name, count in body.items() if isinstance(count, int)}}

        return self._call(counts, self._list, "GET", "/api/distance/stats")

    def delete(self, job_id: str) -> None:
        """The job goes, with its CSVs, whatever state it is in."""
        answer = self._transport.call(self._status, "DELETE", _job_path(job_id))
        if answer.status_code != _NO_CONTENT:
            raise responses.route_not_found(self._status, answer)

    def download(self, job: Job | str, into: Path = Path()) -> Path:
        """The CSV of a completed job, whole, in the folder or at the path `into`; where it lies."""
        job_id = job if isinstance(job, str) else job.job_id
        return downloads.download(lambda: self.job(job_id), self._transport, into)

    def csv(self, filename: str) -> Iterator[bytes]:
        """The CSV of that name, piece by piece, to be passed on; it is asked for before the first piece is taken."""
        path = f"/api/distance/download/{quote(filename, safe='')}"
        answer = self._transport.call(self._status, "GET", path, redirects=True)
        return downloads.open_csv(self._transport, self._status, answer)

    def healthy(self) -> bool:
        """Whether each service is at its URL, accepts the credentials, and is ready."""
        return health.check(self._transport, self._submit, self._status, self._list)

    def close(self) -> None:
        """Give the connections up."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, parse: Callable[[Mapping[str, Any]], T], to: Endpoint, method: str, path: str, **options: Any) -> T:
        """The response of a service, parsed."""
        return responses.decode(to, self._transport.call(to, method, path, **options), parse)


def _job_path(job_id: str) -> str:
    if not job_id:
        raise NotFoundError("No such job")
    return f"{_JOBS}/{quote(job_id, safe='')}"


def _idempotency_key(key: str) -> str:
    if len(key) > _LONGEST_KEY or not all("!" <= character <= "~" for character in key):
        raise ValidationError("Idempotency-Key must be 1 to 255 visible ASCII characters")
    return key
