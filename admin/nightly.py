"""Submission of the latest complete days; idempotent, so that a schedule may repeat it."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from admin.api import ApiClient
from shared.days import today
from shared.errors import Unavailable

NIGHTS = 3  # a day is calculated on each of the nights after it, because devices may report its fixes late


class PastDay(NamedTuple):
    """A complete day, and its age: the number of days from it to the current day, at least 1."""

    date: date
    age: int

    def key(self, device_id: str) -> str:
        """Return the idempotency key of its job of a device.

        It differs on each of the NIGHTS nights, and remains that of the last one, so that later nights make up for it.
        """
        return f"nightly/{self.date}/{device_id}/{min(self.age, NIGHTS)}"


def last_days(now: datetime, zone: str, count: int) -> list[PastDay]:
    """Return the last `count` days that are complete in the time zone, oldest first."""
    current = today(zone, now)
    return [PastDay(current - timedelta(days=age), age) for age in range(count, 0, -1)]


def submit_days(
    api: ApiClient, url: str, days: Sequence[PastDay], devices: Sequence[str], report: Callable[[str, str], None]
) -> None:
    """Submit a job for each day and device ("" is all devices), with an idempotency key for each.

    Raises Unavailable with the first failed request after all jobs were attempted.
    """
    failure = ""
    for day in days:
        for device_id in devices:
            state = _submit(api, url, day, device_id)
            report(f"{day.date} {device_id or 'all devices'}", state)
            failure = failure or ("" if state.startswith("job ") else state)
    if failure:
        raise Unavailable("API", failure)


def _submit(api: ApiClient, url: str, day: PastDay, device_id: str) -> str:
    """Return "job ID", "job ID failed" if the job of the key has failed already, or why there is no job."""
    body = {"date": day.date.isoformat(), "device_id": device_id}
    headers = {"Idempotency-Key": day.key(device_id)}
    try:
        response = api.request("POST", f"{url}/api/distance/calculate", body, headers)
    except Unavailable as exc:
        return exc.cause
    if response.status != 202:
        return f"status {response.status}"
    job = response.json()
    return f"job {job['job_id']}" + (" failed" if job["status"] == "failed" else "")
