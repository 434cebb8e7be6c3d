"""Nightly submission: each day once, and a failed day does not prevent others."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
import urllib3

from admin.api import ApiClient
from admin.nightly import last_days, submit_days
from shared.errors import SettingsError, Unavailable

JUST_AFTER_MIDNIGHT = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
DAYS = [date(2026, 2, 27), date(2026, 2, 28)]


class Response:
    def __init__(self, status: int) -> None:
        self.status = status

    def json(self) -> dict[str, str]:
        return {"job_id": "j"}


class Http(urllib3.PoolManager):
    """Records requests; "away" returns 503 for the first day, "broken" raises a connection error."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[dict[str, Any]] = []

    def request(self, method: str, url: str, *_: Any, **options: Any) -> Any:
        self.requests.append({"method": method, "url": url, **options})
        if "broken" in url:
            raise urllib3.exceptions.MaxRetryError(None, url, None)  # type: ignore[arg-type] # the pool is unused
        return Response(503 if "away" in url and options["json"]["date"] == "2026-02-27" else 202)


@pytest.mark.parametrize(
    ("zone", "count", "days"),
    [
        ("UTC", 1, ["2026-02-28"]),
        ("America/New_York", 1, ["2026-02-27"]),  # 28 February is not complete there
        ("Asia/Tokyo", 3, ["2026-02-26", "2026-02-27", "2026-02-28"]),
    ],
)
def test_the_last_days_depend_on_the_time_zone(zone: str, count: int, days: list[str]) -> None:
    assert [day.isoformat() for day in last_days(JUST_AFTER_MIDNIGHT, zone, count)] == days


def test_idempotency_keys_are_unique_per_day_and_device_and_stable() -> None:
    http = Http()
    reports: list[tuple[str, str]] = []
    for _ in range(2):
        submit_days(ApiClient(http=http), "http://submit", DAYS, ["", "garmin"], lambda *line: reports.append(line))
    keys = [request["headers"]["Idempotency-Key"] for request in http.requests]
    assert keys[:4] == keys[4:]
    assert len(set(keys)) == 4
    assert reports[0] == ("2026-02-27 all devices", "job j")
    assert http.requests[1]["json"] == {"date": "2026-02-27", "device_id": "garmin"}


@pytest.mark.parametrize(("url", "cause"), [("http://away", "status 503"), ("http://broken", "MaxRetryError")])
def test_a_failed_day_is_reported_after_all_days_were_submitted(url: str, cause: str) -> None:
    http = Http()
    with pytest.raises(Unavailable) as failed:
        submit_days(ApiClient(http=http), url, DAYS, [""], lambda *_: None)
    assert failed.value.cause == cause
    assert [request["json"]["date"] for request in http.requests] == ["2026-02-27", "2026-02-28"]


def test_the_first_api_key_is_sent() -> None:
    http = Http()
    submit_days(ApiClient("k" * 32 + ", " + "o" * 32, http=http), "http://submit", DAYS, [""], lambda *_: None)
    assert {request["headers"]["x-api-key"] for request in http.requests} == {"k" * 32}
    with pytest.raises(SettingsError, match="API_KEYS: expected comma-separated keys of 32"):
        ApiClient("short")
