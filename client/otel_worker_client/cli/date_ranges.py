"""Jobs for a range of days, several at a time; a repeated run creates no second job."""

import string
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from multiprocessing.pool import ThreadPool
from urllib.parse import quote

from otel_worker_client.client import Client
from otel_worker_client.errors import ConfigurationError, JobFailedError, OtelWorkerError, ServiceUnavailableError
from otel_worker_client.models import Job

NO_DATA = "NO_DATA"
_TOO_MANY_REQUESTS = 429


@dataclass(frozen=True)
class JobParameters:
    """The parameters of the job of each day."""

    device_id: str = ""
    timezone: str | None = None
    home: tuple[float, float] | None = None
    away_threshold_km: float | None = None

    def key(self, day: date) -> str:
        """Return the idempotency key of a day: the same parameters give the same job."""
        home = "" if self.home is None else f"{self.home[0]},{self.home[1]}"
        away = "" if self.away_threshold_km is None else str(self.away_threshold_km)
        key = "/".join(("range", day.isoformat(), self.device_id, self.timezone or "", home, away))
        return quote(key, safe=string.punctuation)  # the service rejects other characters


@dataclass(frozen=True)
class Outcome:
    """The result of a day: a completed job, or an error code and message."""

    day: str
    job: Job | None = None
    code: str = ""
    message: str = ""

    @property
    def is_success(self) -> bool:
        """Return whether the day has a completed job, or no fixes."""
        return self.job is not None or self.code == NO_DATA


def days(first: date, last: date) -> Iterator[date]:
    """Yield the days from `first` to `last`, both included."""
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


@dataclass(frozen=True)
class RangeRunner:
    """Runs the jobs of a range through one client; `timeout` is in seconds, for each day."""

    client: Client
    parameters: JobParameters = field(default_factory=JobParameters)
    timeout: float = 300

    def run(self, first: date, last: date, concurrency: int, on_outcome: Callable[[Outcome], None]) -> list[Outcome]:
        """Return the outcomes in order of days; `on_outcome` is called with each as soon as it is known.

        Raises ConfigurationError, which would be the same for every day.
        """
        outcomes = []
        with ThreadPool(concurrency) as pool:  # daemon threads: Ctrl-C does not wait for jobs
            for outcome in pool.imap_unordered(self._run_day, days(first, last)):
                on_outcome(outcome)
                outcomes.append(outcome)
        return sorted(outcomes, key=lambda outcome: outcome.day)

    def _run_day(self, day: date) -> Outcome:
        try:
            return Outcome(day.isoformat(), self.client.wait(self._submit_or_replace(day).job_id, self.timeout))
        except JobFailedError as exc:
            return Outcome(day.isoformat(), code=exc.code, message=str(exc))
        except ConfigurationError:
            raise
        except OtelWorkerError as exc:
            return Outcome(day.isoformat(), code=exc.code or type(exc).__name__, message=str(exc))

    def _submit_or_replace(self, day: date) -> Job:
        """Return the day's job; replace one that failed, unless the day has no fixes."""
        job = self._submit(day)
        if job.status == "failed" and self.client.job(job.job_id).error_code != NO_DATA:
            self.client.delete(job.job_id)
            job = self._submit(day)
        return job

    def _submit(self, day: date) -> Job:
        """Submit a job; wait and retry if the rate limit is exceeded."""
        deadline = time.monotonic() + self.timeout
        while True:
            try:
                return self._submit_once(day)
            except ServiceUnavailableError as exc:
                if exc.status != _TOO_MANY_REQUESTS or time.monotonic() + exc.retry_after > deadline:
                    raise
                time.sleep(exc.retry_after)

    def _submit_once(self, day: date) -> Job:
        parameters = self.parameters
        return self.client.submit(
            day.isoformat(),
            parameters.device_id,
            timezone=parameters.timezone,
            home=parameters.home,
            away_threshold_km=parameters.away_threshold_km,
            idempotency_key=parameters.key(day),
        )
