"""A range of days: a job for each, a few at a time, none twice however often the range is asked for."""

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
_TOO_MANY = 429


@dataclass(frozen=True)
class Asked:
    """What is to be calculated for each day."""

    device_id: str = ""
    timezone: str | None = None
    home: tuple[float, float] | None = None
    away_threshold_km: float | None = None

    def key(self, day: date) -> str:
        """The Idempotency-Key that makes the same day of the same range the same job."""
        place = "" if self.home is None else f"{self.home[0]},{self.home[1]}"
        away = "" if self.away_threshold_km is None else str(self.away_threshold_km)
        key = "/".join(("range", day.isoformat(), self.device_id, self.timezone or "", place, away))
        return quote(key, safe=string.punctuation)  # what else a device or time zone has, the service refuses by name


@dataclass(frozen=True)
class Outcome:
    """How a day went: a completed job, or why there is none."""

    day: str
    job: Job | None = None
    code: str = ""
    message: str = ""

    @property
    def good(self) -> bool:
        """A day without fixes is no failure."""
        return self.job is not None or self.code == NO_DATA


def days(first: date, last: date) -> Iterator[date]:
    """Both ends included."""
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


@dataclass(frozen=True)
class Range:
    """Days to calculate through one client; `seconds` for each of them."""

    client: Client
    asked: Asked = field(default_factory=Asked)
    seconds: float = 300

    def run(self, first: date, last: date, at_once: int, tell: Callable[[Outcome], None]) -> list[Outcome]:
        """The outcomes in the order of days; `tell` is given each as soon as it is known.

        ConfigurationError for all of them ends it.
        """
        outcomes = []
        with ThreadPool(at_once) as pool:  # its threads are daemons: Ctrl-C does not wait for jobs
            for outcome in pool.imap_unordered(self._day, days(first, last)):
                tell(outcome)
                outcomes.append(outcome)
        return sorted(outcomes, key=lambda outcome: outcome.day)

    def _day(self, day: date) -> Outcome:
        try:
            return Outcome(day.isoformat(), self.client.wait(self._submitted(day).job_id, self.seconds))
        except JobFailedError as exc:
            return Outcome(day.isoformat(), code=exc.code, message=str(exc))
        except ConfigurationError:
            raise  # it is the same for each day
        except OtelWorkerError as exc:
            return Outcome(day.isoformat(), code=exc.code or type(exc).__name__, message=str(exc))

    def _submitted(self, day: date) -> Job:
        """The day's job; one that failed for want of a dependency makes place for another."""
        job = self._submit(day)
        if job.status == "failed" and self.client.job(job.job_id).error_code != NO_DATA:
            self.client.delete(job.job_id)
            job = self._submit(day)
        return job

    def _submit(self, day: date) -> Job:
        """Submitted; a limit of the service makes it take longer, and nothing more."""
        ends = time.monotonic() + self.seconds
        while True:
            try:
                return self._once(day)
            except ServiceUnavailableError as exc:
                if exc.status != _TOO_MANY or time.monotonic() + exc.retry_after > ends:
                    raise
                time.sleep(exc.retry_after)

    def _once(self, day: date) -> Job:
        asked = self.asked
        return self.client.submit(
            day.isoformat(),
            asked.device_id,
            timezone=asked.timezone,
            home=asked.home,
            away_threshold_km=asked.away_threshold_km,
            idempotency_key=asked.key(day),
        )
