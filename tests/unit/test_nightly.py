"""The days that have ended, submitted each night: each once, and one that fails keeps none of the others."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
import urllib3

from admin.api import Api
from admin.nightly import ended, nightly
from shared.errors import SettingsError, Unavailable

JUST_AFTER_MIDNIGHT = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
DAYS = [date(2026, 2, 27), date(2026, 2, 28)]


class Answer:
    def __init__(self, status: int) -> None:
        self.status = status

    def json(self) -> dict[str, str]:
        return {"job_id": "j"}


class Http(urllib3.PoolManager):
    """Keeps what is sent; of "away" the first day is answered with 503, and "broken" answers nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[dict[str, Any]] = []

    def request(self, method: str, url: str, *_: Any, **more: Any) -> Any:
        self.sent.append({"method": method, "url": url, **more})
        if "broken" in url:
            raise urllib3.exceptions.MaxRetryError(None, url, None)  # type: ignore[arg-type] # no pool is asked
        return Answer(503 if "away" in url and more["json"]["date"] == "2026-02-27" else 202)


@pytest.mark.parametrize(
    ("zone", "count", "days"),
    [
        ("UTC", 1, ["2026-02-28"]),
        ("America/New_York", 1, ["2026-02-27"]),  # there the last of February has not ended
        ("Asia/Tokyo", 3, ["2026-02-26", "2026-02-27", "2026-02-28"]),
    ],
)
def test_yesterday_is_that_of_the_zone(zone: str, count: int, days: list[str]) -> None:
    assert [day.isoformat() for day in ended(JUST_AFTER_MIDNIGHT, zone, count)] == days


def test_each_day_and_device_has_a_key_of_its_own_and_the_same_each_night() -> None:
    http = Http()
    said: list[tuple[str, str]] = []
    for _ in range(2):
        nightly(Api(http=http), "http://submit", DAYS, ["", "garmin"], lambda *told: said.append(told))
    keys = [request["headers"]["Idempotency-Key"] for request in http.sent]
    assert keys[:4] == keys[4:]
    assert len(set(keys)) == 4
    assert said[0] == ("2026-02-27 all devices", "job j")
    assert http.sent[1]["json"] == {"date": "2026-02-27", "device_id": "garmin"}


@pytest.mark.parametrize(("url", "cause"), [("http://away", "status 503"), ("http://broken", "MaxRetryError")])
def test_a_day_that_fails_keeps_no_other_and_is_told(url: str, cause: str) -> None:
    http = Http()
    with pytest.raises(Unavailable) as told:
        nightly(Api(http=http), url, DAYS, [""], lambda *_: None)
    assert told.value.cause == cause
    assert [request["json"]["date"] for request in http.sent] == ["2026-02-27", "2026-02-28"]


def test_where_the_door_asks_for_a_key_the_first_one_is_sent() -> None:
    http = Http()
    nightly(Api("k" * 32 + ", " + "o" * 32, http=http), "http://submit", DAYS, [""], lambda *_: None)
    assert {request["headers"]["x-api-key"] for request in http.sent} == {"k" * 32}
    with pytest.raises(SettingsError, match="API_KEYS: expected comma-separated keys of 32"):
        Api("short")
