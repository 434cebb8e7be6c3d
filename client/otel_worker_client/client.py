"""The service's routes as methods."""

import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from otel_worker_client import downloads
from otel_worker_client.errors import JobFailedError, NotFinishedError, NotFoundError, ServiceUnavailableError
from otel_worker_client.models import Devices, Job, Page
from otel_worker_client.transport import NoAnswer, Token, Transport

DEFAULT_URL = "http://127.0.0.1:8080"
_JOBS = "/api/distance/jobs"
_LONGEST_LOOK_SECONDS = 10.0
_HEALTH_SECONDS = 5.0


class Client:
    """One for any number of threads; `timeout` is in seconds, for a call with all of its tries.

    `url` is a gateway's, or distance-submit's; then `status_url` and `list_url` are those of the others. A cold start
    fits into the default timeout. Where the service asks who calls, a bearer `token`, or a function that has a good one
    at any time, or an `api_key` says it. Every method raises OtelWorkerError, of the kinds in errors.py.
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
        self._submit_url = url.rstrip("/")
        self._status_url = (status_url or url).rstrip("/")
        self._list_url = (list_url or url).rstrip("/")
        self._transport = Transport(timeout, token, api_key)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Of the service at OTEL_WORKER_URL, with OTEL_WORKER_TOKEN or OTEL_WORKER_API_KEY if they are set."""
        token, api_key = (environ.get(f"OTEL_WORKER_{name}") or None for name in ("TOKEN", "API_KEY"))
        return cls(environ.get("OTEL_WORKER_URL") or DEFAULT_URL, token=token, api_key=api_key)

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
        key = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        answer = self._transport.call("POST", f"{self._submit_url}/api/distance/calculate", json=body, headers=key)
        return Job.read(answer.json(), date=date, device_id=device_id)

    def job(self, job_id: str) -> Job:
        """The job as it is now; its CSV's URL is a fresh one."""
        return Job.read(self._transport.call("GET", self._job_url(job_id)).json())

    def wait(self, job_id: str, timeout: float = 180, tell: Callable[[Job], None] = lambda _: None) -> Job:
        """The job once it is completed; `tell` is given it at each look.

        JobFailedError if it fails, NotFinishedError after `timeout` seconds: it goes on then.
        """
        ends, pause, status = time.monotonic() + timeout, 0.0, "not to be seen"
        while True:
            after = ""
            try:
                answer = self._transport.call("GET", self._job_url(job_id))
            except ServiceUnavailableError:
                if time.monotonic() > ends:
                    raise
            else:
                job = Job.read(answer.json())
                tell(job)
                if job.status == "failed":
                    raise JobFailedError(job.error_message, code=job.error_code, trace_id=job.job_trace_id)
                if job.finished:
                    return job
                after, status = answer.headers.get("Retry-After", ""), job.status
            pause = min(max(float(after) if after.isdecimal() else 1.0, pause * 1.5), _LONGEST_LOOK_SECONDS)
            if time.monotonic() + pause > ends:
                raise NotFinishedError(f"job {job_id} is still {status} after {timeout:.0f} s")
            time.sleep(pause)

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

        Results there are without a way to the CSV, and may be missing while records can't be read.
        """
        wanted = {"status": status, "date": date, "device_id": device_id, "results": "" if results else "false"}
        query = {"limit": limit, "offset": offset, **{name: text for name, text in wanted.items() if text}}
        return Page.read(self._transport.call("GET", self._list_url + _JOBS, query=query).json())

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
        return Devices.read(self._transport.call("GET", f"{self._list_url}/api/distance/devices").json())

    def stats(self) -> dict[str, int]:
        """How many jobs are in each state, and the `total`."""
        body = self._transport.call("GET", f"{self._list_url}/api/distance/stats").json()
        return {name: count for name, count in body.items() if isinstance(count, int)}

    def delete(self, job_id: str) -> None:
        """The job goes, with its CSVs, whatever state it is in."""
        self._transport.call("DELETE", self._job_url(job_id))

    def download(self, job: Job | str, into: Path = Path()) -> Path:
        """The CSV of a completed job, whole, in the folder or at the path `into`; where it lies."""
        job_id = job if isinstance(job, str) else job.job_id
        return downloads.download(lambda: self.job(job_id), self._transport, into)

    def csv(self, filename: str) -> Iterator[bytes]:
        """The CSV of that name, piece by piece, to be passed on; it is asked for before the first piece is taken."""
        answer = self._transport.call("GET", f"{self._status_url}/api/distance/download/{quote(filename, safe='')}")
        return downloads.pieces(self._transport, answer.headers["Location"])

    def healthy(self) -> bool:
        """Whether each service is there and would do its work."""
        try:
            for url in dict.fromkeys((self._submit_url, self._status_url, self._list_url)):
                if self._transport.once("GET", f"{url}/readyz", _HEALTH_SECONDS).status_code != 200:
                    return False
        except NoAnswer:
            return False
        return True

    def close(self) -> None:
        """Give the connections up."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _job_url(self, job_id: str) -> str:
        if not job_id:
            raise NotFoundError("No such job")
        return f"{self._status_url}{_JOBS}/{quote(job_id, safe='')}"
