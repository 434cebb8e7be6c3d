"""Submits the days that have ended, for a schedule to run: however often it runs, each day is one job."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import urllib3

from shared.errors import Unavailable

_RETRIES = urllib3.Retry(
    5, backoff_factor=1, status_forcelist=(429, 502, 503, 504), allowed_methods=None, raise_on_status=False
)

Say = Callable[[str, str], None]


def ended(now: datetime, zone: str, count: int) -> list[date]:
    """The last `count` days that have ended in `zone`, the oldest first."""
    today = now.astimezone(ZoneInfo(zone)).date()
    return [today - timedelta(days=back) for back in range(count, 0, -1)]


def nightly(url: str, days: Sequence[date], devices: Sequence[str], say: Say) -> None:
    """A job for each day and device ("" is all of them), new or there already; Unavailable once all were tried."""
    http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=5, read=60), retries=_RETRIES)
    failed = ""
    for day in days:
        for device_id in devices:
            told = _submitted(http, url, day, device_id)
            say(f"{day} {device_id or 'all devices'}", told)
            failed = failed or ("" if told.startswith("job ") else told)
    if failed:
        raise Unavailable("API", failed)


def _submitted(http: urllib3.PoolManager, url: str, day: date, device_id: str) -> str:
    """What became of it, in a few words."""
    body = {"date": day.isoformat(), "device_id": device_id}
    key = {"Idempotency-Key": f"nightly/{day}/{device_id}"}
    try:
        answer = http.request("POST", f"{url}/api/distance/calculate", json=body, headers=key, redirect=False)
    except urllib3.exceptions.HTTPError as exc:
        return type(exc).__name__
    return f"job {answer.json()['job_id']}" if answer.status == 202 else f"status {answer.status}"
