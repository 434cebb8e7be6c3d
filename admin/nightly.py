"""Submits the days that have ended, for a schedule to run: however often it runs, each day is one job."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from admin.api import Api
from shared.errors import Unavailable

Say = Callable[[str, str], None]


def ended(now: datetime, zone: str, count: int) -> list[date]:
    """The last `count` days that have ended in `zone`, the oldest first."""
    today = now.astimezone(ZoneInfo(zone)).date()
    return [today - timedelta(days=back) for back in range(count, 0, -1)]


def nightly(api: Api, url: str, days: Sequence[date], devices: Sequence[str], say: Say) -> None:
    """A job for each day and device ("" is all of them), new or there already; Unavailable once all were tried."""
    failed = ""
    for day in days:
        for device_id in devices:
            told = _submitted(api, url, day, device_id)
            say(f"{day} {device_id or 'all devices'}", told)
            failed = failed or ("" if told.startswith("job ") else told)
    if failed:
        raise Unavailable("API", failed)


def _submitted(api: Api, url: str, day: date, device_id: str) -> str:
    """What became of it, in a few words."""
    body = {"date": day.isoformat(), "device_id": device_id}
    key = {"Idempotency-Key": f"nightly/{day}/{device_id}"}
    try:
        answer = api.asked("POST", f"{url}/api/distance/calculate", body, key)
    except Unavailable as exc:
        return exc.cause
    return f"job {answer.json()['job_id']}" if answer.status == 202 else f"status {answer.status}"
