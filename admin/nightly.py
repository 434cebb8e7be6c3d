"""Submission of the latest complete days; idempotent, so that a schedule may repeat it."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from admin.api import ApiClient
from shared.errors import Unavailable


def last_days(now: datetime, zone: str, count: int) -> list[date]:
    """Return the last `count` days that are complete in the time zone, oldest first."""
    today = now.astimezone(ZoneInfo(zone)).date()
    return [today - timedelta(days=age) for age in range(count, 0, -1)]


def submit_days(
    api: ApiClient, url: str, days: Sequence[date], devices: Sequence[str], report: Callable[[str, str], None]
) -> None:
    """Submit a job for each day and device ("" is all devices), with an idempotency key for each.

    Raises Unavailable with the first failure after all jobs were attempted.
    """
    failure = ""
    for day in days:
        for device_id in devices:
            state = _submit(api, url, day, device_id)
            report(f"{day} {device_id or 'all devices'}", state)
            failure = failure or ("" if state.startswith("job ") else state)
    if failure:
        raise Unavailable("API", failure)


def _submit(api: ApiClient, url: str, day: date, device_id: str) -> str:
    """Return "job ID", or the failure."""
    body = {"date": day.isoformat(), "device_id": device_id}
    headers = {"Idempotency-Key": f"nightly/{day}/{device_id}"}
    try:
        response = api.request("POST", f"{url}/api/distance/calculate", body, headers)
    except Unavailable as exc:
        return exc.cause
    return f"job {response.json()['job_id']}" if response.status == 202 else f"status {response.status}"
