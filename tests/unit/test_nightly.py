"""Nightly submission: each day on three nights, and a failed day does not prevent others."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import urllib3

from admin.api import ApiClient
from admin.nightly import PastDay, last_days, submit_days
from shared.errors import SettingsError, Unavailable

JUST_AFTER_MIDNIGHT = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
DAYS = [PastDay(date(2026, 2, 27), 2), PastDay(date(2026, 2, 28), 1)]


class Response:
    def __init__(self, status: int, state: str) -> None:
        self.status = status
        self.state = state

    def json(self) -> dict[str, str]:
        return {"job_id": "j", "status": self.state}


class Http(urllib3.PoolManager):
    """Records requests; "away" returns 503 for the first day, "broken" raises a connection error.

    `state` is that of the jobs.
    """

    def __init__(self, state: str = "queued") -> None:
        super().__init__()
        self.state = state
        self.requests: list[dict[str, Any]] = []

    def request(self, method: str, url: str, *_: Any, **options: Any) -> Any:
        self.requests.append({"method": method, "url": url, **options})
        if "broken" in url:
            raise urllib3.exceptions.MaxRetryError(None, url, None)  # type: ignore[arg-type] # the pool is unused
        return Response(503 if "away" in url and options["json"]["date"] == "2026-02-27" else 202, self.state)

    def idempotency_keys(self) -> list[str]:
        return [request["headers"]["Idempotency-Key"] for request in self.requests]


@pytest.mark.parametrize(
    ("zone", "count", "days"),
    [
        ("UTC", 1, ["2026-02-28"]),
        ("America/New_York", 1, ["2026-02-27"]),  # 28 February is not complete there
        ("Asia/Tokyo", 3, ["2026-02-26", "2026-02-27", "2026-02-28"]),
    ],
)
def test_the_last_days_depend_on_the_time_zone(zone: str, count: int, days: list[str]) -> None:
    last = last_days(JUST_AFTER_MIDNIGHT, zone, count)
    assert [day.date.isoformat() for day in last] == days
    assert [day.age for day in last] == list(range(count, 0, -1))


def test_idempotency_keys_are_unique_per_day_and_device_and_stable() -> None:
    http = Http()
    reports: list[tuple[str, str]] = []
    for _ in range(2):
        submit_days(ApiClient(http=http), "http://submit", DAYS, ["", "garmin"], lambda *line: reports.append(line))
    assert http.idempotency_keys()[:4] == http.idempotency_keys()[4:]
    assert len(set(http.idempotency_keys())) == 4
    assert reports[0] == ("2026-02-27 all devices", "job j")
    assert http.requests[1]["json"] == {"date": "2026-02-27", "device_id": "garmin"}


def keys_of(day: str, nights: list[int], count: int = 7) -> list[str]:
    """Return the keys of a day's job in runs that are so many nights after it."""
    http = Http()
    for night in nights:
        now = datetime.fromisoformat(f"{day}T03:20:00Z") + timedelta(days=night)
        submit_days(ApiClient(http=http), "http://submit", last_days(now, "UTC", count), [""], lambda *_: None)
    return [key for key in http.idempotency_keys() if f"/{day}/" in key]


def test_each_of_three_nights_has_a_key_of_its_own_and_later_nights_repeat_the_last() -> None:
    keys = keys_of("2026-02-27", list(range(10)))
    assert keys == [f"nightly/2026-02-27//{night}" for night in (1, 2, 3, 3, 3, 3, 3)]


@pytest.mark.parametrize(("nights", "jobs"), [([2, 3, 4], 2), ([1, 2, 5], 3), ([6, 7], 1), ([8], 0)])
def test_missed_nights_are_made_up_for_within_the_days_of_a_run(nights: list[int], jobs: int) -> None:
    assert len(set(keys_of("2026-02-27", nights))) == jobs


def test_one_day_a_run_calculates_each_day_once() -> None:
    assert keys_of("2026-02-27", list(range(10)), count=1) == ["nightly/2026-02-27//1"]


def test_a_job_that_has_failed_is_reported_and_fails_no_run() -> None:
    reports: list[tuple[str, str]] = []
    submit_days(ApiClient(http=Http("failed")), "http://submit", DAYS, [""], lambda *line: reports.append(line))
    assert reports == [("2026-02-27 all devices", "job j failed"), ("2026-02-28 all devices", "job j failed")]


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
